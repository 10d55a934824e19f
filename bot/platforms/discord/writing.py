"""Text as it is sent to Discord: nobody is pinged by it, and it is shown as it was typed.

Markdown stays as it is: what @self wrote on Discord was learned with its marks, and people see
them work. Three things are broken by a zero-width space, which nobody sees: whatever Discord shows
as a mention, a time or a command (``@everyone``, ``<@id>``, ``<#id>``, ``</name:id>``, ``<id:…>``,
``<t:…>``), custom emoji by number (the numbers are invented), and links that hide where they lead
(``[words](address)``). Backslashes would do less: a text may hold one of its own before. ``:name:``
becomes the server's emoji of that name.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping

import regex

LIMIT = 2000
"""Code points in a message: the API counts in Python (discord/discord-api-docs#1315)."""
PING_ROOM = 24
"""What ``<@id>`` may take beyond the handle it stands for."""
_GAP = "\u200b"
_ACTIVE = regex.compile(
    r"(?P<mass>@)(?=everyone|here)"
    r"|(?P<angle><)(?=@[!&]?\p{Nd}|#\p{Nd}|/[^<>\n]{1,200}:\p{Nd}+>|id:|t:-?\p{Nd}"
    r"|sound:|a?:\w+:\p{Nd})"
    r"|(?P<link>\])(?=\()",
    regex.IGNORECASE,
)
_EMOJI = regex.compile(r"(?<![\w:<]):(\w{2,32}):(?![\w:])", regex.ASCII)


def inert(text: str) -> str:
    """``text`` without anything that mentions, commands or hides."""
    return _ACTIVE.sub(lambda found: found[0] + _GAP, text)


def written(
    text: str, ping: tuple[str, str] | None = None, emoji: Mapping[str, str] | None = None
) -> str:
    """The content of a message: inert but for ``ping``, a handle and the id of its user.

    The first ``@handle`` becomes the mention; ``emoji`` are the server's own by name.
    """
    before, found, after = _around(text, ping[0]) if ping else (text, "", "")
    mention = f"<@{ping[1]}>" if ping and found else ""
    content = mention.join((inert(before), inert(after))) if found else inert(before)
    spelled = _EMOJI.sub(lambda name: (emoji or {}).get(name[1], name[0]), content)
    return spelled if len(spelled) <= LIMIT else content


def _around(text: str, handle: str) -> tuple[str, str, str]:
    """``text`` before the first ``@handle``, the handle, and what follows; all of it where none."""
    border = r"(?![A-Za-z0-9_])" if handle[-1:].isascii() else ""
    found = regex.search(rf"(?<![\w@<])@{regex.escape(handle)}{border}", text, regex.IGNORECASE)
    return (text[: found.start()], found[0], text[found.end() :]) if found else (text, "", "")


def longest(text: str) -> int:
    """How many code points of ``text`` fit one message, cut between grapheme clusters."""
    limit = LIMIT - (PING_ROOM if "@" in text else 0)
    if len(inert(text)) <= limit:
        return len(text)
    ends = [found.end() for found in regex.finditer(r"\X", text[: limit + 1])]
    fitting = bisect_right(ends, limit, key=lambda end: len(inert(text[:end])))
    if fitting:
        return ends[fitting - 1]
    return bisect_right(range(limit + 1), limit, key=lambda end: len(inert(text[:end]))) - 1


def cut(text: str) -> str:
    """As much of a notice as one message holds, inert."""
    content = inert(text.strip()) or "…"
    if len(content) <= LIMIT:
        return content
    ends = [found.end() for found in regex.finditer(r"\X", content[:LIMIT]) if found.end() < LIMIT]
    return content[: ends[-1] if ends else LIMIT - 1] + "…"
