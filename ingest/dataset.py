"""The dataset: windows split by time, written as JSON lines, the manifest last.

The same archive, settings and seed give the same bytes. Training data lies before validation data,
validation before test; a thread that crosses a border is left out and counted.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import IO, Any

import orjson

from config.settings import Settings
from ingest.archive import Archive
from ingest.chat import Thread, Window
from ingest.clean import Quality
from ingest.errors import DatasetError
from ingest.persona import SAMPLE_MESSAGES, describe, head_text
from ingest.prompt import RENDERER
from ingest.redact import redact
from ingest.threads import recover_threads
from ingest.window_json import from_json, to_json
from ingest.windows import Cut, cut_windows, estimate_tokens

SPLITS = ("train", "validation", "test")
Recaller = Callable[[Window], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class SplitCounts:
    """How much one split holds; ``tokens`` are estimated."""

    windows: int = 0
    replies: int = 0
    messages: int = 0
    tokens: int = 0


@dataclass(frozen=True, slots=True)
class DatasetManifest:
    """What a dataset is made of; its presence says the dataset is complete."""

    hash: str
    created_at: str
    renderer: str
    head: str
    languages: dict[str, float]
    self_handle: str
    self_name: str
    chats: list[str]
    archive_revision: int
    splits: dict[str, SplitCounts]
    borders: dict[str, str]
    dropped: dict[str, int]
    settings: dict[str, Any] = field(default_factory=dict)


def read_windows(path: Path) -> Iterator[Window]:
    """Stream the windows of one split file."""
    with path.open("rb") as lines:
        for line in lines:
            yield from_json(orjson.loads(line))


def read_manifest(folder: Path) -> DatasetManifest:
    """The manifest in ``folder``, or a DatasetError where no complete dataset lies there."""
    path = folder / "manifest.json"
    try:
        data = orjson.loads(path.read_bytes())
    except FileNotFoundError:
        raise DatasetError(f"{folder}: no dataset yet; run: atself dataset") from None
    except orjson.JSONDecodeError as error:
        raise DatasetError(f"{path}: damaged ({error}); run: atself dataset") from error
    data["splits"] = {name: SplitCounts(**counts) for name, counts in data["splits"].items()}
    return DatasetManifest(**data)


def build(
    archive: Archive,
    folder: Path,
    settings: Settings,
    *,
    now: datetime,
    recall: Recaller | None = None,
) -> DatasetManifest:
    """Write the dataset of ``archive`` to ``folder`` and return its manifest.

    ``recall`` gives the passages to show in a window; it is asked for a share of the windows.
    Raises DatasetError, before anything is written, where @self has too few replies.
    """
    me = archive.me()
    borders = _borders(archive, settings)
    writer = _Writer(folder, settings, recall, borders)
    with writer:
        gap = timedelta(minutes=settings.threads.gap_minutes)
        for thread in recover_threads(archive.messages(), gap=gap):
            writer.add(thread)
        _require_enough(writer.counts, settings)
        name = settings.persona.name or me.name
        chats = [chat.title for chat in archive.chats()]
        learned_from = islice(archive.messages(before=borders["validation"]), SAMPLE_MESSAGES)
        persona = describe(learned_from, name=name, chat=chats[0] if chats else "")
        manifest = DatasetManifest(
            hash=writer.digest(),
            created_at=now.isoformat(timespec="seconds"),
            renderer=RENDERER,
            head=head_text(persona, settings.persona.card),
            languages=dict(persona.languages),
            self_handle=me.handle,
            self_name=name,
            chats=chats,
            archive_revision=archive.revision,
            splits=writer.counts,
            borders={name: border.isoformat() for name, border in borders.items()},
            dropped=dict(sorted(writer.dropped.items())),
            settings=settings.dataset.model_dump(),
        )
        writer.finish(manifest)
    return manifest


def _borders(archive: Archive, settings: Settings) -> dict[str, datetime]:
    """When validation and test begin, so that they hold their shares of @self's messages."""
    shares = settings.dataset.validation_share, settings.dataset.test_share
    times = archive.self_times()
    if len(times) < settings.dataset.min_replies:
        _refuse(len(times), "messages", settings.dataset.min_replies)
    last = len(times) - 1
    return {
        "validation": times[round(last * (1 - sum(shares)))],
        "test": times[round(last * (1 - shares[1]))],
    }


def _require_enough(counts: dict[str, SplitCounts], settings: Settings) -> None:
    replies = sum(split.replies for split in counts.values())
    if replies < settings.dataset.min_replies or not counts["train"].replies:
        _refuse(replies, "replies to others", settings.dataset.min_replies)


def _refuse(found: int, what: str, needed: int) -> None:
    raise DatasetError(
        f"archive: only {found} {what} by @self, {needed} are needed to learn from; "
        "ingest more exports, or lower dataset.min_replies"
    )


class _Writer:
    """The split files being written; nothing of an earlier dataset is touched before the end."""

    def __init__(
        self,
        folder: Path,
        settings: Settings,
        recall: Recaller | None,
        borders: dict[str, datetime],
    ) -> None:
        self._folder = folder
        self._recall = recall
        self._borders = borders
        self._redact = settings.ingest.redact
        self._share = settings.dataset.memory_share
        self._seed = settings.dataset.seed
        self._cut = Cut(settings.dataset.window_tokens, settings.dataset.context_messages)
        self._quality = Quality()
        self._crossed = 0
        self._redacted: Counter[str] = Counter()
        self._hashes = {name: hashlib.blake2b(digest_size=16) for name in SPLITS}
        self.counts = {name: SplitCounts() for name in SPLITS}

    def __enter__(self) -> _Writer:
        self._folder.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            self._files: dict[str, IO[bytes]] = {
                name: stack.enter_context(self._part(name).open("wb")) for name in SPLITS
            }
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stack.close()
        for name in SPLITS:
            self._part(name).unlink(missing_ok=True)

    @property
    def dropped(self) -> Counter[str]:
        """Messages of @self not learned from, by reason, and spans redacted."""
        crossed = Counter({"thread crosses a split border": self._crossed} if self._crossed else {})
        return self._quality.dropped + crossed + self._redacted

    def add(self, thread: Thread) -> None:
        """Cut a thread into windows and write them to its split."""
        split = self._split(thread)
        for window in cut_windows(thread, self._cut, may_learn=self._quality):
            if split is None:
                self._crossed += len(window.replies)
            else:
                self._write(split, self._prepared(window))

    def digest(self) -> str:
        """A hash over all splits."""
        return hashlib.blake2b(
            b"".join(self._hashes[name].digest() for name in SPLITS), digest_size=16
        ).hexdigest()

    def finish(self, manifest: DatasetManifest) -> None:
        """Put the new files in place of the old, the manifest last."""
        self._stack.close()
        target = self._folder / "manifest.json"
        target.unlink(missing_ok=True)
        for name in SPLITS:
            self._part(name).replace(self._folder / f"{name}.jsonl")
        part = self._folder / "manifest.json.part"
        part.write_bytes(orjson.dumps(asdict(manifest), option=orjson.OPT_INDENT_2))
        part.replace(target)

    def _part(self, name: str) -> Path:
        return self._folder / f"{name}.jsonl.part"

    def _split(self, thread: Thread) -> str | None:
        """The split whose period holds the whole thread, or None where it crosses a border."""
        periods = {
            self._period(thread.messages[0].sent_at),
            self._period(thread.messages[-1].sent_at),
        }
        return periods.pop() if len(periods) == 1 else None

    def _period(self, moment: datetime) -> str:
        if moment < self._borders["validation"]:
            return "train"
        return "validation" if moment < self._borders["test"] else "test"

    def _prepared(self, window: Window) -> Window:
        if self._recall is not None and self._draws(window.id):
            window = replace(window, memory=self._recall(window))
        return redacted(window, self._redacted) if self._redact else window

    def _draws(self, id: str) -> bool:
        """A coin thrown for this window alone, so that one more window changes no other."""
        dice = hashlib.blake2b(f"{self._seed}:{id}".encode(), digest_size=4).digest()
        return int.from_bytes(dice) / 2**32 < self._share

    def _write(self, split: str, window: Window) -> None:
        line = orjson.dumps(to_json(window), option=orjson.OPT_APPEND_NEWLINE)
        self._files[split].write(line)
        self._hashes[split].update(line)
        before = self.counts[split]
        lines = [line for turn in window.turns for line in turn.lines]
        self.counts[split] = SplitCounts(
            before.windows + 1,
            before.replies + len(window.replies),
            before.messages + len(lines),
            before.tokens + sum(estimate_tokens(line.text) for line in lines),
        )


def redacted(window: Window, counts: Counter[str]) -> Window:
    """The window with secrets replaced by placeholders; ``counts`` says how many of each."""
    turns = tuple(
        replace(
            turn,
            lines=tuple(replace(line, text=redact(line.text, counts)) for line in turn.lines),
        )
        for turn in window.turns
    )
    return replace(window, turns=turns, memory=tuple(redact(m, counts) for m in window.memory))
