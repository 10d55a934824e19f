"""Two people who write unlike each other, and homes with what they said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from random import Random

import orjson

from config.settings import Home
from ingest.chat import Line, Turn, Window
from ingest.dataset import window_json
from ingest.dataset.manifest import DatasetManifest, write_manifest
from likeness.records import Attempt, Evaluation, Plan, Player, Role, Scene, SceneKind
from tests.likeness.made import NOON

MINE = (
    *("lah", "wah", "aiya", "cannot", "tmr", "bees", "honey", "kopi", "sian", "jialat", "bo"),
    *("jio", "ok", "lor", "meh", "明天", "再说", "哈哈"),
)
YOURS = (
    *("therefore", "indeed", "meeting", "report", "kindly", "regards", "quarter", "agenda"),
    *("budget", "shall", "好的", "收到"),
)
SHARED = ["the", "a", "to", "of", "and", "you", "it", "is", "that", "for"]
MEMBERS = ("nice_guy", "dummy_fox", "old_owl", "red_kite")
BEGAN = NOON - timedelta(days=400)


def say(words: Sequence[str], dice: Random, topic: str = "") -> tuple[str, ...]:
    """A burst of one or two messages."""
    parts = []
    for _ in range(dice.choice((1, 1, 2))):
        said = [dice.choice(words if dice.random() < 0.5 else SHARED) for _ in range(6)]
        text = " ".join([*said, topic] if topic else said)
        parts.append(text + ("!!" if words is MINE else "."))
    return tuple(parts)


def mine(dice: Random, topic: str = "") -> tuple[str, ...]:
    """As @self writes."""
    return say(MINE, dice, topic)


def yours(dice: Random, topic: str = "") -> tuple[str, ...]:
    """As others write."""
    return say(YOURS, dice, topic)


def window(number: int, dice: Random) -> Window:
    """Somebody asks, @self answers."""
    at = BEGAN + timedelta(days=number)
    asked = tuple(
        Line(MEMBERS[number % 4], text, message_id=f"q{number}.{i}", sent_at=at)
        for i, text in enumerate(yours(dice))
    )
    said = tuple(
        Line("me", text, is_self=True, message_id=f"r{number}.{i}", sent_at=at)
        for i, text in enumerate(mine(dice))
    )
    return Window(
        f"w{number}", "plain:den", (Turn(asked), Turn(said, is_self=True, is_target=True))
    )


def home_with(folder: Path, *, windows: int = 240) -> Home:
    """A home with a dataset: train, then validation; days apart."""
    home, dice = Home(folder), Random(3)
    home.dataset.mkdir(parents=True)
    made = [window(number, dice) for number in range(windows)]
    cut = windows * 5 // 6
    for split, part in (("train", made[:cut]), ("validation", made[cut:]), ("test", [])):
        path = home.dataset / f"{split}.jsonl"
        path.write_bytes(b"".join(orjson.dumps(window_json.to_json(w)) + b"\n" for w in part))
    write_manifest(home.dataset, _manifest())
    return home


def _manifest() -> DatasetManifest:
    return DatasetManifest(
        "abc", NOON.isoformat(), "atself-1", "", {"en": 1.0}, "me", "Hana", ["den"], 1, {}, {}, {}
    )


def played(folder: Path, skills: dict[Player, float], *, scenes: int = 60) -> Evaluation:
    """An evaluation in which each player writes like @self as often as ``skills`` says.

    Whoever is skilled also stays on the topic of the moment; floor and ceiling are added.
    """
    players = (Player(Role.MEMBER), *skills, Player(Role.SELF))
    made, attempts = [], []
    for number in range(scenes):
        dice = Random(number)
        topic = f"topic{number}"
        at = NOON + timedelta(hours=number)
        asked = Line("nice_guy", f"any news of {topic}?", message_id=f"h{number}", sent_at=at)
        real = mine(dice, topic)
        scene = Scene(
            f"s{number}", SceneKind.HELD_OUT, "plain:den", at, (asked,), real,
            cluster=f"day {number // 3}",
        )  # fmt: skip
        made.append(scene)
        for player in players:
            attempts.append(_attempt(scene, player, skills.get(player, 0.0), topic))
    evaluation = Evaluation(folder / "e2")
    plan = Plan("e2", NOON, players, 7, {"held out": scenes}, {}, {})
    evaluation.begin(plan, made)
    evaluation.add(attempts)
    return evaluation


def _attempt(scene: Scene, player: Player, skill: float, topic: str) -> Attempt:
    if player.role is Role.SELF:
        return Attempt(scene.id, player, scene.real)
    dice = Random(f"{scene.id}{player.name}")
    is_like = dice.random() < skill
    parts = mine(dice, topic) if is_like else yours(dice)
    nats = 1.0 if is_like else 2.0
    attempt = Attempt(scene.id, player, parts, "\n".join(parts))
    return replace(attempt, nats=nats * 100, bytes=100) if player.role.is_model else attempt
