"""From a draft to its splits: which window and which gate example goes where, and which nowhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from config.sections import Dataset
from ingest.borders import choose_borders
from ingest.chat import Window, WindowKind
from ingest.draft import Draft, Piece
from ingest.manifest import SPLITS
from ingest.quality import EXAMPLES, Tally
from ingest.silence import Stratum, chosen
from ingest.split_files import SplitFiles

Recaller = Callable[[Window], tuple[str, ...]]
CROSSED = "thread crosses a split border"
BEYOND = "opens a thread, beyond dataset.opener_share"


@dataclass
class Plan:
    """Which piece of a draft goes where; ``left_out`` counts messages that go nowhere."""

    draft: Draft
    settings: Dataset
    borders: dict[str, datetime]
    left_out: Tally

    @classmethod
    def of(cls, draft: Draft, settings: Dataset) -> Plan:
        """The plan for a draft with at least one reply in it."""
        shares = settings.validation_share, settings.test_share
        borders = choose_borders(draft.stretches(), validation=shares[0], test=shares[1])
        return cls(draft, settings, borders, Tally())

    def write(self, files: SplitFiles, recall: Recaller | None) -> None:
        """Write every piece that has a place; ``recall`` is asked for a share of the windows."""
        openers = self._openers()
        for piece in self.draft.windows:
            split = self._split(piece)
            if split is None:
                self._leave_out(CROSSED, piece)
            elif piece.kind is WindowKind.OPENER and piece.draw not in openers[split]:
                self._leave_out(BEYOND, piece)
            else:
                files.add_window(split, self._recalled(piece, recall))
        for split in SPLITS:
            self._write_examples(split, files)

    def _leave_out(self, reason: str, piece: Piece) -> None:
        if len(self.left_out.examples.get(reason, ())) < EXAMPLES:
            reply = self.draft.window(piece).replies[0]
            self.left_out.add(reason, reply.lines[0].message_id, piece.learned)
        else:
            self.left_out.counts[reason] += piece.learned

    def _recalled(self, piece: Piece, recall: Recaller | None) -> Window:
        """The window, a share of them with what recall would have shown."""
        window = self.draft.window(piece)
        draws = piece.draw < self.settings.memory_share * 2**64
        if recall is None or not draws or window.kind is WindowKind.OPENER:
            return window
        return replace(window, memory=recall(window))

    def _openers(self) -> dict[str, set[int]]:
        """The draws of the openers to keep: at most their share of what each split teaches."""
        share = min(self.settings.opener_share, 0.99)
        kept: dict[str, set[int]] = {}
        for split in SPLITS:
            here = [piece for piece in self.draft.windows if self._split(piece) == split]
            draws = sorted(piece.draw for piece in here if piece.kind is WindowKind.OPENER)
            replies = sum(piece.replies for piece in here if piece.kind is WindowKind.REPLY)
            kept[split] = set(draws[: round(replies * share / (1 - share))])
        return kept

    def _write_examples(self, split: str, files: SplitFiles) -> None:
        here = [piece for piece in self.draft.examples if self._split(piece) == split]
        draws: dict[Stratum, list[int]] = {stratum: [] for stratum in Stratum}
        for piece in here:
            draws[Stratum(piece.kind)].append(piece.draw)
        kept = chosen(draws, self.settings.silence_per_answer)
        waiting = {(stratum, draw) for stratum, found in kept.items() for draw in found}
        for piece in here:
            if (piece.kind, piece.draw) in waiting:
                # A message brought back by a later reply stands in two threads.
                waiting.remove((Stratum(piece.kind), piece.draw))
                files.add_example(split, self.draft.example(piece))

    def _split(self, piece: Piece) -> str | None:
        """The split whose period holds the whole piece, or None where it crosses a border."""
        first, last = self._period(piece.start), self._period(piece.end)
        return first if first == last else None

    def _period(self, moment: datetime) -> str:
        if moment < self.borders["validation"]:
            return "train"
        return "validation" if moment < self.borders["test"] else "test"
