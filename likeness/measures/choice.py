"""Which of four replies was the true one? By what a player wrote, or by its model's likelihood.

The other three are what @self really said elsewhere in the same chat, about as long, so that
neither voice nor length tells the true one: only what the moment is about does.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from random import Random

from likeness.records import Scene, SceneKind

OTHERS = 3
NEAREST = 12
"""The distractors are drawn from this many replies, those nearest in length."""

Parts = tuple[str, ...]


def distractors(scene: Scene, scenes: Sequence[Scene], seed: int) -> tuple[Parts, ...]:
    """Three other replies of @self to choose from beside the real one; fewer where there are none.

    From held-out scenes of the same chat that do not share the scene's cluster, all different and
    different from the real one. The same for the same scenes and seed, in whatever order.
    """
    if not scene.real:
        return ()
    found = {
        each.real: each
        for each in sorted(scenes, key=lambda each: each.id)
        if each.kind is SceneKind.HELD_OUT
        and each.chat == scene.chat
        and each.real
        and each.real != scene.real
        and (each.id != scene.id and (not scene.cluster or each.cluster != scene.cluster))
    }
    near = sorted(found, key=lambda real: (abs(_length(real) - _length(scene.real)), real))
    pool = near[:NEAREST]
    return tuple(Random(f"{seed}:{scene.id}").sample(pool, min(OTHERS, len(pool))))


def _length(parts: Parts) -> float:
    return math.log1p(sum(map(len, parts)))
