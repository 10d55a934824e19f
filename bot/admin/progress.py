"""What a command that runs elsewhere has printed so far: how far it is, and how it ended."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TAIL = 64 * 1024
"""Bytes of a file looked at; progress is in its last lines."""
LONGEST = 300
"""Characters of a line that is shown."""


@dataclass(frozen=True, slots=True)
class Printed:
    """The files a command prints to: data, and what it says."""

    out: Path
    log: Path

    def progress(self) -> str:
        """How far it is, in a few words; what it said last where it tells no figures."""
        last: dict[str, Mapping[str, Any]] = {}
        for event in _events(_tail(self.out)):
            last[str(event["event"])] = event
        return _trained(last) if last else self.last_line()

    def last_line(self) -> str:
        """What it said last on stderr, without the name of the program."""
        lines = [line.strip() for line in _tail(self.log).splitlines() if line.strip()]
        return lines[-1].removeprefix("atself: ")[:LONGEST] if lines else ""

    def result(self) -> Any:
        """The JSON it printed: the whole document, or of a stream the event ``done``; else None."""
        text = self.out.read_text(encoding="utf-8", errors="replace") if self.out.exists() else ""
        try:
            found = json.loads(text)
        except ValueError:
            events = [event for event in _events(text) if event["event"] == "done"]
            return events[-1] if events else None
        is_event = isinstance(found, dict) and "event" in found
        return found if not is_event or found["event"] == "done" else None


def _trained(last: Mapping[str, Mapping[str, Any]]) -> str:
    """What the latest event of each kind comes to; see docs/progress.md."""
    stage, step = last.get("stage", {}), last.get("step", {})
    name = str(stage.get("name", "learning" if step else "preparing"))
    if not name.startswith("learning") or not step:
        return name
    words = f"learning, {step['share']:.0%}"
    left = step.get("remaining_seconds")
    if isinstance(left, int | float):
        words += f", about {max(1, round(left / 60))} min left"
    return words + (f", loss {step['loss']:.2f}" if step.get("loss") is not None else "")


def _events(text: str) -> Iterator[Mapping[str, Any]]:
    for line in text.splitlines():
        try:
            event = json.loads(line) if line.startswith('{"event"') else None
        except ValueError:  # cut off by the look at the tail, or not whole yet
            continue
        if isinstance(event, dict):
            yield event


def _tail(path: Path) -> str:
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - TAIL))
            return file.read().decode(errors="replace")
    except FileNotFoundError:
        return ""
