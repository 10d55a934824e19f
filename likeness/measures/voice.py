"""How it is said: the judge's opinion, and distances of style."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from statistics import fmean

import numpy as np

from likeness.measured import Better
from likeness.measures import judge as judging
from likeness.measures.judge import Judge, Read
from likeness.measures.material import Material
from likeness.measures.played import Parts
from likeness.measures.taken import FEW_DRAWS, Drawn, Table, Taken
from likeness.records import Role
from trainer.card.features import Profile, joined
from trainer.card.slices import slices
from trainer.card.style import FEWEST, Distances, Yardstick, cut

SLICE_REPLIES = 300
"""Replies of @self per slice; more change nothing but the time."""
RECENT = 1500
"""The latest replies of the training period: who @self is now, not who @self was years ago."""
PARTS = {
    "length": ("length", ("message length", "messages per reply")),
    "punctuation": ("punctuation", ("punctuation", "last characters")),
    "emoji": ("emoji and laughter", ("emoji", "laughter")),
    "case": ("capitals", ("case",)),
    "script": ("scripts", ("scripts",)),
    "openings": ("openings", ("openings",)),
    "function_words": ("function words", ("frequent words",)),
}


def judged(table: Table, material: Material, seed: int) -> list[Taken]:
    """The judge's log-odds, as replies are and without their topic."""
    return [
        *_judged("judge", "authorship judge", judging.plain(material), table, material, seed),
        *_judged("judge_masked", "judge, topic masked", judging.masked(material), table, material,
                 seed),
    ]  # fmt: skip


def _judged(
    key: str, title: str, read: Read, table: Table, material: Material, seed: int
) -> list[Taken]:
    judge = judging.train(material, read, seed=seed)
    if judge is None:
        return []
    odds = {name: judge.odds(table.sheet.parts(name)) for name in table.sheet.said}
    taken = Taken(key, title, Better.HIGHER, table.means(odds), unit="log-odds", is_likeness=True)
    return [taken.noted(_note(judge, odds, table, material, seed))]


def _note(
    judge: Judge,
    odds: dict[str, list[float | None]],
    table: Table,
    material: Material,
    seed: int,
) -> str:
    """How far the judge can be trusted."""
    size = judging.bundle_size(len(table.sheet.scenes))
    parts = [f"mean log-odds of bundles of {size} replies"]
    found = judging.quality(judge, material, size, seed=seed)
    if found is not None:
        parts.append(
            f"on {found.own} + {found.others} real replies it never saw, AUC "
            f"{found.bundles:.3f} by bundle, {found.single:.3f} by reply"
        )
    ends = [table.sheet.one(role) for role in (Role.SELF, Role.MEMBER)]
    own, other = ([each for each in odds.get(n or "", []) if each is not None] for n in ends)
    if own and other:
        dice = np.random.default_rng(seed)
        drawn = [dice.choice(each, (judging.BUNDLES, size)).mean(1) for each in (own, other)]
        parts.append(f"here @self against another member: AUC {judging.area(*drawn):.3f} by bundle")
    return "; ".join(parts)


def styles(table: Table, material: Material, seed: int) -> list[Taken]:
    """Distances in units of @self's own ordinary change, over all and by feature."""
    yardstick = _yardstick(table, material, seed)
    if yardstick is None:
        return []
    measured = {
        name: found
        for name in table.sheet.said
        if (found := _measured(table, table.sheet.parts(name), yardstick)) is not None
    }
    note = "times what @self's own replies differ from one time to another; 1 is @self"
    overall = Taken(
        "style", "style distance", Better.LOWER, {n: f[""] for n, f in measured.items()}, "×",
        note, is_likeness=True,
    )  # fmt: skip
    parts = [
        Taken(key, f"  {title}", Better.LOWER, {n: f[key] for n, f in measured.items()}, "×")
        for key, (title, _) in PARTS.items()
    ]
    return [overall, *parts] if measured else []


def _yardstick(table: Table, material: Material, seed: int) -> Yardstick | None:
    replies = len(table.sheet.scenes)
    recent = material.own[-RECENT:]
    size = max(FEWEST, min(replies, len(recent) // 4))
    _, own = slices(recent, size)
    if replies < FEWEST or len(own) < 2:
        return None
    dice = Random(seed)
    return Yardstick.of([cut(part, SLICE_REPLIES, dice) for _, part in own], size, dice)


def _measured(
    table: Table, replies: Sequence[Parts], yardstick: Yardstick
) -> dict[str, Drawn] | None:
    """Overall (under no name) and by part, drawn with whole clusters."""
    said = [reply for reply in replies if reply]
    if len(said) < FEWEST:
        return None
    profiles = _by_cluster(table, replies, yardstick)
    value = _named(yardstick.distances(joined(profiles)))
    drawn = [
        _named(yardstick.distances(joined(_drawn(profiles, counts))))
        for counts in table.draws.counts[:FEW_DRAWS].astype(int)
    ]
    spoken = [c for c, reply in zip(table.sheet.clusters, replies, strict=True) if reply]
    return {
        key: Drawn(
            value[key],
            np.array([each[key] for each in drawn]),
            len(said),
            len(set(spoken)),
            least=0.0,
        )
        for key in value
    }


def _by_cluster(table: Table, replies: Sequence[Parts], yardstick: Yardstick) -> list[Profile]:
    places = table.draws.places
    return [
        yardstick.folded([r for r, p in zip(replies, places, strict=True) if p == place and r])
        for place in range(table.draws.counts.shape[1])
    ]


def _drawn(profiles: Sequence[Profile], counts: Sequence[int]) -> list[Profile]:
    return [profile for profile, count in zip(profiles, counts, strict=True) for _ in range(count)]


def _named(found: Distances) -> dict[str, float]:
    parts = {key: fmean(found.features[n] for n in names) for key, (_, names) in PARTS.items()}
    return {"": found.overall, **parts}
