"""IRC logs in blocks: a line with the epoch, one with the nick, the text, a blank line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import pairwise

from ingest.parsers.irc_clock import STAMPS, Stamp, stamp_of
from ingest.parsers.irc_lines import Entry, Event

_EPOCH = re.compile(r"\d{9,10}$")
_MAX_BLOCK = 1 << 20
"""Characters; what goes on longer is no message."""
_NICK = re.compile(r"[^\s<>]{1,64}$")


def is_blocks(lines: list[str]) -> bool:
    """Whether a file that begins with ``lines`` is made of such blocks."""
    told = [line for line in lines[:2000] if line.strip()]
    if len(told) < 3 or not (_EPOCH.match(told[0]) and _NICK.match(told[1])):
        return False
    starts = [bool(_EPOCH.match(b)) and not a for a, b in pairwise(["", *lines[:2000]])]
    return sum(starts) * 5 >= len(told)


def blocks(lines: Iterable[tuple[int, str]]) -> Iterator[tuple[int, Entry]]:
    """Every block, and the number of the line it starts on."""
    block: list[str] = []
    start, size, was_blank = 0, 0, True
    for number, line in lines:
        if (was_blank and _EPOCH.match(line)) or size > _MAX_BLOCK:
            if block:
                yield start, _entry(block)
            block, start, size = [line], number, 0
        elif line.strip() or block:
            block.append(line)
            size += len(line)
        was_blank = not line.strip()
    if block:
        yield start, _entry(block)


def _entry(block: list[str]) -> Entry:
    stamp = _stamp(block[0])
    if stamp is None or len(block) < 2 or not _NICK.match(block[1]):
        return Entry(Event.OTHER, text="\n".join(block))
    return Entry(Event.SAID, block[1], "\n".join(block[2:]).strip(), stamp)


def _stamp(line: str) -> Stamp | None:
    found = next((m for layout in STAMPS if (m := layout.match(f"{line} "))), None)
    return stamp_of(found) if found else None
