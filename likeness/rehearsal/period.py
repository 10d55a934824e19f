"""What was held out of learning, and what may be known in it: exchanges of the dataset by time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise
from pathlib import Path

from config.settings import Home
from ingest.archive import Archive
from ingest.chat import Line, WindowKind
from ingest.dataset.manifest import DatasetManifest, read_manifest, read_windows
from likeness.errors import LikenessError


@dataclass(frozen=True, slots=True)
class Exchange:
    """What others said to @self and what @self answered, as the dataset has it: redacted.

    ``asked`` ends with the line that the thread linker takes for answered.
    """

    chat: str
    asked: tuple[Line, ...]
    reply: tuple[Line, ...]

    @property
    def id(self) -> str:
        """The first message of the reply."""
        return self.reply[0].message_id

    @property
    def ids(self) -> tuple[str, ...]:
        """Of the messages it was made of."""
        return tuple(line.message_id for line in (*self.asked, *self.reply) if line.message_id)

    @property
    def at(self) -> datetime:
        """When @self answered."""
        assert self.reply[0].sent_at is not None  # windows are made of messages
        return self.reply[0].sent_at

    @property
    def ends(self) -> datetime:
        """When the last message of the reply was sent."""
        return self.reply[-1].sent_at or self.at

    @property
    def texts(self) -> tuple[str, ...]:
        """What @self said."""
        return tuple(line.text for line in self.reply)


@dataclass(frozen=True, slots=True)
class Period:
    """The time of the test split: its replies of @self, and all exchanges from before it."""

    dataset: DatasetManifest
    start: datetime
    held_out: tuple[Exchange, ...]
    past: tuple[Exchange, ...]

    @property
    def end(self) -> datetime:
        """When the last held-out reply was over."""
        return max(exchange.ends for exchange in self.held_out)

    @property
    def chats(self) -> tuple[str, ...]:
        """Where @self answered somebody in it."""
        return tuple(dict.fromkeys(exchange.chat for exchange in self.held_out))


def still_there(period: Period, archive: Archive) -> Period:
    """Without what the archive no longer shows: somebody may have opted out since the dataset.

    Raises LikenessError where nothing held out is left.
    """
    if archive.revision == period.dataset.archive_revision:
        return period
    held_out, past = _kept(period.held_out, archive), _kept(period.past, archive)
    if not held_out:
        raise LikenessError("no held-out reply is in the archive any more; run: atself dataset")
    return replace(period, held_out=held_out, past=past)


def _kept(exchanges: Sequence[Exchange], archive: Archive) -> tuple[Exchange, ...]:
    known = {message.id for message in archive.get({id for one in exchanges for id in one.ids})}
    return tuple(one for one in exchanges if known.issuperset(one.ids))


def read_period(home: Home, *, chat: str | None = None) -> Period:
    """The held-out period of the dataset, in one chat or all.

    Raises DatasetError where there is no dataset, LikenessError where nothing was held out.
    """
    manifest = read_manifest(home.dataset)
    held_out = _exchanges(home, ("test",), chat)
    if not held_out:
        where = f" in {chat}" if chat else ""
        raise LikenessError(
            f"{home.dataset}: no reply of @self was held out{where}; import more of the chat, or "
            "raise dataset.test, then run: atself dataset"
        )
    start = datetime.fromisoformat(manifest.borders["test"])
    past = [one for one in _exchanges(home, ("train", "validation"), None) if one.ends < start]
    return Period(manifest, start, held_out, tuple(past))


def _exchanges(home: Home, splits: Sequence[str], chat: str | None) -> tuple[Exchange, ...]:
    """Replies to somebody, oldest first, each once."""
    paths = [home.dataset / f"{split}.jsonl" for split in splits]
    found = {one.id: one for path in paths if path.is_file() for one in _read(path)}
    chosen = (one for one in found.values() if chat in (None, one.chat))
    return tuple(sorted(chosen, key=lambda one: (one.at, one.id)))


def _read(path: Path) -> Iterator[Exchange]:
    for window in read_windows(path):
        if window.kind is not WindowKind.REPLY:
            continue
        for before, turn in pairwise(window.turns):
            is_answer = turn.is_target and not before.is_self and before.lines[-1].message_id
            if is_answer and turn.lines[0].sent_at is not None:
                yield Exchange(window.chat, before.lines, turn.lines)
