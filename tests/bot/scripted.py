"""A generator that says what it is told to, for tests of everything around a model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from bot.generation import Ending, Sampling, Timings, never
from ingest.prompt import Segment


class ScriptedGeneration:
    """One scripted reply, piece by piece."""

    def __init__(self, text: str, ending: Ending) -> None:
        self._pieces = iter(text)
        self.timings = Timings(generated=len(text), ending=ending)

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        return next(self._pieces)

    def close(self) -> None:
        """Nothing to free."""


class ScriptedGenerator:
    """Says ``texts`` in turn, the last one for ever; a token is a word. Keeps what it was asked."""

    def __init__(
        self, *texts: str, context_tokens: int = 2048, ending: Ending = Ending.STOP
    ) -> None:
        self._texts, self._ending = list(texts), ending
        self.context_tokens = context_tokens
        self.prompts: list[str] = []
        self.seeds: list[int] = []

    def count(self, segments: Sequence[Segment]) -> int:
        """Words."""
        return sum(len(segment.text.split()) for segment in segments)

    def generate(
        self,
        segments: Sequence[Segment],
        *,
        sampling: Sampling,
        seed: int,
        cancelled: Callable[[], bool] = never,
    ) -> ScriptedGeneration:
        """The next text."""
        self.prompts.append("".join(segment.text for segment in segments))
        self.seeds.append(seed)
        text = self._texts.pop(0) if len(self._texts) > 1 else self._texts[0]
        return ScriptedGeneration(text, self._ending)

    def close(self) -> None:
        """Nothing to free."""
