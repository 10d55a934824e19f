"""Of what a window shows before a turn of @self, how much belongs to the topic of that turn.

A turn is a run of messages of @self with nobody between; only those with REACH messages before
them count. ``of its topic``: the share of the shown messages, over all turns, that have the turn's
topic. ``held``: of the messages of that topic among the REACH before the turn, the share shown.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from config.settings import Dataset
from ingest.chat import Message, Thread
from ingest.windows import Cut, cut_windows

REACH = 30


@dataclass(frozen=True, slots=True)
class Held:
    """Counts over all turns of @self."""

    turns: int
    empty: int
    shown: int
    of_topic: int
    of_topic_in_reach: int
    in_reach: int

    def figures(self) -> tuple[float, float, float, float]:
        """Share of its topic, share of the topic's messages held, messages a turn, empty turns."""
        return (
            100 * self.of_topic / max(self.shown, 1),
            100 * self.of_topic_in_reach / max(self.in_reach, 1),
            self.shown / max(self.turns, 1),
            100 * self.empty / max(self.turns, 1),
        )


def _turns(messages: Sequence[Message]) -> list[int]:
    """Where turns of @self begin."""
    return [
        place
        for place in range(REACH, len(messages))
        if messages[place].person.is_self and not messages[place - 1].person.is_self
    ]


def last_messages(messages: Sequence[Message], topics: Sequence[str], count: int) -> Held:
    """Windows of the last ``count`` messages."""
    shown = {turn: list(range(turn - count, turn)) for turn in _turns(messages)}
    return _held(shown, messages, topics)


def held_by_threads(
    messages: Sequence[Message], topics: Sequence[str], threads: Sequence[Thread]
) -> Held:
    """Of the REACH messages before each turn, those in its thread."""
    place_of = {message.id: place for place, message in enumerate(messages)}
    thread_of = {m.id: thread for thread in threads for m in thread.messages}
    shown = {}
    for turn in _turns(messages):
        places = [place_of[message.id] for message in thread_of[messages[turn].id].messages]
        shown[turn] = [place for place in places if turn - REACH <= place < turn]
    return _held(shown, messages, topics)


def held_by_windows(
    messages: Sequence[Message], topics: Sequence[str], threads: Sequence[Thread]
) -> Held:
    """The windows ``atself dataset`` cuts by default; a turn without one shows nothing."""
    place_of = {message.id: place for place, message in enumerate(messages)}
    shown: dict[int, list[int]] = {turn: [] for turn in _turns(messages)}
    for turn, places in _contexts(threads, place_of):
        if turn in shown:
            shown[turn] = places
    return _held(shown, messages, topics)


def _contexts(
    threads: Sequence[Thread], place_of: Mapping[str, int]
) -> Iterator[tuple[int, list[int]]]:
    settings = Dataset()
    cut = Cut(settings.window_tokens, settings.context_messages)
    for thread in threads:
        for window in cut_windows(thread, cut):
            before: list[int] = []
            for turn in window.turns:
                places = [place_of[line.message_id] for line in turn.lines]
                if turn.is_self and places:
                    yield places[0], list(before)
                before += places


def _held(
    shown: Mapping[int, Sequence[int]], messages: Sequence[Message], topics: Sequence[str]
) -> Held:
    total = of_topic = in_reach_shown = in_reach = empty = 0
    for turn, places in shown.items():
        same = {place for place in places if topics[place] == topics[turn]}
        near = {p for p in range(turn - REACH, turn) if topics[p] == topics[turn]}
        total += len(places)
        of_topic += len(same)
        in_reach_shown += len(same & near)
        in_reach += len(near)
        empty += not places
    return Held(len(shown), empty, total, of_topic, in_reach_shown, in_reach)


def shared_discussions(
    messages: Sequence[Message], topics: Sequence[str], threads: Sequence[Thread]
) -> tuple[float, float]:
    """Precision and recall of "this was said in a discussion @self was in".

    A message of another is in one where @self speaks in the same topic within REACH messages of it;
    found, where @self speaks within that distance in the same thread.
    """
    thread_of = {message.id: thread.id for thread in threads for message in thread.messages}
    true = _near_self(messages, topics)
    found = _near_self(messages, [thread_of[message.id] for message in messages])
    return 100 * len(true & found) / max(len(found), 1), 100 * len(true & found) / max(len(true), 1)


def _near_self(messages: Sequence[Message], groups: Sequence[str]) -> set[int]:
    """Places of others' messages with one of @self in their group at most REACH away."""
    of_self: dict[str, list[int]] = defaultdict(list)
    for place, message in enumerate(messages):
        if message.person.is_self:
            of_self[groups[place]].append(place)
    found = set()
    for group, places in of_self.items():
        for place in places:
            around = range(max(0, place - REACH), min(len(messages), place + REACH + 1))
            found |= {other for other in around if groups[other] == group}
    return {place for place in found if not messages[place].person.is_self}
