"""The learned gate as the bot asks it, and which of the two scorers stands."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bot.gating.model import FEATURES, GateModel, read_gate
from bot.gating.scoring import HandScorer, Scorer
from bot.gating.situation import Situation
from config.settings import Home

_REASONS = 5
_LEAST = 1e-9


@dataclass(frozen=True, slots=True)
class LearnedScorer:
    """Scores by a learned gate; ``names`` are what @self is called."""

    model: GateModel
    names: Sequence[str] = ()

    def score(self, situation: Situation) -> tuple[float, Sequence[str]]:
        """How probable an answer of @self is, put so that 0.5 is as often as @self speaks.

        The distance of the log-odds from those at which the gate would speak as often as @self
        did: a score only ever rises with the probability.
        """
        seen = self.model.seen(situation, self.names)
        row = list(seen.values())
        share = self.model.probability(situation.message.chat, row)
        return rescaled(share, self.model.at_rate), [_odds(share), *self._told(row)]

    def _told(self, row: Sequence[float]) -> list[str]:
        told = self.model.trees.told(row)
        order = sorted(told, key=lambda number: -abs(told[number]))[:_REASONS]
        return [f"{FEATURES[number]} {told[number]:+.1f}" for number in order]


def rescaled(share: float, bar: float) -> float:
    """A probability as a score that is 0.5 where it is ``bar``; 0 to 1, and rising."""
    distance = _logit(share) - _logit(bar)
    return 1 / (1 + math.exp(-distance)) if distance > -700 else 0.0


def _logit(share: float) -> float:
    share = min(max(share, _LEAST), 1 - _LEAST)
    return math.log(share / (1 - share))


def _odds(share: float) -> str:
    if share >= 0.5:
        return f"you would answer {share:.0%} of such"
    return f"you would answer one in {1 / max(share, 1e-4):.0f} of such"


class Standing:
    """The learned scorer where the home has one, else the one that ships; read again on demand."""

    def __init__(self, home: Home, names: Sequence[str], say: Callable[[str], None]) -> None:
        self._home, self._names, self._say = home, tuple(names), say
        self._scorer: Scorer = HandScorer()
        self.reload()

    @property
    def is_learned(self) -> bool:
        """Whether it was learned from the archive."""
        return isinstance(self._scorer, LearnedScorer)

    def reload(self) -> None:
        """Take what the home has now; a line tells which it is."""
        known = read_gate(self._home)
        if known is not None and known.model is not None:
            self._scorer = LearnedScorer(known.model, self._names)
            self._say("gate: learned from the archive")
            return
        self._scorer = HandScorer()
        why = known.why_none if known else "none learned yet, or damaged; run: atself gate"
        self._say(f"gate: the one that ships ({why})")

    def score(self, situation: Situation) -> tuple[float, Sequence[str]]:
        """As the scorer that stands has it."""
        return self._scorer.score(situation)
