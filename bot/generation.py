"""The seam between deciding what to say and computing it: what every generator offers.

Nothing here loads a model, so that the responder and its tests stay light.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from ingest.prompt import Segment

if TYPE_CHECKING:
    from config.settings import Generate


class Ending(StrEnum):
    """Why a reply ended."""

    STOP = "stop"
    LENGTH = "length"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Sampling:
    """How tokens are chosen; ``temperature`` 0 always takes the likeliest."""

    temperature: float = 0.8
    top_p: float = 0.95
    min_p: float = 0.05
    repeat_penalty: float = 1.1
    max_new_tokens: int = 160

    @classmethod
    def of(cls, settings: Generate) -> Sampling:
        """As the settings say."""
        return cls(
            settings.temperature,
            settings.top_p,
            settings.min_p,
            settings.repeat_penalty,
            settings.max_new_tokens,
        )

    def warmer(self, degrees: float) -> Sampling:
        """The same with a higher temperature, to hear something else."""
        return replace(self, temperature=self.temperature + degrees)


@dataclass(frozen=True, slots=True)
class Timings:
    """What one generation cost: tokens and seconds.

    ``reused`` of the ``prompt_tokens`` were still in the model's memory from the call before.
    """

    prompt_tokens: int = 0
    reused: int = 0
    generated: int = 0
    prompt_seconds: float = 0.0
    decode_seconds: float = 0.0
    ending: Ending = Ending.LENGTH

    @property
    def evaluated(self) -> int:
        """Prompt tokens that had to be computed."""
        return self.prompt_tokens - self.reused

    @property
    def prompt_rate(self) -> float:
        """Prompt tokens computed per second."""
        return self.evaluated / self.prompt_seconds if self.prompt_seconds else 0.0

    @property
    def decode_rate(self) -> float:
        """Tokens written per second, the first one (which belongs to the prompt) left out."""
        return (self.generated - 1) / self.decode_seconds if self.decode_seconds else 0.0


def never() -> bool:
    """The answer of a generation that nobody cancels."""
    return False


class Generation(Protocol):
    """A reply being written: an iterator over pieces of text; ``timings`` is final at its end."""

    @property
    def timings(self) -> Timings:
        """What it has cost so far."""
        ...

    def __iter__(self) -> Iterator[str]:
        """The generation itself."""
        ...

    def __next__(self) -> str:
        """The next piece of text, never cut inside a character."""
        ...

    def close(self) -> None:
        """Stop writing."""
        ...


class Generator(Protocol):
    """Whatever turns rendered segments into the text of a reply.

    ``context_tokens`` is the room for prompt and reply together.
    """

    @property
    def context_tokens(self) -> int:
        """Room for prompt and reply together."""
        ...

    def count(self, segments: Sequence[Segment]) -> int:
        """Tokens these segments take."""
        ...

    def generate(
        self,
        segments: Sequence[Segment],
        *,
        sampling: Sampling,
        seed: int,
        cancelled: Callable[[], bool] = never,
    ) -> Generation:
        """Start writing a reply; the same input and ``seed`` give the same text."""
        ...

    def close(self) -> None:
        """Free the model."""
        ...
