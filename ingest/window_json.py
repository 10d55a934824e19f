"""Windows as the lines of a dataset file."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ingest.chat import Line, Turn, Window


def to_json(window: Window) -> dict[str, Any]:
    """A JSON-ready mapping (orjson writes the instants)."""
    return {
        "id": window.id,
        "chat": window.chat,
        "turns": [
            {
                "self": turn.is_self,
                "target": turn.is_target,
                "lines": [
                    {"handle": x.handle, "text": x.text, "id": x.message_id, "at": x.sent_at}
                    for x in turn.lines
                ],
            }
            for turn in window.turns
        ],
        "memory": window.memory,
    }


def from_json(data: dict[str, Any]) -> Window:
    """Read what :func:`to_json` and orjson wrote."""
    return Window(
        data["id"],
        data["chat"],
        tuple(
            Turn(
                tuple(
                    Line(
                        line["handle"],
                        line["text"],
                        turn["self"],
                        line["id"],
                        datetime.fromisoformat(line["at"]) if line["at"] else None,
                    )
                    for line in turn["lines"]
                ),
                turn["self"],
                turn["target"],
            )
            for turn in data["turns"]
        ),
        tuple(data["memory"]),
    )
