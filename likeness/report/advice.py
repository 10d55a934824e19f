"""What to do next: what was measured says it, what the card found, and what is not there yet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from likeness.report.sources import Sources


@dataclass(frozen=True, slots=True)
class Step:
    """Something to do: why, and the command or the setting."""

    what: str
    kind: str
    """``measured``, ``card`` or ``missing``."""
    command: str = ""


def steps(sources: Sources) -> list[Step]:
    """All steps, the most telling first."""
    return [*_measured(sources), *_card(sources), *_missing(sources)]


def _measured(sources: Sources) -> Iterator[Step]:
    for line in sources.rehearsed.measures.advice if sources.rehearsed else ():
        yield Step(line, "measured")


def _card(sources: Sources) -> Iterator[Step]:
    for finding in sources.card.get("findings", []):
        if finding["level"] != "pass" and finding.get("advice"):
            yield Step(f"{finding['advice']} ({finding['text']})", "card")


def _missing(sources: Sources) -> Iterator[Step]:
    for each in sources.missing:
        yield Step(f"Not known yet: {each.what}", "missing", each.command)
