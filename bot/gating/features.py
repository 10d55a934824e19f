"""The numbers the learned gate decides by: one function for what happened and what happens now.

All of them come from the situation, as the running bot has it, and from what was known of the past
by then (:mod:`bot.gating.known`). Spans of time are logarithms of seconds; in chats without times
they are constant.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise

from bot.gating.calling import called_by, names_of_others
from bot.gating.known import Known, Rate
from bot.gating.scoring import HandScorer, answers_self, turns_elsewhere
from bot.gating.situation import Situation
from bot.gating.wording import Wording, wording
from bot.platforms.base import Address
from ingest.chat import Kind, Message

NEAR = 30
"""Lines whose words are compared with the message's."""
_FAR = 200
_NEVER = 30 * 86_400.0
"""Seconds beyond which nothing differs."""
_BURST = 180.0
_WITH = 24


@dataclass(frozen=True, slots=True)
class _Scene:
    """A message with what is needed of the room before it, the latest line first."""

    message: Message
    lines: Sequence[Message]
    own: Sequence[int]  # how many lines back each of @self's is
    has_times: bool

    def seconds(self, back: int | None) -> float:
        """Since the line so many back; the most there is where there is none."""
        if back is None:
            return _NEVER if self.has_times else 0.0
        return self.since(self.lines[back])

    def since(self, line: Message) -> float:
        if not self.has_times:
            return 0.0
        passed = (self.message.sent_at - line.sent_at).total_seconds()
        return min(max(passed, 0.0), _NEVER)


def features(situation: Situation, known: Known, names: Sequence[str] = ()) -> Mapping[str, float]:
    """What is seen, by names in plain words, always the same ones in the same order.

    ``names`` are what @self is called.
    """
    scene = _scene(situation, known)
    return {
        **_address(situation, scene, names),
        **_talk(scene),
        **_writer(scene, known),
        **_with_writer(scene),
        **_pace(scene),
        **_words(scene, known),
        **_hours(scene, known),
        "signs weighed by hand": sum(HandScorer().told(situation).values()),
    }


def _scene(situation: Situation, known: Known) -> _Scene:
    heard = (Kind.TEXT, Kind.MEDIA)
    lines = [line for line in reversed(situation.earlier) if line.kind in heard][:_FAR]
    own = [back for back, line in enumerate(lines) if line.person.is_self]
    message = situation.message
    return _Scene(message, lines, own, message.chat not in known.timeless)


def _address(situation: Situation, scene: _Scene, names: Sequence[str]) -> dict[str, float]:
    message, near = scene.message, scene.lines[23::-1] if scene.lines else ()
    mine = {scene.lines[back].person.handle for back in scene.own[:1]}
    mentions = situation.address is Address.MENTION or bool(mine & set(message.mentions))
    replies = situation.address is Address.REPLY or answers_self(message, scene.lines)
    called = bool(names) and called_by(message.text, names, names_of_others(near)) is not None
    return {
        "replies to @self": replies,
        "mentions @self": mentions,
        "names @self": called,
        "to somebody else": turns_elsewhere(message, near),
        "replies": message.reply_to is not None,
        "forwarded": message.forwarded_from is not None,
        "by a bot": message.person.is_bot,
    }


def _talk(scene: _Scene) -> dict[str, float]:
    """How far back @self's words are, and how much of the talk is @self's."""
    own = scene.own
    last = own[0] if own else None
    between = scene.lines[: last if last is not None else _FAR]
    recent = [back for back in own if scene.seconds(back) <= 3600]
    return {
        "time since @self": _log(scene.seconds(last)),
        "lines since @self": _log(last if last is not None else _FAR),
        "people since @self": len({line.person.id for line in between[:60]}),
        "writer's lines since @self": _log(_count(between, scene.message)),
        "@self's share of 6 lines": _share(own, 6),
        "@self's share of 20 lines": _share(own, 20),
        "@self's share of 60 lines": _share(own, 60),
        "@self's share of 200 lines": _share(own, 200),
        "@self's lines in an hour": _log(len(recent)),
        "time of @self's last ten lines": _log(
            scene.seconds(own[min(9, len(own) - 1)] if own else None)
        ),
        "length of @self's last line": _log(_letters(scene.lines[own[0]]) if own else 0),
        "@self asked last": bool(own) and wording(scene.lines[own[0]].text).asks,
    }


def _count(lines: Sequence[Message], message: Message) -> int:
    return sum(line.person.id == message.person.id for line in lines)


def _share(own: Sequence[int], lines: int) -> float:
    return sum(back < lines for back in own) / lines


def _writer(scene: _Scene, known: Known) -> dict[str, float]:
    """Who writes: how often @self answered them, and how much of the chat is theirs."""
    message = scene.message
    rate = known.people.get(message.person.handle) or Rate()
    chat = known.chats.get(message.chat) or Rate()
    everything = chat.messages + chat.own
    return {
        "answered by @self so far": known.answers(rate),
        "known to @self": _log(rate.messages),
        "@self's share of the chat": chat.own / everything if everything else 0.0,
        "answered in this chat so far": known.answers(chat),
        "writer's share of 30 lines": _count(scene.lines[:30], message) / 30,
        "writer's share of 200 lines": _count(scene.lines, message) / _FAR,
    }


def _with_writer(scene: _Scene) -> dict[str, float]:
    """Whether @self and the writer are talking with each other."""
    writer, lines = scene.message.person, scene.lines[:_WITH]
    burst = _burst(scene)
    before = scene.lines[len(burst) :]
    pair = [line for line in lines if line.person.is_self or line.person.id == writer.id]
    turns = sum(one.person.id != other.person.id for one, other in pairwise(pair))
    others = {line.person.id for line in before[:8] if not line.person.is_self} - {writer.id}
    own = next((back for back, line in enumerate(before) if line.person.is_self), None)
    answered = _turned_to(before[own:]) if own is not None else None
    return {
        "lines of this burst": len(burst),
        "follows @self": bool(before) and before[0].person.is_self,
        "turns between @self and writer": turns,
        "@self and writer alone": len(pair) / max(len(lines), 1),
        "others near": len(others),
        "@self last spoke after writer": answered == writer.id,
        "@self named the writer": _names(scene, writer.handle),
        "time since writer's line before @self's": _log(scene.seconds(_before_self(scene))),
    }


def _burst(scene: _Scene) -> Sequence[Message]:
    """The writer's lines just before this one, the latest first."""
    burst = []
    later = scene.message
    for line in scene.lines[:10]:
        pause = (later.sent_at - line.sent_at).total_seconds() if scene.has_times else 0.0
        if line.person.id != later.person.id or pause > _BURST:
            break
        burst.append(line)
        later = line
    return burst


def _turned_to(lines: Sequence[Message]) -> int | None:
    """Whose line @self's latest turn followed; ``lines`` begins with @self's."""
    return next((line.person.id for line in lines[:12] if not line.person.is_self), None)


def _names(scene: _Scene, handle: str) -> bool:
    """Whether one of @self's last three lines mentions the writer, or replies to them."""
    ids = {line.id for line in scene.lines[:60] if line.person.id == scene.message.person.id}
    latest = [scene.lines[back] for back in scene.own[:3]]
    return any(handle in line.mentions or line.reply_to in ids for line in latest)


def _before_self(scene: _Scene) -> int | None:
    """How many lines back the writer's last line before @self's last one is."""
    if not scene.own:
        return None
    writer, start = scene.message.person.id, scene.own[0]
    lines = enumerate(islice(scene.lines, start, start + 40), start)
    return next((back for back, line in lines if line.person.id == writer), None)


def _pace(scene: _Scene) -> dict[str, float]:
    """How busy the chat is, and how the message falls into it."""
    writer = scene.message.person.id
    own = next((back for back, line in enumerate(scene.lines) if line.person.id == writer), None)
    spans = [scene.since(line) for line in scene.lines[:60]]
    return {
        "pause before": _log(scene.seconds(0 if scene.lines else None)),
        "time since the writer's last": _log(scene.seconds(own)),
        "lines in five minutes": _log(sum(span <= 300 for span in spans)),
        "lines in an hour": _log(sum(span <= 3600 for span in spans)),
        "time of twenty lines": _log(spans[min(19, len(spans) - 1)] if spans else _NEVER),
        "people in ten lines": len({line.person.id for line in scene.lines[:10]}),
        "people in thirty lines": len({line.person.id for line in scene.lines[:30]}),
    }


def _words(scene: _Scene, known: Known) -> dict[str, float]:
    """What is said, and how near it is to what @self says and said just now."""
    seen = wording(scene.message.text)
    own = [scene.lines[back] for back in scene.own[:20]]
    close = _closeness(seen, scene, known)
    return {
        "length": _log(seen.letters),
        "lines of text": _log(seen.lines),
        "asks": seen.asks,
        "asks everybody": seen.asks_all,
        "has a link": seen.has_link,
        "has code": seen.has_code,
        "words @self uses": _mean(seen, known.mine, known),
        "words @self answers": _mean(seen, known.drawn, known),
        "words of @self just now": _common(seen, own, known),
        **close,
    }


def _closeness(seen: Wording, scene: _Scene, known: Known) -> dict[str, float]:
    """Which of the lines before it resembles, and how much of that is @self's."""
    near = scene.lines[:NEAR]
    close = [
        _overlap(seen, wording(line.text), known) / (1 + 0.1 * back)
        for back, line in enumerate(near)
    ]
    total = sum(close)
    mine = sum(value for value, line in zip(close, near, strict=True) if line.person.is_self)
    best = max(range(len(close)), key=close.__getitem__, default=None)
    return {
        "like the lines before": _log(total),
        "like @self's of them": mine / total if total else 0.0,
        "most like @self's": best is not None and close[best] > 0 and near[best].person.is_self,
        "like the line before": close[0] if close else 0.0,
    }


def _overlap(one: Wording, other: Wording, known: Known) -> float:
    """The rarity of the words two texts share, against the length of the texts."""
    common = one.words & other.words
    if not common:
        return 0.0
    rarity = known.rarity
    return sum(rarity[word] for word in common) / math.sqrt(len(one.words) * len(other.words))


def _common(seen: Wording, lines: Sequence[Message], known: Known) -> float:
    counted = Counter(word for line in lines for word in wording(line.text).words)
    shared = sum(known.rarity[word] * min(counted[word], 3) for word in seen.words)
    return shared / math.sqrt(len(seen.words) + 1)


def _mean(seen: Wording, odds: Sequence[float], known: Known) -> float:
    """The mean of a table over the words of a text, rare ones counting more."""
    weights = [known.rarity[word] for word in seen.words]
    total = sum(weights)
    if not total:
        return 0.0
    told = sum(weight * odds[word] for weight, word in zip(weights, seen.words, strict=True))
    return told / (total + 5.0)


def _hours(scene: _Scene, known: Known) -> dict[str, float]:
    at, has_times = scene.message.sent_at, scene.has_times
    day, week = 2 * math.pi * at.hour / 24, 2 * math.pi * at.weekday() / 7
    return {
        "@self's hour": known.hour(at) if has_times else 0.0,
        "hour, sine": math.sin(day) if has_times else 0.0,
        "hour, cosine": math.cos(day) if has_times else 0.0,
        "weekday, sine": math.sin(week) if has_times else 0.0,
        "weekday, cosine": math.cos(week) if has_times else 0.0,
    }


def _letters(line: Message) -> int:
    return wording(line.text).letters


def _log(value: float) -> float:
    return math.log1p(max(value, 0.0))
