"""Does the model speak, or recite? Word-for-word copies of training messages, by their length.

People repeat themselves, short things above all, so copies count only beside the floor: how often
@self's real held-out replies are found in the training replies in the same way.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from trainer.card.wording import Replies, messages, tokens, weight

LONG = 8.0
"""Words (or twice as many Han characters or kana) in a row that nobody writes twice by chance."""
WHOLE = 3.0
"""Messages shorter than this are repeated by everybody and are not counted."""
_END, _BETWEEN = "\x1e", "\x1f"


@dataclass(frozen=True, slots=True)
class Copied:
    """How much of some replies is found in a text, and the longest run that is.

    ``whole`` are messages of three words and more that are there as a whole, ``long`` replies with
    a run of eight words and more; shares of ``messages`` and ``replies``.
    """

    replies: int
    messages: int
    whole: float
    long: float
    longest: str
    longest_words: float

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready mapping."""
        numbers = {
            name: round(value, 4) for name, value in asdict(self).items() if name != "longest"
        }
        return {**numbers, "longest": self.longest}


class Corpus:
    """Messages in which runs of tokens are looked up.

    With ``wanted`` only those are kept that share three tokens in a row with one of these texts:
    of a chat with a hundred thousand messages few are left.
    """

    def __init__(self, texts: Iterable[str], wanted: Iterable[str] | None = None) -> None:
        lines: Iterable[list[str]] = map(tokens, texts)
        if wanted is not None:
            runs = {run for text in wanted for run in _runs(tokens(text), 3)}
            lines = (line for line in lines if not runs.isdisjoint(_runs(line, 3)))
        kept = [line for line in lines if line]
        self._text = _END + _END.join(map(_joined, kept)) + _END
        self._short = {run for line in kept for size in (1, 2, 3) for run in _runs(line, size)}

    def has_message(self, found: Sequence[str]) -> bool:
        """Whether these tokens are a whole message of it."""
        return f"{_END}{_joined(found)}{_END}" in self._text

    def longest_run(self, found: Sequence[str], *, beyond: float = 0.0) -> list[str]:
        """The weightiest run of tokens that stands in one message; at least ``beyond``."""
        best: list[str] = []
        best_weight, end = beyond, 0
        for start in range(len(found)):
            end = max(end, start)
            while end < len(found) and self._has_run(found, start, end + 1):
                end += 1
            run = found[start:end]
            if (heavy := sum(map(weight, run))) > best_weight:
                best, best_weight = list(run), heavy
        return best

    def _has_run(self, found: Sequence[str], start: int, end: int) -> bool:
        """Its last three tokens are looked up first: most runs end there, and the text is long."""
        if tuple(found[max(start, end - 3) : end]) not in self._short:
            return False
        return end - start <= 3 or _joined(found[start:end]) in self._text


def copied(replies: Replies, corpus: Corpus, shown: Sequence[str] | None = None) -> Copied:
    """Look the replies up in ``corpus``.

    ``shown`` is what each was prompted with: what stands there was read, not remembered.
    """
    read = [Corpus([text]) for text in shown] if shown else [None] * len(replies)
    runs = [
        max(
            (_remembered(tokens(message), corpus, seen) for message in reply),
            key=_heaviness,
            default=[],
        )
        for reply, seen in zip(replies, read, strict=True)
    ]
    weighty = [found for found in map(tokens, messages(replies)) if _heaviness(found) >= WHOLE]
    longest = max(runs, key=_heaviness, default=[])
    return Copied(
        len(replies),
        len(weighty),
        sum(map(corpus.has_message, weighty)) / max(1, len(weighty)),
        sum(_heaviness(run) >= LONG for run in runs) / max(1, len(runs)),
        _readable(longest),
        _heaviness(longest),
    )


def _remembered(found: Sequence[str], corpus: Corpus, seen: Corpus | None) -> list[str]:
    run = corpus.longest_run(found)
    if seen is not None and run and len(seen.longest_run(run)) == len(run):
        return []
    return run


def _runs(found: Sequence[str], size: int) -> Iterator[tuple[str, ...]]:
    return zip(*(found[start:] for start in range(size)), strict=False)


def _heaviness(found: Sequence[str]) -> float:
    return sum(map(weight, found))


def _joined(found: Sequence[str]) -> str:
    return _BETWEEN + _BETWEEN.join(found) + _BETWEEN if found else ""


def _readable(found: Sequence[str]) -> str:
    text = ""
    for token in found:
        text += token if weight(token) < 1 and text else f" {token}"
    return text.strip()
