"""Who may be one person with several accounts: suggestions, each with its evidence.

Only names bring two people together here; when and where they spoke then speaks for or against it.
Nothing is merged.
"""

from __future__ import annotations

import re
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import combinations

import orjson

from ingest.bridges import KEY
from ingest.chat import Person
from ingest.identities import decided
from ingest.names import fold
from ingest.people import skeleton
from ingest.roster import Roster

LEAST_SCORE = 0.3
MOST = 200
LARGEST_BLOCK = 60
SLOT = 600_000
"""Two accounts that wrote within one such stretch (milliseconds) spoke at once."""
LEAST_SPOKEN = 20
"""Messages of each before it means something that they never spoke at once."""
_STATUS = re.compile(r"[|\[_-]+(?:away|afk|work|home|mobile|phone|laptop|web|zzz|brb|off)\]?$")
_UNWORDED = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Two people who may be one: 0 to 1 how likely, and why."""

    people: tuple[Person, Person]
    score: float
    evidence: tuple[str, ...]


def suggest(connection: sqlite3.Connection, roster: Roster) -> list[Suggestion]:
    """Pairs that may be one person, likeliest first."""
    people = {person.id: person for person in roster.people() if not person.is_bot}
    apart = {roster.root(id) for id in roster.entries if decided(connection, id, "split")}
    pairs = _pairs(person for person in people.values() if person.id not in apart)
    evidence = _Evidence(connection, roster)
    found = []
    for (one, other), (score, reason) in pairs.items():
        change, more = evidence.of(people[one], people[other])
        total = round(min(1.0, score + change), 2)
        if total >= LEAST_SCORE:
            found.append(Suggestion((people[one], people[other]), total, (reason, *more)))
    found.sort(key=lambda each: (-each.score, each.people[0].id, each.people[1].id))
    return found[:MOST]


def _pairs(people: Iterable[Person]) -> dict[tuple[int, int], tuple[float, str]]:
    """Pairs with something in common in their names, and how much that says."""
    blocks: dict[str, dict[int, tuple[Person, str]]] = defaultdict(dict)
    for person in people:
        for name in (*person.names, *_nicks(person)):
            for key in _keys(name):
                blocks[key].setdefault(person.id, (person, name))
    best: dict[tuple[int, int], tuple[float, str]] = {}
    for block in blocks.values():
        if len(block) > LARGEST_BLOCK:
            continue
        for (one, name), (other, second) in combinations(block.values(), 2):
            pair = (min(one.id, other.id), max(one.id, other.id))
            score, reason = _likeness(one, name, other, second)
            if score > best.get(pair, (0.0, ""))[0]:
                best[pair] = (score, reason)
    return best


def _nicks(person: Person) -> Iterator[str]:
    """Names that are keys: behind a bridge, or where an export gives nothing else."""
    for account in person.accounts:
        prefix, colon, name = account.key.partition(":")
        if colon and f"{prefix}:" in (KEY, "name:"):
            yield name


def _keys(name: str) -> Iterator[str]:
    """Under what a name is looked up: as it sounds, its words in any order, how it begins."""
    bare = _compact(name)
    if len(bare) < (2 if not bare.isascii() else 3):
        return
    yield f"same {bare}"
    words = sorted(_UNWORDED.sub(" ", fold(name)).split())
    if len(words) > 1:
        yield f"words {' '.join(words)}"
        yield f"ends {words[0]} {words[-1]}" if len(words) > 2 else f"ends {' '.join(words)}"
    if len(bare) >= 6:
        yield f"start {bare[:4]}"


def _compact(name: str) -> str:
    folded = _STATUS.sub("", fold(name))
    return skeleton(_UNWORDED.sub("", folded)).rstrip("0123456789")


def _likeness(one: Person, name: str, other: Person, second: str) -> tuple[float, str]:
    where = sorted({account.platform for person in (one, other) for account in person.accounts})
    place = " and ".join(where)
    both = f"{name!r} and {second!r}"
    if fold(name) == fold(second):
        reason = f"the same name {name!r} on {place}"
        return (0.7 if len(where) > 1 else 0.55) + 0.1 * (" " in fold(name)), reason
    if _compact(name) == _compact(second):
        return 0.5, f"names alike but for spelling: {both}"
    if sorted(fold(name).split()) == sorted(fold(second).split()):
        return 0.6, f"the same words in another order: {both}"
    ratio = SequenceMatcher(None, _compact(name), _compact(second)).ratio()
    if ratio >= 0.85:
        return 0.3 + (ratio - 0.85), f"similar names: {both}"
    return (0.35, f"first and last word the same: {both}") if _ends_alike(name, second) else (0, "")


def _ends_alike(name: str, second: str) -> bool:
    one, other = fold(name).split(), fold(second).split()
    return min(len(one), len(other)) > 1 and (one[0], one[-1]) == (other[0], other[-1])


class _Evidence:
    """What two people's messages say for or against their being one."""

    def __init__(self, connection: sqlite3.Connection, roster: Roster) -> None:
        self._connection = connection
        self._roster = roster
        self._chats: dict[int, set[int]] = defaultdict(set)
        self._spans: dict[int, tuple[int, int]] = {}
        for chat, row, since, until in roster.members():
            root = roster.root(row)
            self._chats[root].add(chat)
            low, high = self._spans.get(root, (since, until))
            self._spans[root] = (min(low, since), max(high, until))
        self._known: dict[int, tuple[set[int], set[int], int]] = {}

    def of(self, one: Person, other: Person) -> tuple[float, list[str]]:
        """A change to the score, and the reasons."""
        (slots, spoken_of, said), (others, of_one, also) = self._read(one), self._read(other)
        score, reasons = 0.0, list[str]()
        shared = len(self._chats[one.id] & self._chats[other.id])
        if other.id in spoken_of or one.id in of_one:
            score, reasons = score - 0.3, [*reasons, "against: one speaks to the other"]
        at_once = len(slots & others)
        if shared and at_once:
            score -= 0.3 if at_once > 2 else 0.1
            reasons.append(f"against: both wrote in the same ten minutes {at_once} times")
        elif shared and min(said, also) >= LEAST_SPOKEN:
            score, reasons = score + 0.15, [*reasons, "in one chat, never speaking at once"]
        if shared and self._follow(one.id, other.id):
            score, reasons = score + 0.1, [*reasons, "one begins where the other ends"]
        if common := len((spoken_of & of_one) - {one.id, other.id}):
            score += 0.05
            reasons.append(f"speak to {common} of the same people")
        return score, reasons

    def _follow(self, one: int, other: int) -> bool:
        if one not in self._spans or other not in self._spans:
            return False
        (start, end), (begin, stop) = self._spans[one], self._spans[other]
        return end < begin or stop < start

    def _read(self, person: Person) -> tuple[set[int], set[int], int]:
        """Slots of time in which somebody wrote, whom they spoke of, and how many messages."""
        if person.id not in self._known:
            rows = self._roster.rows(person.id)
            marks = ",".join("?" * len(rows))
            slots, spoken_of, messages = set[int](), set[int](), 0
            for sent_at, mentions, named in self._connection.execute(
                f"SELECT sent_at, mentions, named FROM message WHERE person IN ({marks})", rows
            ):
                slots.add(sent_at // SLOT)
                messages += 1
                for column in (mentions, named):
                    spoken_of.update(map(self._roster.root, orjson.loads(column) if column else ()))
            self._known[person.id] = (slots, spoken_of, messages)
        return self._known[person.id]
