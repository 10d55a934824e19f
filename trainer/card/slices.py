"""What people wrote, as samples: @self's replies by time, other members' replies by name."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import groupby

from ingest.chat import Line, Turn, Window
from trainer.card.wording import Replies

FEWEST_MONTHS = 4
MOST_SLICES = 12
MOST_OTHERS = 5

_BEGINNING = datetime.min.replace(tzinfo=UTC)


def own_replies(windows: Iterable[Window]) -> list[Turn]:
    """Every turn of @self that is learned from or judged by, once, oldest first."""
    turns = {turn.lines[0].message_id or id(turn): turn for w in windows for turn in w.replies}
    return sorted(turns.values(), key=lambda turn: turn.lines[0].sent_at or _BEGINNING)


def texts(turns: Iterable[Turn]) -> Replies:
    """The messages of each turn."""
    return [tuple(line.text for line in turn.lines) for turn in turns]


def slices(turns: Sequence[Turn], size: int) -> tuple[str, list[tuple[str, Replies]]]:
    """@self's replies in slices of at least ``size``: by month, or in equal parts.

    Returns what they are (``months`` or ``parts``) and the slices, fewer than two where there is
    too little.
    """
    months: dict[str, list[Turn]] = defaultdict(list)
    for turn in turns:
        if turn.lines[0].sent_at:
            months[f"{turn.lines[0].sent_at:%Y-%m}"].append(turn)
    full = [(name, texts(found)) for name, found in sorted(months.items()) if len(found) >= size]
    if len(full) >= FEWEST_MONTHS:
        return "months", _thinned(full)
    count = min(MOST_SLICES, len(turns) // max(1, size))
    parts = [
        (f"part {i + 1}", texts(turns[i * len(turns) // count : (i + 1) * len(turns) // count]))
        for i in range(count)
    ]
    return "parts", parts


def _thinned(found: list[tuple[str, Replies]]) -> list[tuple[str, Replies]]:
    if len(found) <= MOST_SLICES:
        return found
    return [found[i * len(found) // MOST_SLICES] for i in range(MOST_SLICES)]


def other_members(
    windows: Iterable[Window], *, fewest: int, most: int = MOST_OTHERS
) -> dict[str, Replies]:
    """Those who wrote most, with what they wrote in a row as one reply; at least ``fewest``."""
    found: dict[str, dict[str, tuple[str, ...]]] = defaultdict(dict)
    for window in windows:
        for turn in window.turns:
            for handle, lines in groupby([] if turn.is_self else turn.lines, _handle):
                said = list(lines)
                found[handle][said[0].message_id or said[0].text] = tuple(s.text for s in said)
    ranked = sorted(found.items(), key=lambda item: -len(item[1]))
    return {
        handle: list(said.values())
        for handle, said in ranked[:most]
        if handle and len(said) >= fewest
    }


def _handle(line: Line) -> str:
    return line.handle
