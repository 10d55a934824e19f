"""One finding of ``atself doctor``."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum


class State(StrEnum):
    """How a thing stands; only ``MISSING`` is a failure."""

    GOOD = "ok"
    MISSING = "missing"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class Check:
    """A thing looked at, how it stands, and what to do where it does not."""

    area: str
    name: str
    detail: str
    state: State = State.GOOD
    advice: str = ""

    def to_json(self) -> dict[str, str]:
        """As ``--json`` shows it."""
        return asdict(self)
