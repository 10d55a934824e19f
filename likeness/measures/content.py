"""What is said: nearness to the real reply, and which of four replies it points to."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from random import Random
from statistics import fmean
from typing import Any

from likeness.measured import Better
from likeness.measures.choice import distractors
from likeness.measures.played import Parts, Sheet
from likeness.measures.taken import Drawn, Table, Taken
from likeness.records import Attempt

RANDOM_REPLIES = 5
"""Other replies of @self each reply is compared with: one alone is a matter of luck."""


def likelihood(table: Table) -> list[Taken]:
    """Nats per byte of the real replies, of players with a model."""
    drawn: dict[str, Drawn] = {}
    for name, attempts in table.sheet.said.items():
        known = [each.nats is not None and each.bytes > 0 for each in attempts]
        if any(known):
            pairs = list(zip(attempts, known, strict=True))
            tops = [(each.nats or 0.0) if is_known else 0.0 for each, is_known in pairs]
            bottoms = [float(each.bytes) if is_known else 0.0 for each, is_known in pairs]
            drawn[name] = table.ratio(tops, bottoms)
    note = "how surprised the model is by what @self really said"
    return _some(Taken("nats", "nats per byte", Better.LOWER, drawn, note=note, is_guard=True))


def nearness(table: Table, seed: int) -> list[Taken]:
    """chrF against the real reply, against others of @self, and the difference."""
    sheet = table.sheet
    others = _others(sheet, seed)
    real: dict[str, Sequence[float | None]] = {}
    random: dict[str, Sequence[float | None]] = {}
    for name in sheet.said:
        said = list(map(_text, sheet.parts(name)))
        real[name] = [chrf(one, _text(s.real)) for one, s in zip(said, sheet.scenes, strict=True)]
        random[name] = [
            fmean(chrf(one, other) for other in those) if those else None
            for one, those in zip(said, others, strict=True)
        ]
    to_real, to_random = table.means(real), table.means(random)
    both = {name: to_real[name].minus(to_random[name]) for name in to_real if name in to_random}
    words = "characters shared with"
    return _some(
        Taken("chrf", "chrF, real − random", Better.HIGHER, both, is_likeness=True,
              note=f"{words} the real reply beyond those shared with @self's other replies; "
              "@self's 100 is saying it again word for word"),
        Taken("chrf_real", "chrF to the real", Better.HIGHER, to_real,
              note=f"{words} the real reply (0 to 100)"),
        Taken("chrf_random", "chrF to others", Better.NEAR_SELF, to_random,
              note=f"{words} {RANDOM_REPLIES} other replies of @self (0 to 100)"),
    )  # fmt: skip


def choices(table: Table, seed: int) -> list[Taken]:
    """Whether the true reply is found among four, by what was written and by likelihood."""
    sheet = table.sheet
    offered = [distractors(scene, sheet.scenes, seed) for scene in sheet.scenes]
    written = {
        name: [
            _pointed(_text(parts), _text(scene.real), list(map(_text, those))) if those else None
            for parts, scene, those in zip(sheet.parts(name), sheet.scenes, offered, strict=True)
        ]
        for name in sheet.said
    }
    likely = {name: list(map(_likeliest, said)) for name, said in sheet.said.items()}
    return _some(
        Taken("choice", "true one of four", Better.HIGHER, table.means(written, is_share=True),
              unit="%", is_likeness=True,
              note="share of replies nearest (chrF) to the true one of four real replies of @self "
              "from the same chat, about as long; luck is 25 %"),
        Taken("choice_likelihood", "true one likeliest", Better.HIGHER,
              table.means(likely, is_share=True), unit="%",
              note="the same by the model's nats per byte; luck is 25 %"),
    )  # fmt: skip


@lru_cache(maxsize=1)
def _metric() -> Any:
    from sacrebleu.metrics.chrf import CHRF

    return CHRF(word_order=0)


def chrf(said: str, real: str) -> float:
    """chrF of one reply, 0 to 100 (Popović 2015: character n-grams up to 6)."""
    if not said or not real:
        return 0.0
    return float(_metric().sentence_score(said, [real]).score)


def _others(sheet: Sheet, seed: int) -> list[list[str]]:
    """A few real replies from other clusters, for each scene."""
    found = []
    for scene in sheet.scenes:
        pool = [
            _text(each.real)
            for each in sheet.scenes
            if each.id != scene.id and (each.cluster or each.id) != scene.cluster and each.real
        ]
        dice = Random(f"{seed}:{scene.id}:other")
        found.append(dice.sample(pool, min(RANDOM_REPLIES, len(pool))))
    return found


def _pointed(said: str, real: str, others: Sequence[str]) -> float:
    """1 where the real one is nearest, a fair share where several are."""
    nearness = [chrf(said, each) for each in (real, *others)]
    best = max(nearness)
    return (nearness[0] == best) / nearness.count(best)


def _likeliest(attempt: Attempt) -> float | None:
    if len(attempt.choices) < 2:
        return None
    return float(attempt.choices[0] < min(attempt.choices[1:]))


def _text(parts: Parts) -> str:
    return "\n".join(parts)


def _some(*taken: Taken) -> list[Taken]:
    return [each for each in taken if each.drawn]
