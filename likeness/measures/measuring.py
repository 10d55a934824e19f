"""An evaluation in, its measures out."""

from __future__ import annotations

from config.settings import Home, Settings
from likeness.measured import Measures
from likeness.measures.advice import advice_of
from likeness.measures.comparing import gains
from likeness.measures.taking import Measuring
from likeness.records import Evaluation


def measure(evaluation: Evaluation, home: Home, settings: Settings) -> Measures:
    """Measure what was said, the same for the same evaluation and dataset.

    Without a dataset in ``home`` the measures that learn from the archive are left out. Raises
    LikenessError where no scene was played by all players.
    """
    found = Measuring.of(evaluation, home)
    return Measures(
        tuple(each.measure() for each in found.taken),
        {name: drawn.figure() for name, drawn in found.likeness.items()},
        advice_of(found, evaluation.plan, settings),
        gains(found, evaluation.plan.players),
    )
