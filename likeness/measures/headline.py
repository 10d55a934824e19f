"""The headline: how far from another member to @self, over the measures of likeness.

Each measure is put on a scale on which the replies of another member at the same moments are 0
and @self's own are 1, and the headline is the mean. Voice counts by three measures (the judge, the
judge without topic, style), what is said by two (chrF beyond chance, the true reply of four).
@self's 1 of the latter means saying the same again, which nobody does: no player comes near 1, and
a rule that repeats past replies of @self gets all of the voice and next to nothing of the rest.

A measure by which floor and ceiling cannot be told apart on these scenes does not count.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from likeness.measured import Better
from likeness.measures.played import Sheet
from likeness.measures.taken import Drawn, Taken, mean_of
from likeness.records import Role

LEAST, MOST = -0.5, 1.0
"""Further out is all the same: one measure cannot outweigh the rest, and who overdoes @self's ways
is no more like @self."""


def separated(taken: Sequence[Taken], sheet: Sheet) -> list[Taken]:
    """The same measures; those that do not tell @self from another member count no more."""
    return [
        each if not each.is_likeness or _tells(each, sheet) else _uncounted(each) for each in taken
    ]


def headline(taken: Sequence[Taken], sheet: Sheet) -> dict[str, Drawn]:
    """Likeness by player; empty where floor or ceiling was not played or nothing tells them."""
    floor, ceiling = sheet.one(Role.MEMBER), sheet.one(Role.SELF)
    counted = [each for each in taken if each.is_likeness]
    if floor is None or ceiling is None or not counted:
        return {}
    names = [name for name in sheet.said if all(name in each.drawn for each in counted)]
    return {
        name: mean_of([_placed(e.drawn[name], e.drawn[floor], e.drawn[ceiling]) for e in counted])
        for name in names
    }


def _tells(taken: Taken, sheet: Sheet) -> bool:
    """Whether @self is better than another member by more than chance."""
    floor, ceiling = sheet.one(Role.MEMBER) or "", sheet.one(Role.SELF) or ""
    if floor not in taken.drawn or ceiling not in taken.drawn:
        return False
    gap = taken.drawn[ceiling].minus(taken.drawn[floor]).figure()
    if gap.low is None or gap.high is None:
        return False
    return gap.high < 0 if taken.better is Better.LOWER else gap.low > 0


def _uncounted(taken: Taken) -> Taken:
    noted = taken.noted("(does not tell @self from another member here, and is not counted)")
    return replace(noted, is_likeness=False)


def _placed(drawn: Drawn, floor: Drawn, ceiling: Drawn) -> Drawn:
    """From 0 (``floor``) to 1 (``ceiling``), in every draw with the ends of that draw.

    A draw in which the ends meet places nobody, and takes the value found over all scenes.
    """
    size = min(len(each.draws) for each in (drawn, floor, ceiling))
    span = ceiling.draws[:size] - floor.draws[:size]
    is_open = np.abs(span) > 1e-9
    above = drawn.draws[:size] - floor.draws[:size]
    value = (drawn.value - floor.value) / (ceiling.value - floor.value)
    draws = np.divide(above, span, out=np.full(size, value), where=is_open)
    return replace(
        drawn,
        value=float(np.clip(value, LEAST, MOST)),
        draws=np.clip(draws, LEAST, MOST),
        is_share=False,
        least=LEAST,
    )
