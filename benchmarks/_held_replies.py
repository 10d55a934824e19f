"""Real replies of @self with the question that live recall would ask before them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from bot.responder import QUERY_LINES
from ingest.chat import Line
from ingest.chunks import words_in
from ingest.dataset.manifest import read_windows
from trainer.card.held_out import HeldOut, held_out

HELD_SPLITS = ("validation", "test")
"""Of a dataset: the last part of the chat by time, which no model here learned from."""
LATELY = timedelta(days=1)
"""What is more recent is the running conversation, not long-range memory."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A reply and what was said before it; ``lines`` are those recall is asked with."""

    held: HeldOut
    lines: tuple[Line, ...]
    moment: datetime
    lately: timedelta = LATELY

    @property
    def text(self) -> str:
        """The question as the live bot puts it."""
        return "\n".join(line.text for line in self.lines)

    @property
    def chat(self) -> str:
        """The conversation it happened in."""
        return self.held.window.chat

    @property
    def context(self) -> frozenset[str]:
        """Ids of the messages the model sees anyway."""
        return frozenset(line.message_id for turn in self.held.before for line in turn.lines)

    @property
    def before(self) -> datetime:
        """Long-range memory ends here."""
        return self.moment - self.lately

    @property
    def replies(self) -> tuple[str, ...]:
        """Ids of the messages of the real reply."""
        turn = self.held.window.turns[self.held.place]
        return tuple(line.message_id for line in turn.lines)


def asked_of(
    dataset: Path,
    count: int,
    *,
    splits: Sequence[str] = HELD_SPLITS,
    lately: timedelta = LATELY,
    is_wanted: Callable[[Asked], bool] = lambda _asked: True,
) -> list[Asked]:
    """At most ``count`` replies that give recall words, spread over the period of the splits."""
    windows = [w for split in splits for w in read_windows(dataset / f"{split}.jsonl")]
    found = (_asked(held, lately) for held in held_out(windows))
    kept = [asked for asked in found if asked is not None and is_wanted(asked)]
    return [kept[i * len(kept) // count] for i in range(count)] if len(kept) > count else kept


def _asked(held: HeldOut, lately: timedelta) -> Asked | None:
    lines = tuple(line for turn in held.before for line in turn.lines)[-QUERY_LINES:]
    instant = held.window.turns[held.place].lines[0].sent_at
    if instant is None or not words_in("\n".join(line.text for line in lines)):
        return None
    return Asked(held, lines, instant, lately)
