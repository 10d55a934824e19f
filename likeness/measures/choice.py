"""Which of four replies was the true one? By what a player wrote, or by its model's likelihood.

The other three are what @self really said elsewhere in the same chat, about as long, so that
neither voice nor length tells the true one: only what the moment is about does.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from likeness.records import Scene, SceneKind

OTHERS = 3

Parts = tuple[str, ...]


def distractors(scene: Scene, scenes: Sequence[Scene], seed: int) -> tuple[Parts, ...]:
    """Three other replies of @self to choose from beside the real one; none where there are not.

    Held-out scenes of a chat are put in fours of about one length, of four different clusters, and
    each reply of a four is offered beside the others: whoever does not look at the moment, finds
    one in four, however long what they say is. (Each reply beside those nearest to it in length is
    not fair: the longest then stands beside shorter ones only.) The same for the same scenes and
    seed, in whatever order.
    """
    if not scene.real:
        return ()
    real = {each.real: each for each in _of_the_chat(scene, scenes)}
    left = sorted(real.values(), key=lambda each: (_length(each.real), _lot(each, seed)))
    while len(left) > OTHERS:
        four = _four(left)
        ids = {each.id for each in four}
        if scene.id in ids:
            return tuple(each.real for each in four if each.id != scene.id) if _full(four) else ()
        left = [each for each in left if each.id not in ids]
    return ()


def _of_the_chat(scene: Scene, scenes: Sequence[Scene]) -> list[Scene]:
    found = [
        each
        for each in scenes
        if each.kind is SceneKind.HELD_OUT and each.chat == scene.chat and each.real
    ]
    return sorted(found, key=lambda each: each.id)


def _four(left: Sequence[Scene]) -> list[Scene]:
    """The shortest and the next ones of other clusters."""
    four: list[Scene] = []
    for each in left:
        if each.cluster and each.cluster in {one.cluster for one in four}:
            continue
        four.append(each)
        if _full(four):
            break
    return four


def _full(four: Sequence[Scene]) -> bool:
    return len(four) == OTHERS + 1


def _lot(scene: Scene, seed: int) -> float:
    return Random(f"{seed}:{scene.id}").random()


def _length(parts: Parts) -> int:
    return sum(map(len, parts))
