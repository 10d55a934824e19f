"""Windows as the lines of a dataset file."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ingest.chat import Line, Turn, Window, WindowKind


def to_json(window: Window) -> dict[str, Any]:
    """A JSON-ready mapping (orjson writes the instants)."""
    return {
        "id": window.id,
        "chat": window.chat,
        "kind": window.kind,
        "turns": [
            {
                "self": turn.is_self,
                "target": turn.is_target,
                "weight": turn.weight,
                "lines": [line_to_json(line) for line in turn.lines],
            }
            for turn in window.turns
        ],
        "memory": window.memory,
    }


def line_to_json(line: Line) -> dict[str, Any]:
    """One message of a window."""
    return {"handle": line.handle, "text": line.text, "id": line.message_id, "at": line.sent_at}


def from_json(data: dict[str, Any]) -> Window:
    """Read what :func:`to_json` and orjson wrote, now or before windows had kinds and weights."""
    return Window(
        data["id"],
        data["chat"],
        tuple(_turn(turn) for turn in data["turns"]),
        tuple(data["memory"]),
        WindowKind(data.get("kind", WindowKind.REPLY)),
    )


def line_from_json(line: dict[str, Any], *, is_self: bool) -> Line:
    """Read what :func:`line_to_json` and orjson wrote."""
    sent_at = datetime.fromisoformat(line["at"]) if line["at"] else None
    return Line(line["handle"], line["text"], is_self, line["id"], sent_at)


def _turn(turn: dict[str, Any]) -> Turn:
    lines = (line_from_json(line, is_self=turn["self"]) for line in turn["lines"])
    return Turn(tuple(lines), turn["self"], turn["target"], turn.get("weight", 1.0))
