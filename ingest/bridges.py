"""Bridges: accounts that carry what others wrote elsewhere, as ``<user> text`` and its kin.

The shapes are those of the bridges people run: matterbridge's default ``[irc] <user> text``
(its ``RemoteNickFormat``), discord-irc's ``**<user>** text`` and ``<user> text``, teleirc's
``<user> text``, and the plain ``user: text`` of many small scripts.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from ingest.chat import Account, RawMessage

KEY = "bridge:"
"""How the account of someone behind a bridge begins."""
LEAST_MESSAGES = 20
"""An account with fewer messages is not judged by what it writes."""
SAMPLE = 400
SHARE = 0.9
LEAST_NAMES = 5

_TAG = r"(?:\[[^\]\s]{1,20}\]\s*)?"
STYLES = {
    "angle": re.compile(
        rf"{_TAG}(?:\*\*)?<(?![#:/!]|@\d|a:|\w+://)[\s@]*(?P<user>[^<>\n]{{1,64}})>(?:\*\*)?:?\s+"
    ),
    "bold": re.compile(
        rf"{_TAG}\*\*@?(?P<user>[^*\n:：]{{1,64}})(?:\*\*\s*[:：]?|[:：]\s*\*\*)\s+"
    ),
    "square": re.compile(r"\[(?P<user>[^\]\n]{1,64})\]:?\s+"),
    "colon": re.compile(r"(?P<user>[^\s:：<>\[\]/][^:：<>\n/]{0,40})[:：]\s+"),
}
"""What stands before the text, by the name of the shape; ``user`` wrote it."""
TAGGED = "tagged"
"""The shapes nobody types by hand, taken from accounts that are bridges by their name."""
_BY_STYLE = {**{style: (style,) for style in STYLES}, TAGGED: ("angle", "bold")}
_ADDRESSING = {"square", "colon"}
"""Shapes people use themselves: on IRC ``nick: text`` speaks to nick."""
_PLATFORM = r"(?:discord|telegram|tg|irc|slack|matrix|xmpp|mattermost|gitter|zulip|whatsapp)"
_KNOWN = re.compile(
    r"(?:^|[\W_])(?:matterbridge|matterbot|teleirc|heisenbridge|bridge[\W_]?bot|relay[\W_]?bot"
    rf"|{_PLATFORM}[\W_]?(?:bridge|relay|gateway|link|{_PLATFORM})(?:[\W_]?bot)?)(?:$|[\W_])",
    re.IGNORECASE,
)


def style_by_name(account: Account) -> str | None:
    """The style of an account whose name says that it is a bridge, or None."""
    return TAGGED if _KNOWN.search(account.name) else None


def split_author(text: str, style: str) -> tuple[str, str] | None:
    """The name before a bridged text and the text itself, or None where there is no such name."""
    for shape in _BY_STYLE[style]:
        found = STYLES[shape].match(text)
        if found and (name := visible(found["user"])):
            return name, text[found.end() :]
    return None


def unwrapped(message: RawMessage, style: str) -> RawMessage:
    """The message as written by the person behind the bridge, or as it is."""
    found = split_author(message.text, style)
    if found is None:
        return message
    return replace(message, author=bridged(message.author.platform, found[0]), text=found[1])


def bridged(platform: str, name: str) -> Account:
    """The account of someone who is here only through a bridge."""
    return Account(platform, f"{KEY}{name}", name)


def style_of(texts: Sequence[str], natives: Iterable[str]) -> str | None:
    """The style in which an account with these ``texts`` carries others' words, or None.

    ``natives`` are the casefolded names of those who speak in its chats themselves: who writes
    ``nick: text`` to people that are there is speaking to them.
    """
    if len(texts) < LEAST_MESSAGES:
        return None
    there = set(natives)
    return next((style for style in STYLES if _carries(texts, style, there)), None)


def _carries(texts: Sequence[str], style: str, natives: set[str]) -> bool:
    found = (split_author(text, style) for text in texts)
    names = Counter(split[0] for split in found if split)
    least = LEAST_NAMES if style in _ADDRESSING else LEAST_NAMES - 2
    if len(names) < least or names.total() < SHARE * len(texts):
        return False
    addressed = sum(count for name, count in names.items() if name.casefold() in natives)
    if style not in _ADDRESSING:  # some do write ``<nick> text`` to nick
        return addressed < 0.5 * names.total()
    return addressed < 0.2 * names.total() and len(names) < 0.5 * names.total()


def visible(name: str) -> str:
    """A name without what bridges put in to keep it from being a mention: zero-width characters."""
    shown = (char for char in name if unicodedata.category(char) not in ("Cf", "Cc"))
    return "".join(shown).strip()
