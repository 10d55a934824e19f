"""Every measure of an evaluation, taken in order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from config.settings import Home
from likeness.errors import LikenessError
from likeness.measures.answers import abstentions, facts
from likeness.measures.content import choices, likelihood, nearness
from likeness.measures.faults import faults, recited
from likeness.measures.headline import headline, separated
from likeness.measures.material import Material, material_of
from likeness.measures.played import Sheet, sheet_of
from likeness.measures.taken import Drawn, Table, Taken
from likeness.measures.voice import judged, styles
from likeness.records import Evaluation, Player, SceneKind


@dataclass(frozen=True, slots=True)
class Measuring:
    """Measures with their draws, and the headline; ``sheets`` hold what was said, by kind."""

    taken: tuple[Taken, ...]
    likeness: Mapping[str, Drawn]
    sheets: Mapping[SceneKind, Sheet]

    @classmethod
    def of(cls, evaluation: Evaluation, home: Home, players: Sequence[Player] = ()) -> Self:
        """Take all measures of ``players`` (all of the plan's). Raises LikenessError."""
        plan = evaluation.plan
        scenes, attempts = evaluation.scenes, evaluation.attempts
        sheets = {
            kind: sheet_of(kind, scenes, attempts, players or plan.players) for kind in SceneKind
        }
        if not any(sheet.scenes for sheet in sheets.values()):
            raise LikenessError(
                f"{evaluation.folder}: no scene in which every player spoke; evaluate again"
            )
        held_out = sheets[SceneKind.HELD_OUT]
        material = material_of(home, scenes)
        taken = separated(_held_out(held_out, material, plan.seed), held_out)
        taken += _answers(sheets, plan.seed)
        return cls(tuple(taken), headline(taken, held_out), sheets)

    def get(self, key: str) -> Taken | None:
        """A measure by its key."""
        return next((each for each in self.taken if each.key == key), None)


def _held_out(sheet: Sheet, material: Material | None, seed: int) -> list[Taken]:
    if not sheet.scenes:
        return []
    table = Table.of(sheet, seed)
    learned = material is not None and material.own
    return [
        *(judged(table, material, seed) if material and learned else ()),
        *(styles(table, material, seed) if material and learned else ()),
        *nearness(table, seed),
        *choices(table, seed),
        *likelihood(table),
        *faults(table),
        *(recited(table, material) if material and learned else ()),
    ]


def _answers(sheets: Mapping[SceneKind, Sheet], seed: int) -> list[Taken]:
    found = []
    for kind, take in ((SceneKind.FACT, facts), (SceneKind.UNKNOWN, abstentions)):
        if sheets[kind].scenes:
            found += take(Table.of(sheets[kind], seed))
    return found
