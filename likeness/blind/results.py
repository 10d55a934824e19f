"""What friends answered, and what that says of each version."""

from __future__ import annotations

import json
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from config.settings import Home
from likeness.blind.blindtest import (
    REMEMBERED,
    BlindTest,
    Pair,
    Parts,
    blind_tests,
    folder_of,
    read_test,
)
from likeness.blind.codes import Answers
from likeness.errors import LikenessError
from likeness.measured import Figure
from registry.artefact import write_json

GUESSING = 0.5
MOST_FRIENDS = 1000
"""Answers kept for a test: a page that is served takes no more."""


class Added(StrEnum):
    """What became of answers."""

    NEW = "added"
    SAME = "there already"
    KEPT = "answered before, otherwise: the first answers count"
    REPLACED = "replaced"


@dataclass(frozen=True, slots=True)
class Result:
    """What a friend's answers came to. ``total`` leaves out scenes they remembered."""

    test: str
    version: str
    friend: str
    right: int
    total: int
    at: datetime
    choices: tuple[int, ...] = ()
    respondent: str = ""

    def to_json(self) -> dict[str, Any]:
        """As it is kept."""
        return {
            "test": self.test,
            "version": self.version,
            "friend": self.friend,
            "respondent": self.respondent,
            "answers": self.choices,
            "right": self.right,
            "of": self.total,
            "at": self.at.isoformat(),
        }


@dataclass(frozen=True, slots=True)
class Fooled:
    """A scene, and how many of those who guessed took the model for @self."""

    test: str
    version: str
    pair: Pair
    wrong: int
    total: int

    @property
    def model(self) -> Parts:
        """What the model said."""
        return self.pair.replies[1 - self.pair.real]

    @property
    def real(self) -> Parts:
        """What @self said."""
        return self.pair.replies[self.pair.real]


def results(home: Home) -> list[Result]:
    """What every friend's answers came to, oldest first. Raises LikenessError."""
    found = map(_read, folder_of(home).glob("*/*.json"))
    return sorted(found, key=lambda result: (result.at, result.respondent))


def summary(found: Iterable[Result]) -> dict[str, Figure]:
    """The share of right answers by version, with its exact binomial interval.

    Clopper and Pearson (1934), by scipy: as if each answer were a draw of its own. ``clusters``
    counts the friends.
    """
    by_version: dict[str, list[Result]] = {}
    for result in sorted(found, key=lambda result: _number(result.version)):
        by_version.setdefault(result.version, []).append(result)
    return {version: share(answers) for version, answers in by_version.items()}


def share(answers: Sequence[Result]) -> Figure:
    """The share of right answers among these; without an interval where nobody guessed."""
    right, total = sum(each.right for each in answers), sum(each.total for each in answers)
    if not total:
        return Figure(0.0, clusters=len(answers))
    from scipy.stats import binomtest

    ends = binomtest(right, total).proportion_ci(confidence_level=0.95, method="exact")
    return Figure(right / total, float(ends.low), float(ends.high), total, len(answers))


def verdict(figure: Figure) -> str:
    """What a share of right answers means, in words."""
    if figure.low is None or figure.high is None:
        return "nobody guessed yet"
    if figure.low > GUESSING:
        return "told apart from @self"
    if figure.high < GUESSING:
        return "taken for @self more often than @self"
    return "not told apart: the interval holds 50 %, which is guessing"


def fooled(home: Home, found: Sequence[Result]) -> list[Fooled]:
    """Every scene that was guessed, the most convincing first."""
    scenes = []
    for test in blind_tests(home):
        answers = [result.choices for result in found if result.test == test.id]
        for place, pair in enumerate(test.pairs):
            guesses = Counter(choices[place] for choices in answers)
            wrong, total = guesses[1 - pair.real], guesses[0] + guesses[1]
            if total:
                scenes.append(Fooled(test.id, test.version, pair, wrong, total))
    return sorted(scenes, key=lambda scene: (-scene.wrong / scene.total, -scene.total))


def add(
    home: Home, answers: Answers, *, now: datetime, is_replacing: bool = False
) -> tuple[Result, Added]:
    """Score answers and keep them; what counts now. LikenessError where they are of no test.

    Whoever has the same respondent or nickname in a test is the same friend: their first answers
    count, unless ``is_replacing``.
    """
    result = _scored(read_test(home, answers.test), answers, now)
    folder = folder_of(home) / result.test
    known = [_read(path) for path in folder.glob("*.json")] if folder.is_dir() else []
    earlier = [each for each in known if _is_same(each, result)]
    if earlier and (not is_replacing or earlier[0].choices == result.choices):
        is_equal = earlier[0].choices == result.choices
        return earlier[0], Added.SAME if is_equal else Added.KEPT
    if len(known) >= MOST_FRIENDS:
        raise LikenessError(f"{folder}: holds {MOST_FRIENDS} answers, and takes no more")
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / f"{result.respondent}.json", result.to_json())
    for each in earlier:
        if each.respondent != result.respondent:
            (folder / f"{each.respondent}.json").unlink(missing_ok=True)
    return result, Added.REPLACED if earlier else Added.NEW


def unname_friends(home: Home, names: Collection[str]) -> None:
    """Let nobody of these names be named among those who answered; their answers stay."""
    folded = set(map(_folded, names))
    for path in folder_of(home).glob("*/*.json"):
        known = _read(path)
        if _folded(known.friend) in folded:
            unnamed = replace(known, friend=f"friend {known.respondent}")
            write_json(path, unnamed.to_json())


def _scored(test: BlindTest, answers: Answers, now: datetime) -> Result:
    is_known = all(choice <= REMEMBERED for choice in answers.choices)
    if len(answers.choices) != len(test.pairs) or not is_known:
        raise LikenessError(
            f"test {test.id}: has {len(test.pairs)} scenes, the code {len(answers.choices)} "
            "answers; it is of another page"
        )
    right, total = test.right(answers.choices)
    friend = answers.friend or f"friend {answers.respondent}"
    return Result(
        test.id, test.version, friend, right, total, now, answers.choices, answers.respondent
    )


def _is_same(one: Result, other: Result) -> bool:
    return one.respondent == other.respondent or _folded(one.friend) == _folded(other.friend)


def _folded(name: str) -> str:
    return unicodedata.normalize("NFKC", name).casefold()


def _number(version: str) -> tuple[int, str]:
    digits = version.removeprefix("v")
    return int(digits) if digits.isdigit() else 0, version


def _read(path: Path) -> Result:
    try:
        return _result(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise LikenessError(f"{path}: not readable ({error}); add the code again") from error


def _result(data: Mapping[str, Any]) -> Result:
    return Result(
        data["test"], data["version"], data["friend"], data["right"], data["of"],
        datetime.fromisoformat(data["at"]), tuple(data["answers"]), data["respondent"],
    )  # fmt: skip
