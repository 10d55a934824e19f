"""People, rooms and situations for tests of the gate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.gate import Situation
from ingest.chat import Message, Person

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
ME = Person(1, "kevin", ("Kevin", "小明"), is_self=True)
ANN = Person(2, "ann", ("Ann Lee",))
BOB = Person(3, "bob", ("Bob",))
CAT = Person(4, "cat", ("Cat",))
ROBOT = Person(5, "weather_bot", ("Weather",), is_bot=True)


def room(*lines: tuple[Person, str], seconds: float = 20, **last: Any) -> list[Message]:
    """Lines ``seconds`` apart, the last at noon and with the fields ``last``."""
    count = len(lines)
    messages = [
        Message(
            f"test:{place}",
            "test:room",
            person,
            NOON - timedelta(seconds=seconds) * (count - 1 - place),
            text,
        )
        for place, (person, text) in enumerate(lines)
    ]
    return [*messages[:-1], replace(messages[-1], **last)]


def situation(history: Sequence[Message], **fields: Any) -> Situation:
    """The moment the last message of a room arrives."""
    told: dict[str, Any] = {"now": history[-1].sent_at, **fields}
    return Situation(message=history[-1], history=history, **told)
