"""A small evaluation, made up: players who speak like themselves in scenes nobody played."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

from ingest.chat import Line
from likeness.records import Attempt, Evaluation, Plan, Player, Role, Scene, SceneKind

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
PLAYERS = (
    *(Player(role) for role in (Role.MEMBER, Role.RANDOM, Role.NEAREST, Role.BASE, Role.PROMPTED)),
    Player(Role.ADAPTER, "v1"),
    Player(Role.FULL, "v1"),
    Player(Role.SELF),
)
OWN = (
    "haha ok, 明天再说吧",
    "lol no way",
    "看情况～",
    "sure!! bring the tent 🏕",
    "我不吃香菜，谢谢",
    "hmm 让我想想…",
)
OTHERS = (
    "Certainly, I agree.",
    "The meeting is at nine.",
    "We should check the report.",
    "好的。",
    "Yes.",
)
ASKED = (
    "are you coming on friday?",
    "你周末去爬山吗",
    "who took my charger",
    "晚饭吃什么",
    "did it build?",
)


def scene(number: int, kind: SceneKind = SceneKind.HELD_OUT) -> Scene:
    """Scene ``number``: two lines and what @self said."""
    dice = Random(number)
    at = NOON + timedelta(hours=number)
    before = (
        Line("dummy_fox", dice.choice(ASKED), message_id=f"plain:den:{number}0", sent_at=at),
        Line("nice_guy", dice.choice(ASKED), message_id=f"plain:den:{number}1", sent_at=at),
    )
    is_real = kind is SceneKind.HELD_OUT
    real = tuple(dice.sample(OWN, dice.choice((1, 1, 2)))) if is_real else ()
    wanted = ("Kestrel Lane",) if kind is SceneKind.FACT else ()
    id = f"{kind}:{number}"
    return Scene(id, kind, "plain:den", at, before, real, wanted, cluster=f"day {number // 4}")


def attempt(scene: Scene, player: Player) -> Attempt:
    """What ``player`` says in ``scene``: a trained one as @self would, another as others do."""
    dice = Random(f"{scene.id}{player.name}")
    if player.role is Role.SELF:
        return Attempt(scene.id, player, scene.real)
    is_like = player.role in (Role.RANDOM, Role.NEAREST, Role.ADAPTER, Role.FULL)
    text = dice.choice(OWN if is_like else OTHERS)
    if scene.kind is SceneKind.FACT and player.role is Role.FULL:
        text = "it was on Kestrel Lane"
    if not player.role.is_model:
        return Attempt(scene.id, player, (text,), source="plain:den:1")
    size = len(" ".join(scene.real).encode())
    nats = size * (1.2 if is_like else 1.6) + dice.random()
    return Attempt(
        scene.id, player, (text,), text, nats=nats if size else None, bytes=size, tokens=9
    )


def evaluation(
    folder: Path, *, scenes: int = 24, players: tuple[Player, ...] = PLAYERS
) -> Evaluation:
    """An evaluation in ``folder`` in which everybody spoke, not yet measured."""
    kinds = {
        SceneKind.HELD_OUT: scenes,
        SceneKind.FACT: 4,
        SceneKind.UNKNOWN: 4,
        SceneKind.CONTROLLED: 2,
    }
    played = [scene(number, kind) for kind, count in kinds.items() for number in range(count)]
    versions = {"v1": {"dataset": "abc", "verdict": "pass"}}
    counts = {str(kind): count for kind, count in kinds.items()}
    made = Evaluation(folder / "e1")
    made.begin(Plan("e1", NOON, players, 7, counts, versions, {"temperature": 0.7}), played)
    for one in played:
        made.add(attempt(one, each) for each in players if each.role is not Role.SELF or one.real)
    return made
