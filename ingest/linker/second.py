"""What the first look found around a message and its candidates: the second look.

It knows how likely each message answers each earlier one, and so which of them already make a
conversation, who is in it, and whether the candidate has been answered.
"""

from __future__ import annotations

import numpy as np

from ingest.linker.columns import BACK, Array
from ingest.linker.pairs import AHEAD, LATER, REACH, Pairs, count

_AHEAD = np.arange(1, AHEAD + 1)


class Found:
    """What the first look found around a block of messages."""

    def __init__(self, pairs: Pairs, chances: Array, roots: Array) -> None:
        """``chances`` (rows, REACH + 1) and ``roots`` (rows,) as the columns hold them."""
        self.pairs = pairs
        rows, at = pairs.rows, pairs.at
        own = chances[rows]
        self.starts = own[:, 0]
        self.chance = np.where(pairs.valid, own[:, 1:], 0)
        self.own = own
        self.candidate = chances[at]
        self.links = np.zeros((pairs.count, REACH, REACH), np.float32)  # j answers k
        for j in range(REACH - 1):
            self.links[:, j, j + 1 :] = self.candidate[:, j, 1 : REACH - j]
        self.links *= pairs.valid[:, :, None] & pairs.valid[:, None, :]
        self.root = np.where(pairs.valid, roots[at], -5)
        self.mates = self.root[:, :, None] == self.root[:, None, :]
        self.thread = self.mates.astype(np.float32)
        self.mass = self.over_thread(self.chance)
        self._look_ahead(chances)
        began = self.root - pairs.columns.start
        self.root_steps = np.where(self.root >= 0, pairs.rows[:, None] - began, 1)
        self.has_root = (self.root_steps <= BACK) & (began >= 0)
        self.root_row = np.where(self.has_root, began, 0)

    def _look_ahead(self, chances: Array) -> None:
        pairs = self.pairs
        there = pairs.ahead_real < pairs.until
        ahead = chances[pairs.ahead] * there[:, :, None]
        self.ahead_links = np.zeros((pairs.count, AHEAD, REACH), np.float32)
        for i in range(AHEAD):
            self.ahead_links[:, i, : REACH - i - 1] = ahead[:, i, i + 2 :]
        self.answers = ahead[:, np.arange(AHEAD), _AHEAD]

    def over_thread(self, values: Array) -> Array:
        """For each candidate the sum of ``values`` (b, REACH) over its thread."""
        found: Array = np.matmul(values[:, None, :].astype(np.float32), self.thread)[:, 0]
        return found


def roots_of(chances: Array, roots: Array, begin: int, end: int, start: int) -> None:
    """Fill ``roots[begin:end]`` by following the likeliest links; row 0 is message ``start``."""
    back = chances[begin:end].argmax(1)
    for row in range(begin, end):
        step = int(back[row - begin])
        roots[row] = roots[row - step] if 0 < step <= row else start + row


def second_look(found: Found) -> tuple[Array, Array]:
    """Features of each pair (b, REACH, p) and of each message (b, m), float32."""
    groups = (
        *_chances(found),
        *_answered(found),
        *_thread(found),
        *_members(found),
        *_ahead(found),
    )
    shown = np.empty((found.pairs.count, REACH, len(groups)), np.float32)
    for place, group in enumerate(groups):
        shown[:, :, place] = group
    shown[~found.pairs.valid] = 0
    return shown, _alone(found)


def log(chance: Array) -> Array:
    """The logarithm of a probability, kept finite."""
    found: Array = np.log(chance + 1e-4)
    return found


def _best(found: Found) -> Array:
    """The two highest chances of each message (b, 2)."""
    best: Array = -np.partition(-found.own, 1, axis=1)[:, :2]
    return best


def _chances(found: Found) -> list[Array]:
    best = log(_best(found))
    chance = log(found.chance)
    return [
        chance,
        found.pairs.wide(log(found.starts)),
        chance - best[:, :1],
        chance - best[:, 1:],
        found.candidate[:, :, 0],
        log(found.candidate[:, :, 0]),
    ]


def _answered(found: Found) -> list[Array]:
    """By whom the candidate is answered already, and whom it answers."""
    pairs, links = found.pairs, found.links
    total = links.sum(1)
    own = pairs.same.astype(np.float32)
    by_speaker = np.matmul(own[:, None, :], links)[:, 0]
    by_author = (links * pairs.same_pair).sum(1)
    return [
        np.minimum(total, 8),
        np.minimum(by_speaker, 5),
        np.minimum(by_author, 5),
        np.minimum(total - by_speaker - by_author * ~pairs.same, 6),
        np.matmul(links, own[:, :, None])[:, :, 0],
        (links * pairs.same_pair).sum(2),
        np.matmul(found.chance[:, None, :], links)[:, 0],
        np.matmul(links, found.chance[:, :, None])[:, :, 0],
    ]


def _thread(found: Found) -> list[Array]:
    """Where the candidate stands in its conversation, and how alive that is."""
    pairs, mates = found.pairs, found.mates
    later = mates & LATER
    after = count(later)
    nearest = mates.argmax(1)
    rank = ((after == 0) & pairs.valid).cumsum(1)
    others_after = (later & ~pairs.same[:, :, None]).any(1)
    author_after = (later & pairs.same_pair).any(1)
    is_new = ~author_after
    return [
        found.mass,
        log(found.mass),
        found.chance / (found.mass + 1e-4),
        np.minimum(after, 20),
        after == 0,
        np.log1p(count(mates)),
        np.log(nearest + 1),
        np.take_along_axis(rank, nearest, 1),
        ~others_after,
        ~author_after,
        np.minimum(found.over_thread(is_new), 8),
        np.where(found.has_root, pairs.columns.chances[found.root_row, 0], 1),
        (pairs.columns.who[found.root_row] == pairs.speaker[:, None]) & found.has_root,
        np.log(np.clip(found.root_steps, 1, BACK)),
    ]


def _members(found: Found) -> list[Array]:
    """Who is in the candidate's conversation, and what words it shares with the message."""
    pairs, mates = found.pairs, found.mates
    by_speaker = mates & pairs.same[:, :, None]
    has_own = pairs.same.any(1)
    own = pairs.same.argmax(1)
    everyone = np.arange(pairs.count)
    named = (pairs.who == pairs.names[:, :1]) & (pairs.names[:, :1] >= 0)
    overlap = found.over_thread(pairs.overlap)
    total = np.maximum(pairs.overlap.sum(1), 1)[:, None]
    return [
        np.minimum(count(by_speaker), 10),
        np.log(np.where(by_speaker.any(1), by_speaker.argmax(1) + 1, REACH + 16)),
        mates[everyone, own] & has_own[:, None],
        np.minimum(count(mates & pairs.same_pair), 10),
        overlap,
        overlap / total,
        (mates * pairs.overlap[:, :, None]).max(1),
        np.minimum(found.over_thread(named), 5),
        np.minimum(found.over_thread((pairs.to_speaker > 0) & pairs.valid), 5),
    ]


def _ahead(found: Found) -> list[Array]:
    """Which candidates and conversations the next messages belong to."""
    pairs, links = found.pairs, found.ahead_links
    by_speaker = (pairs.ahead_who == pairs.speaker[:, None]).astype(np.float32)
    by_author = pairs.ahead_who[:, :, None] == pairs.who[:, None, :]
    total = links.sum(1)
    own = np.matmul(by_speaker[:, None, :], links)[:, 0]
    answers = np.matmul(found.answers[:, None, :], by_author.astype(np.float32))[:, 0]
    share = answers / np.maximum(count(pairs.same_pair), 1)
    return [
        np.minimum(total, 6),
        np.minimum(own, 4),
        np.minimum((links * by_author).sum(1), 4),
        np.minimum(answers, 4),
        np.minimum(found.over_thread(own), 4),
        np.minimum(found.over_thread(total), 8),
        np.minimum(found.over_thread(share), 4),
    ]


def _alone(found: Found) -> Array:
    """What the first look made of each message itself."""
    pairs = found.pairs
    best = log(_best(found))
    by_speaker = pairs.ahead_who == pairs.speaker[:, None]
    has_own, own = pairs.same.any(1), pairs.same.argmax(1)
    everyone = np.arange(pairs.count)
    threads = (count(found.mates & LATER) == 0) & pairs.valid
    alone = [
        log(found.starts),
        found.starts,
        -(found.own * np.log(found.own + 1e-9)).sum(1),
        best[:, 0],
        best[:, 1],
        found.mass.max(1),
        np.minimum(found.answers.sum(1), 5),
        np.minimum((found.answers * by_speaker).sum(1), 4),
        np.minimum((found.answers * ~by_speaker).sum(1), 5),
        threads.sum(1),
        np.where(has_own, found.candidate[everyone, own, 0], -1),
        np.where(has_own, found.links.sum(1)[everyone, own], -1),
        np.where(has_own, found.mass[everyone, own], -1),
    ]
    return np.stack(alone, 1).astype(np.float32)
