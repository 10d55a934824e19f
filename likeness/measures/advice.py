"""What to do next, from what was measured; every line cites its figure."""

from __future__ import annotations

from config.settings import Settings
from likeness.measures.taking import Measuring
from likeness.records import Plan


def advice_of(found: Measuring, plan: Plan, settings: Settings) -> tuple[str, ...]:
    """Lines of advice, the most telling first."""
    return ()
