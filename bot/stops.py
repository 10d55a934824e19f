"""Finding, in text that is still being written, the place where @self's turn ends."""

from __future__ import annotations

from ingest.markup import Markup
from ingest.prompt import MEMORY, read_reply

LONGEST_LABEL = 66  # "@", a handle of at most 64 characters, ":"
# Whatever a screen or a reader may take for the start of a line.
_BREAKS = str.maketrans(dict.fromkeys("\r\v\f\x1c\x1d\x1e\x85\u2028\u2029", "\n"))


class StopScanner:
    """Passes on the text of a reply and ends it at the stop, or at a line that speaks for another.

    What could still become either is held back until it is decided.
    """

    def __init__(self, markup: Markup) -> None:
        self._markup = markup
        self._text = ""
        self._passed = 0
        self.is_stopped = False

    def feed(self, piece: str) -> str:
        """Take the next piece; return what can be shown of the text so far."""
        if self.is_stopped:
            return ""
        self._text += piece.translate(_BREAKS)
        self._stop_at(self._end())
        return self._pass_on(len(self._text) if self.is_stopped else self._decided())

    def flush(self) -> str:
        """What was held back, at the end of the text."""
        return self._pass_on(len(self._text))

    def _end(self) -> int:
        """Where the turn ends, or -1."""
        stop = self._text.find(self._markup.stop, max(0, self._passed - len(self._markup.stop)))
        ends = [stop] if stop >= 0 else []
        start = self._line_start()
        for line in self._text[start:].splitlines(keepends=True):
            if self._is_forged(line):
                ends.append(start)
                break
            start += len(line)
        return min(ends, default=-1)

    def _line_start(self) -> int:
        """Start of the first line that has not been passed on completely."""
        return self._text.rfind("\n", 0, self._passed) + 1

    def _is_forged(self, line: str) -> bool:
        # The reader of replies decides what a label is; a letter behind it makes an empty line
        # of @self's own count as one.
        return bool(line.strip()) and not read_reply(f"{line.strip()}x", self._markup)

    def _stop_at(self, end: int) -> None:
        if end >= 0:
            self._text = self._text[: max(end, self._passed)]
            self.is_stopped = True

    def _decided(self) -> int:
        """Length of the text that no later piece can turn into a stop or a label."""
        stop = self._markup.stop
        partial = max((n for n in range(1, len(stop)) if self._text.endswith(stop[:n])), default=0)
        decided = len(self._text) - partial
        start = self._text.rfind("\n") + 1
        return min(decided, start) if self._may_be_label(self._text[start:]) else decided

    def _may_be_label(self, line: str) -> bool:
        words = line.strip()
        is_label = words.startswith("@") and words.isprintable() and " " not in words
        return (is_label and len(words) <= LONGEST_LABEL) or (
            bool(words) and MEMORY.startswith(words)
        )

    def _pass_on(self, end: int) -> str:
        text = self._text[self._passed : end]
        self._passed = max(self._passed, end)
        return text
