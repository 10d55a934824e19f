"""What was said in the scenes of one kind, player by player, as all measures read it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from likeness.records import Attempt, Player, Role, Scene, SceneKind

Parts = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """The scenes of a kind in which every player spoke, and what they said, in the same order.

    Players who never spoke in this kind are left out (@self does not answer made-up questions).
    """

    scenes: tuple[Scene, ...]
    players: tuple[Player, ...]
    said: Mapping[str, tuple[Attempt, ...]]

    @property
    def clusters(self) -> list[str]:
        """What each scene shares with those that are not independent of it."""
        return [scene.cluster or scene.id for scene in self.scenes]

    def one(self, role: Role) -> str | None:
        """The name of the first player of a role."""
        return next((each.name for each in self.players if each.role is role), None)

    def parts(self, name: str) -> list[Parts]:
        """What a player said in each scene, without messages of white space."""
        return [tuple(p for p in each.parts if p.strip()) for each in self.said[name]]


def sheet_of(
    kind: SceneKind, scenes: Sequence[Scene], attempts: Sequence[Attempt], players: Sequence[Player]
) -> Sheet:
    """Line up what was said; of an attempt made twice the last counts."""
    wanted = [scene for scene in scenes if scene.kind is kind]
    found: dict[str, dict[str, Attempt]] = {player.name: {} for player in players}
    ids = {scene.id for scene in wanted}
    for attempt in attempts:
        if attempt.scene in ids and attempt.player.name in found:
            found[attempt.player.name][attempt.scene] = attempt
    here = tuple(player for player in players if found[player.name])
    shared = tuple(s for s in wanted if all(s.id in found[each.name] for each in here))
    said = {each.name: tuple(found[each.name][s.id] for s in shared) for each in here}
    return Sheet(shared if here else (), here if shared else (), said if shared else {})
