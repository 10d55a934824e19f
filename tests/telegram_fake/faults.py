"""What can go wrong on the way to the Bot API and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Call:
    """A request: the ``number``-th of all; ``params`` are parsed."""

    number: int
    method: str
    params: Mapping[str, Any] = field(default_factory=dict)

    @property
    def chat(self) -> int | None:
        """The chat it is about."""
        chat = self.params.get("chat_id")
        return chat if isinstance(chat, int) else None


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault. Use the makers below.

    ``has_effect`` where the request is carried out all the same, and only its answer is lost.
    """

    status: int = 0
    description: str = ""
    retry_after: int | None = None
    seconds: float = 0.0
    is_reset: bool = False
    has_effect: bool = False

    @classmethod
    def too_many(cls, retry_after: int = 1) -> Fault:
        """429 with ``retry_after``."""
        text = f"Too Many Requests: retry after {retry_after}"
        return cls(status=429, description=text, retry_after=retry_after)

    @classmethod
    def failed(cls, status: int = 502, *, has_effect: bool = False) -> Fault:
        """500, 502…; before the request took effect, or after."""
        names = {500: "Internal Server Error", 502: "Bad Gateway", 504: "Gateway Timeout"}
        return cls(status=status, description=names.get(status, "Error"), has_effect=has_effect)

    @classmethod
    def reset(cls, *, has_effect: bool) -> Fault:
        """The connection is reset before or after the request took effect."""
        return cls(is_reset=True, has_effect=has_effect)

    @classmethod
    def slow(cls, seconds: float, *, has_effect: bool = True) -> Fault:
        """The answer comes late: the request took effect at once, or only after the wait."""
        return cls(seconds=seconds, has_effect=has_effect)

    @classmethod
    def conflict(cls) -> Fault:
        """409, as where another instance polls."""
        text = (
            "Conflict: terminated by other getUpdates request; "
            "make sure that only one bot instance is running"
        )
        return cls(status=409, description=text)

    @classmethod
    def refused(cls, status: int, description: str) -> Fault:
        """Any other refusal, such as 403 "Forbidden: bot was kicked from the supergroup chat"."""
        return cls(status=status, description=description)


Hook = Callable[[Call], Fault | None]
"""Asked before every request, on the server's thread."""


@dataclass
class Planned:
    """Faults for the next calls of a method (of any, where it is None)."""

    fault: Fault
    method: str | None
    times: int
