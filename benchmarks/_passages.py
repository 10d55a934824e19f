"""All passages of an index, by time and, where the truth is known, by topic."""

from __future__ import annotations

import gzip
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from random import Random

import orjson

from benchmarks._held_replies import Asked
from ingest.archive import Archive
from ingest.chat import Passage
from ingest.database import millis
from rag.index.building import load_chunks
from rag.index.catalogue import Catalogue


class Past:
    """What could be recalled: the passages of a catalogue, oldest first within each chat."""

    def __init__(self, archive: Archive, catalogue: Catalogue, truth: Path | None) -> None:
        self._archive, self._catalogue = archive, catalogue
        self._topics = topics_of(truth) if truth else {}
        rows = catalogue.select(
            "SELECT p.chat, p.ended_at, p.key, group_concat(q.message, ' ') FROM passage p "
            "JOIN quote q ON q.passage = p.id GROUP BY p.id ORDER BY p.ended_at"
        )
        self._ends: dict[str, list[int]] = defaultdict(list)
        self._keys: dict[str, list[str]] = defaultdict(list)
        self._about: dict[str, list[tuple[int, str]]] = defaultdict(list)
        for chat, ended, key, quoted in rows:
            self._ends[chat].append(ended)
            self._keys[chat].append(key)
            topic = self._majority(quoted.split(" "))
            if topic is not None:
                self._about[topic].append((ended, key))

    def relevant(self, asked: Asked) -> set[str]:
        """Ids of the earlier passages most of whose messages are of the reply's topic."""
        topic = self._majority(asked.replies)
        before = millis(asked.before)
        return {key for ended, key in self._about.get(str(topic), ()) if ended < before}

    def unrelated(self, asked: Asked, count: int, dice: Random) -> list[Passage]:
        """Passages drawn from all that ended before, but for those of the topic."""
        keys = self._keys[asked.chat]
        end = bisect_left(self._ends[asked.chat], millis(asked.before))
        drawn = dice.sample(range(end), min(end, 2 * count))
        about = self.relevant(asked)
        return self.load([keys[i] for i in drawn if keys[i] not in about][:count])

    def latest(self, asked: Asked, count: int) -> list[str]:
        """Ids of the passages that ended last, the latest first."""
        end = bisect_left(self._ends[asked.chat], millis(asked.before))
        return self._keys[asked.chat][max(0, end - count) : end][::-1]

    def load(self, keys: Iterable[str]) -> list[Passage]:
        """The passages with these ids, in this order."""
        wanted = list(keys)
        chunks = load_chunks(self._archive, self._catalogue.entries(wanted).values())
        return [chunks[key].passage() for key in wanted if key in chunks]

    def _majority(self, messages: Sequence[str]) -> str | None:
        topics = Counter(self._topics.get(id.rpartition(":")[2]) for id in messages)
        topic, count = topics.most_common(1)[0]
        return topic if 2 * count > len(messages) else None


def topics_of(path: Path) -> Mapping[str, str]:
    """The topic of each message by its number."""
    with gzip.open(path) as lines:
        return {str(row["id"]): row["topic"] for row in map(orjson.loads, lines)}
