"""Did @self write this? A judge that read what was said before the scenes, and only that.

Character and word n-grams (TF-IDF) and a logistic regression that tells @self's replies from other
members'. Other members' replies are chosen as long as @self's, so that length alone tells nothing.
The judge is two: each learned from half, and a reply that one of them has read before (a past reply
said again, or recited) is put to the other only. One chat line tells little: the judge is asked
about bundles, and its opinion of a bundle is the mean of its log-odds over the replies in it.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, zip_longest
from random import Random
from statistics import fmean
from typing import Any

import numpy as np

from ingest.terms import terms
from likeness.measures.masking import Mask, without_addresses
from likeness.measures.material import Material
from trainer.card.copying import WHOLE
from trainer.card.slices import texts
from trainer.card.wording import Replies, messages, tokens, weight

BUNDLE = 20
LEAST_BUNDLES = 3
MOST_REPLIES = 4000
"""Replies of each side that are learned from; twice as many take twice the time."""
FEWEST = 30
"""Replies of each side below which nothing is learned."""
BUNDLES = 400
"""Bundles drawn to tell how good the judge is."""

Parts = tuple[str, ...]
Read = Callable[[Parts], str]


@dataclass(frozen=True, slots=True)
class Half:
    """A fitted scikit-learn pipeline and the longer messages it has learned from."""

    model: Any
    read: frozenset[tuple[str, ...]]

    def knows(self, reply: Parts) -> bool:
        """Whether a message of the reply was learned from."""
        return not self.read.isdisjoint(_telling([reply]))


@dataclass(frozen=True, slots=True)
class Judge:
    """``read`` makes one text of a reply."""

    read: Read
    halves: tuple[Half, ...]

    def odds(self, replies: Sequence[Parts]) -> list[float | None]:
        """The log-odds that @self wrote each reply; None where nothing was said."""
        told = [self.read(reply) for reply in replies]
        texts_told = [text or " " for text in told]
        if not told:
            return []
        scores = [half.model.decision_function(texts_told) for half in self.halves]
        found: list[float | None] = []
        for place, (reply, text) in enumerate(zip(replies, told, strict=True)):
            fair = [s[place] for s, half in zip(scores, self.halves, strict=True)
                    if not half.knows(reply)] or [s[place] for s in scores]  # fmt: skip
            found.append(fmean(map(float, fair)) if text else None)
        return found


@dataclass(frozen=True, slots=True)
class Quality:
    """How well a judge tells real replies it never saw: areas under the ROC curve."""

    bundle: int
    bundles: float
    single: float
    own: int
    others: int


def bundle_size(scenes: int) -> int:
    """Replies in a bundle: 20, or fewer where there would not be three bundles."""
    return max(1, min(BUNDLE, scenes // LEAST_BUNDLES))


def plain(material: Material) -> Read:
    """Replies as they are, without whom they address."""

    def read(reply: Parts) -> str:
        return without_addresses("\n".join(reply), material.names).strip()

    return read


def masked(material: Material) -> Read:
    """Replies without their topic."""
    written = {name: [t for r in said for t in r] for name, said in material.others.items()}
    written[""] = [line.text for turn in material.own for line in turn.lines]
    mask, unmasked = Mask.of(written), plain(material)

    def read(reply: Parts) -> str:
        return mask(unmasked(reply))

    return read


def train(material: Material, read: Read, *, seed: int) -> Judge | None:
    """Fit a judge; None where either side wrote too little."""
    own, others = matched(texts(material.own), material.others, most=MOST_REPLIES, seed=seed)
    if len(own) < FEWEST:
        return None
    halves = (_half(own[i::2], others[i::2], read, seed) for i in range(2))
    return Judge(read, tuple(halves))


def _half(own: Sequence[Parts], others: Sequence[Parts], read: Read, seed: int) -> Half:
    model = _pipeline(seed)
    model.fit([read(reply) for reply in (*own, *others)], [1] * len(own) + [0] * len(others))
    return Half(model, frozenset(_telling([*own, *others])))


def _telling(replies: Iterable[Parts]) -> Iterator[tuple[str, ...]]:
    """The messages that are too long to be said twice by chance."""
    for message in messages(replies):
        found = tuple(tokens(message))
        if sum(map(weight, found)) >= WHOLE:
            yield found


def quality(judge: Judge, material: Material, bundle: int, *, seed: int) -> Quality | None:
    """Ask the judge about the validation period; None where too little was said in it."""
    own, others = matched(
        texts(material.late_own), material.late_others, most=MOST_REPLIES, seed=seed
    )
    if len(own) < bundle:
        return None
    scores = [[each or 0.0 for each in judge.odds(side)] for side in (own, others)]
    dice = np.random.default_rng(seed)
    bundles = [dice.choice(side, (BUNDLES, bundle)).mean(1) for side in scores]
    return Quality(bundle, area(*bundles), area(*scores), len(own), len(others))


def area(own: Sequence[float] | Any, others: Sequence[float] | Any) -> float:
    """The area under the ROC curve: how often one of @self's ranks above one of others."""
    from sklearn.metrics import roc_auc_score

    labels = [1] * len(own) + [0] * len(others)
    return float(roc_auc_score(labels, [*own, *others]))


def matched(
    own: Replies, others: Mapping[str, Replies], *, most: int, seed: int
) -> tuple[list[Parts], list[Parts]]:
    """As many replies of others as of @self, as long as these; all members in turn."""
    dice = Random(seed)
    mine, theirs = _by_length(own, dice), _by_length(_in_turn(others, dice), None)
    pairs = [
        pair
        for length in sorted(mine)
        for pair in zip(mine[length], theirs.get(length, []), strict=False)
    ]
    dice.shuffle(pairs)
    return [one for one, _ in pairs[:most]], [other for _, other in pairs[:most]]


def _in_turn(others: Mapping[str, Replies], dice: Random) -> list[Parts]:
    """One reply of each member, then a second of each… so that nobody stands for all."""
    shuffled = [dice.sample(list(said), len(said)) for _, said in sorted(others.items())]
    return [reply for round in zip_longest(*shuffled) for reply in round if reply is not None]


def _by_length(replies: Replies, dice: Random | None) -> dict[tuple[int, int], list[Parts]]:
    """Replies by how many messages they are (three and more as one) and about how long."""
    found: dict[tuple[int, int], list[Parts]] = defaultdict(list)
    for reply in dice.sample(list(replies), len(replies)) if dice else replies:
        size = sum(map(len, reply))
        if size:
            found[min(3, len(reply)), int(2 * math.log2(size))].append(reply)
    return found


def _pipeline(seed: int) -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline, make_union

    characters = TfidfVectorizer(
        analyzer="char_wb", ngram_range=(1, 4), lowercase=False, min_df=2, sublinear_tf=True,
        max_features=100_000,
    )  # fmt: skip
    words = TfidfVectorizer(analyzer=_word_grams, min_df=2, sublinear_tf=True, max_features=50_000)
    regression = LogisticRegression(C=3.0, solver="liblinear", random_state=seed)
    return make_pipeline(make_union(characters, words), regression)


def _word_grams(text: str) -> list[str]:
    found = list(terms(text))
    return [*found, *(f"{one} {other}" for one, other in pairwise(found))]
