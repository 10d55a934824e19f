"""The files of a dataset being written; nothing of an earlier one is touched before the end."""

from __future__ import annotations

import hashlib
from collections import Counter
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

import orjson

from ingest.chat import Line, Window, WindowKind
from ingest.dataset import silence, window_json
from ingest.dataset.manifest import SPLITS, DatasetManifest, SplitCounts, write_manifest
from ingest.dataset.preferences import Preference
from ingest.dataset.silence import GateExample
from ingest.redaction.redact import Redactor
from ingest.windows import estimate_tokens

SILENCE = "silence."
"""What the names of the gate's files start with: ``silence.train.jsonl``."""
PREFERENCES = "preferences"
_NAMES = (*SPLITS, *(SILENCE + split for split in SPLITS), PREFERENCES)


class SplitFiles:
    """Redacts what it is given, writes it to its split, counts it. A context manager."""

    def __init__(self, folder: Path, redactor: Redactor | None) -> None:
        self._folder = folder
        self._redactor = redactor
        self._hashes = {name: hashlib.blake2b(digest_size=16) for name in _NAMES}
        self.redacted: Counter[str] = Counter()
        self.counts = {name: SplitCounts() for name in SPLITS}
        self.examples = {name: Counter[str]() for name in SPLITS}
        self.preferences = 0

    def __enter__(self) -> SplitFiles:
        with ExitStack() as stack:
            self._files: dict[str, IO[bytes]] = {
                name: stack.enter_context(self._part(name).open("wb")) for name in _NAMES
            }
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stack.close()
        for name in _NAMES:
            self._part(name).unlink(missing_ok=True)

    def add_window(self, split: str, window: Window) -> None:
        """Write a window to its split."""
        if self._redactor is not None:
            window = redacted(window, self._redactor, self.redacted)
        self._write(split, window_json.to_json(window))
        before, lines = self.counts[split], [x for turn in window.turns for x in turn.lines]
        is_opener, is_reply = (
            window.kind is kind for kind in (WindowKind.OPENER, WindowKind.REPLY)
        )
        self.counts[split] = SplitCounts(
            before.windows + 1,
            before.replies + (len(window.replies) if is_reply else 0),
            before.messages + len(lines),
            before.tokens + sum(estimate_tokens(line.text) for line in lines),
            before.openers + is_opener,
            before.synthetic + window.kind.is_synthetic,
        )

    def add_example(self, split: str, example: GateExample) -> None:
        """Write an example for the gate to its split; what is redacted there is not counted."""
        if self._redactor is not None:
            lines = _redacted_lines(example.lines, self._redactor, Counter())
            example = replace(example, lines=lines)
        self._write(SILENCE + split, silence.to_json(example))
        self.examples[split][example.stratum.value] += 1

    def add_preference(self, preference: Preference) -> None:
        """Write a reply that is preferred to another; for training alone."""
        if self._redactor is not None:
            counts = Counter[str]()
            rejected = tuple(self._redactor(text, counts) for text in preference.rejected)
            window = redacted(preference.window, self._redactor, counts)
            preference = Preference(window, rejected)
        self._write(PREFERENCES, preference.to_json())
        self.preferences += 1

    def digest(self, prefix: str = "") -> str:
        """A hash over all splits: of the windows (and preferences), or of the gate's examples."""
        digests = b"".join(self._hashes[prefix + name].digest() for name in SPLITS)
        if not prefix and self.preferences:
            digests += self._hashes[PREFERENCES].digest()
        return hashlib.blake2b(digests, digest_size=16).hexdigest()

    def finish(self, manifest: DatasetManifest) -> None:
        """Put the new files in place of the old, the manifest last."""
        self._stack.close()
        (self._folder / "manifest.json").unlink(missing_ok=True)
        (self._folder / "report.html").unlink(missing_ok=True)  # it shows the dataset before
        for name in _NAMES:
            self._part(name).replace(self._folder / f"{name}.jsonl")
        write_manifest(self._folder, manifest)

    def _part(self, name: str) -> Path:
        return self._folder / f"{name}.jsonl.part"

    def _write(self, name: str, data: dict[str, Any]) -> None:
        line = orjson.dumps(data, option=orjson.OPT_APPEND_NEWLINE)
        self._files[name].write(line)
        self._hashes[name].update(line)


def redacted(window: Window, redactor: Redactor, counts: Counter[str]) -> Window:
    """The window with secrets replaced by placeholders; ``counts`` says how many of each."""
    turns = tuple(
        replace(turn, lines=_redacted_lines(turn.lines, redactor, counts)) for turn in window.turns
    )
    memory = tuple(redactor(text, counts) for text in window.memory)
    return replace(window, turns=turns, memory=memory)


def _redacted_lines(
    lines: tuple[Line, ...], redactor: Redactor, counts: Counter[str]
) -> tuple[Line, ...]:
    return tuple(replace(line, text=redactor(line.text, counts)) for line in lines)
