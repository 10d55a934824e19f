"""The learned gate: how probable it is that @self answers a message, as numbers in a file.

Trees over the features, brought to probabilities on a later stretch of time than they were fitted
on (Platt 1999), with a step per chat that is drawn towards none. Nothing in it was said by anybody:
words are hashed, people are handles.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
import orjson

from bot.gating.features import features
from bot.gating.known import Known, Rate
from bot.gating.situation import Situation
from bot.gating.trees import Trees
from bot.platforms.base import Address
from config.settings import Home
from ingest.chat import Message, Person

FORMAT = 1
_log = logging.getLogger("atself.gate")


@dataclass(frozen=True, slots=True)
class GateModel:
    """Everything a probability needs but the situation.

    ``slope`` and ``intercept`` bring the trees' log-odds to calibrated ones, ``steps`` adds to them
    by chat. ``at_rate`` is the probability from which it speaks as often as @self among what nobody
    addressed to @self, ``even`` the one at which balanced accuracy was best.
    """

    trees: Trees
    known: Known
    slope: float = 1.0
    intercept: float = 0.0
    steps: Mapping[str, float] = field(default_factory=dict)
    at_rate: float = 0.5
    even: float = 0.5

    def seen(self, situation: Situation, names: Sequence[str]) -> Mapping[str, float]:
        """The features of a situation; ``names`` are what @self is called."""
        return features(situation, self.known, names)

    def probability(self, chat: str, row: Sequence[float]) -> float:
        """That @self answers a message with these features, in the precision of the fit."""
        single = np.array(row, np.float32).tolist()
        return _logistic(self.log_odds(chat, self.trees.log_odds(single)))

    def log_odds(self, chat: str, raw: float) -> float:
        """Calibrated log-odds of what the trees give."""
        return self.slope * raw + self.intercept + self.steps.get(chat, 0.0)

    def to_json(self) -> dict[str, Any]:
        """JSON-ready numbers."""
        return {
            "features": list(FEATURES),
            "trees": self.trees.to_json(),
            "known": self.known.to_json(),
            **{name: getattr(self, name) for name in _NUMBERS},
            "steps": dict(self.steps),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what :meth:`to_json` gave; ValueError, KeyError or TypeError where it is none."""
        if tuple(data["features"]) != FEATURES:
            raise ValueError("a gate of other features")
        numbers = {name: float(data[name]) for name in _NUMBERS}
        steps = {str(chat): float(step) for chat, step in data["steps"].items()}
        if not all(map(math.isfinite, [*numbers.values(), *steps.values()])):
            raise ValueError("a gate with numbers that are none")
        trees = Trees.from_json(data["trees"], len(FEATURES))
        return cls(trees, Known.from_json(data["known"]), steps=steps, **numbers)


_NUMBERS = ("slope", "intercept", "at_rate", "even")


def _feature_names() -> tuple[str, ...]:
    from datetime import UTC, datetime

    nobody = Person(0, "nobody")
    message = Message("", "", nobody, datetime.fromtimestamp(0, UTC), "")
    asked = Situation(message.sent_at, message, Address.NONE, (message,))
    return tuple(features(asked, Known(people={"nobody": Rate()})))


FEATURES = _feature_names()
"""The names of all features, in order."""


@dataclass(frozen=True, slots=True)
class GateFile:
    """What stands in ``Home.gate``: the model (None where too little was said), and how well one
    fitted as it did on time it had not seen.

    ``revision`` is that of the archive, 0 where it is to be fitted again; ``why_none`` says why
    there is no model.
    """

    revision: int
    model: GateModel | None
    report: Mapping[str, Any] = field(default_factory=dict)
    why_none: str = ""

    def save(self, home: Home) -> None:
        """Write it; whatever is killed meanwhile, the file is a whole one."""
        data = {
            "format": FORMAT,
            "revision": self.revision,
            "why_none": self.why_none,
            "model": self.model.to_json() if self.model else None,
            "report": self.report,
        }
        partial = home.gate.with_name(f"{home.gate.name}.partial")
        partial.write_bytes(orjson.dumps(data, option=orjson.OPT_APPEND_NEWLINE))
        partial.replace(home.gate)


def read_gate(home: Home) -> GateFile | None:
    """The file, whole and of this version; None where there is none, with a line where damaged."""
    try:
        data = orjson.loads(home.gate.read_bytes())
        if data["format"] != FORMAT:
            return None
        model = GateModel.from_json(data["model"]) if data["model"] else None
        report = dict(data["report"].items())
        return GateFile(int(data["revision"]), model, report, str(data["why_none"]))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError):
        _log.warning("%s: damaged or of another version; run: atself gate", home.gate.name)
        return None


def forget_in_gate(home: Home, handle: str) -> bool:
    """Take a person's numbers out and have the rest fitted again; whether there was a file."""
    home.gate_rows.unlink(missing_ok=True)
    known = read_gate(home)
    if known is None:
        was_there = home.gate.exists()
        home.gate.unlink(missing_ok=True)
        return was_there
    model = known.model
    cut = replace(model, known=model.known.without(handle)) if model else None
    GateFile(0, cut, _but_people(known.report), known.why_none).save(home)
    return True


def _but_people(report: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in report.items() if key != "people"}


def _logistic(value: float) -> float:
    return 1 / (1 + math.exp(-value)) if value > -700 else 0.0
