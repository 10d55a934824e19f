"""From an evaluation to a blind test: which scenes are fair, and in what order they come.

Every rule looks at the two replies alike. So what friends see would be the same, byte for byte, had
the model said @self's words and @self the model's: nothing but the words can tell them apart.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from random import Random

from ingest.chat import Line
from ingest.prompt import SELF
from likeness.blind.blindtest import BlindTest, Pair, Parts, Shown
from likeness.errors import LikenessError
from likeness.records import Evaluation, Player, Role, Scene, SceneKind

LINES, CHARACTERS = 6, 420
"""Of what was said before, the most that is shown: the replies begin on a phone's first screen."""
LONGEST_LINE = 240
LONGEST_REPLY = 600
EASY = 3
"""Scenes at the start with the least to read."""
_PLACEHOLDER = re.compile(r"\[[a-z]+(?: [^\]\n]*)?\]")
_SELF = re.compile(rf"@{SELF}(?![A-Za-z0-9_])")
_RAW_SPACE = re.compile(r"\s*\n\s*|[^\S\n]+")


@dataclass(frozen=True, slots=True)
class Group:
    """What a test is made for: a chat, its title, and the names that people are shown under.

    ``redact`` takes personal data out; ``is_there`` says whether messages of others may still be
    shown, by their ids.
    """

    chat: str
    title: str
    me: str
    names: Mapping[str, str]
    redact: Callable[[str], str]
    is_there: Callable[[Sequence[str]], bool]


def make_test(
    evaluation: Evaluation,
    version: str,
    group: Group,
    *,
    id: str,
    scenes: int,
    dice: Random,
    now: datetime,
) -> tuple[BlindTest, Counter[str]]:
    """A test of ``version`` with up to ``scenes`` scenes, and how many were left out and why.

    ``dice`` say which reply stands first; ``id`` must not come from them. Raises LikenessError
    where no scene is fair.
    """
    left_out: Counter[str] = Counter()
    found = list(_fair_pairs(evaluation, version, group, left_out))
    pairs = _chosen(found, scenes, dice, left_out)
    if not pairs:
        raise LikenessError(
            f"{evaluation.folder}: no scene of {group.title or group.chat} is fit for a blind test"
            f"{_told(left_out)}; evaluate with more scenes, or choose another --chat"
        )
    test = BlindTest(
        id, version, evaluation.id, group.chat, group.title, group.me, now,
        tuple(_ordered(pairs, dice)),
    )  # fmt: skip
    return test, left_out


def usable_scenes(evaluation: Evaluation, version: str) -> Counter[str]:
    """Scenes with both replies, by chat."""
    tried = _attempts(evaluation, version)
    return Counter(scene.chat for scene in _real_scenes(evaluation) if tried.get(scene.id))


def _real_scenes(evaluation: Evaluation) -> list[Scene]:
    return [s for s in evaluation.scenes if s.kind is SceneKind.HELD_OUT and s.real and s.before]


def _attempts(evaluation: Evaluation, version: str) -> dict[str, Parts]:
    player = Player(Role.FULL, version)
    return {each.scene: each.parts for each in evaluation.attempts if each.player == player}


def _fair_pairs(
    evaluation: Evaluation, version: str, group: Group, left_out: Counter[str]
) -> Iterator[tuple[str, Pair]]:
    """Pairs in which nothing but the words tells, each with its cluster; @self's reply first."""
    tried = _attempts(evaluation, version)
    for scene in _real_scenes(evaluation):
        if scene.chat != group.chat or scene.id not in tried:
            continue
        lines = _last_lines(scene.before)
        replies = (_tidied(scene.real, group.me), _tidied(tried[scene.id], group.me))
        reason = _unfair(replies, lines, group)
        if reason:
            left_out[reason] += 1
            continue
        before = tuple(_shown(line, group) for line in lines)
        messages = tuple(line.message_id for line in lines if not line.is_self)
        yield scene.cluster or scene.id, Pair(scene.id, before, replies, 0, messages)


def _unfair(replies: tuple[Parts, Parts], lines: Sequence[Line], group: Group) -> str:
    """Why a scene is left out; empty where it is not."""
    joined = ["\n".join(reply) for reply in replies]
    if not all(joined):
        return "one said nothing"
    if _plain(joined[0]) == _plain(joined[1]):
        return "both said the same"
    if any(map(_PLACEHOLDER.search, joined)):
        return "a picture or the like in a reply"
    if max(map(len, joined)) > LONGEST_REPLY:
        return "a reply too long for a phone"
    if any(group.redact(text) != text for text in joined):
        return "personal data in a reply"
    others = [line.message_id for line in lines if not line.is_self and line.message_id]
    return "" if group.is_there(others) else "no longer in the archive"


def _chosen(
    found: list[tuple[str, Pair]], scenes: int, dice: Random, left_out: Counter[str]
) -> list[Pair]:
    """By chance, from as many conversations as there are, and none that gives away another."""
    dice.shuffle(found)
    seen: Counter[str] = Counter()
    turns = []
    for cluster, pair in found:
        turns.append((seen[cluster], pair))
        seen[cluster] += 1
    kept: list[Pair] = []
    for _, pair in sorted(turns, key=lambda turn: turn[0]):
        if any(_gives_away(pair, other) or _gives_away(other, pair) for other in kept):
            left_out["would give away another scene"] += 1
        elif len(kept) < scenes:
            kept.append(pair)
    return kept


def _gives_away(one: Pair, other: Pair) -> bool:
    """Whether what is shown before one scene holds a reply of another."""
    own = {_plain(line.text) for line in one.before if line.is_self}
    return any(_plain(part) in own for reply in other.replies for part in reply)


def _ordered(pairs: list[Pair], dice: Random) -> Iterator[Pair]:
    """The shortest few first, the others as they came; sides by chance."""
    short = sorted(pairs, key=lambda pair: pair.length)[:EASY]
    for pair in [*short, *(pair for pair in pairs if pair not in short)]:
        real = dice.randrange(2)
        first, second = pair.replies
        yield replace(pair, replies=(second, first) if real else (first, second), real=real)


def _last_lines(before: Iterable[Line]) -> list[Line]:
    """The last lines that fit, at least the last one."""
    kept: list[Line] = []
    room = CHARACTERS
    for line in list(before)[-LINES:][::-1]:
        room -= min(len(line.text), LONGEST_LINE)
        if kept and room < 0:
            break
        kept.append(line)
    return kept[::-1]


def _shown(line: Line, group: Group) -> Shown:
    text = group.redact("\n".join(_tidied((line.text,), group.me)))
    text = text if len(text) <= LONGEST_LINE else f"{text[:LONGEST_LINE]}…"
    who = group.me if line.is_self else group.names.get(line.handle, line.handle)
    return Shown(who, text, line.is_self)


def _tidied(parts: Iterable[str], me: str) -> Parts:
    """Words without what a keyboard or a tokenizer leaves behind; @self called by name."""
    tidy = (_RAW_SPACE.sub(_one_space, _visible(part)).strip() for part in parts)
    return tuple(_SELF.sub(lambda _found: f"@{me}", part) for part in tidy if part)


def _one_space(found: re.Match[str]) -> str:
    return "\n" if "\n" in found[0] else " "


def _visible(text: str) -> str:
    """Canonical composition; line breaks of one kind, no control characters."""
    text = unicodedata.normalize("NFC", text).replace("\r\n", "\n").replace("\r", "\n")
    return "".join(c for c in text if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cs"))


def _plain(text: str) -> str:
    """Letters, digits and symbols alone: what is the same but for punctuation and case is equal."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(c for c in folded if unicodedata.category(c)[0] not in "ZPC") or folded


def _told(left_out: Mapping[str, int]) -> str:
    reasons = ", ".join(f"{count} × {reason}" for reason, count in left_out.items())
    return f" ({reasons})" if reasons else ""
