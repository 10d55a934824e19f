"""Scores of recovered threads, with the definitions of Kummerfeld et al. (ACL 2019).

A link is a pair (line, line it answers), or (line, line) where a conversation starts; each line
that starts one counts as a link. Conversations are the connected components of the links; lines
before the first annotated one hold them together but are not counted.
https://github.com/jkkummerfeld/irc-disentanglement, tools/evaluation.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

Links = set[tuple[int, int]]
Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Scores:
    """In per cent, over all files together."""

    precision: float
    recall: float
    f1: float
    exact_precision: float
    exact_recall: float
    exact_f1: float
    one_to_one: float
    scaled_vi: float


def score(gold: Mapping[str, Links], found: Mapping[str, Links]) -> Scores:
    """``found`` against ``gold``: links by file, of the same lines.

    Exact: conversations of two messages or more found whole, and nothing else in them. One-to-one:
    the messages shared when each conversation is matched to at most one other, as well as can be.
    Scaled: 1 - variation of information / log2 of the number of messages.
    """
    matched = sum(len(gold[name] & found[name]) for name in gold)
    links = _rates(matched, _size(found.values()), _size(gold.values()))
    true = {name: _conversations(links) for name, links in gold.items()}
    said = {name: _conversations(links) for name, links in found.items()}
    exact = sum(len(_several(true[name]) & _several(said[name])) for name in gold)
    whole = _rates(
        exact,
        sum(len(_several(said[name])) for name in gold),
        sum(len(_several(true[name])) for name in gold),
    )
    tables = [_table(said[name], true[name]) for name in gold]
    return Scores(*links, *whole, _one_to_one(tables), _scaled_vi(tables))


def _size(links: Iterable[Links]) -> int:
    return sum(map(len, links))


def _rates(matched: int, found: int, true: int) -> tuple[float, float, float]:
    precision = 100 * matched / max(found, 1)
    recall = 100 * matched / max(true, 1)
    return precision, recall, 2 * precision * recall / max(precision + recall, 1e-9)


def _conversations(links: Links) -> list[frozenset[int]]:
    """Connected components, without the lines before the first that has a link."""
    home: dict[int, set[int]] = {}
    for source, target in sorted(links):
        mine, theirs = home.setdefault(source, {source}), home.setdefault(target, {target})
        if mine is not theirs:
            mine |= theirs
            home.update(dict.fromkeys(theirs, mine))
    first = min(source for source, _ in links)
    unique = {id(lines): lines for lines in home.values()}
    kept = (frozenset(line for line in lines if line >= first) for lines in unique.values())
    return [lines for lines in kept if lines]


def _several(conversations: Iterable[frozenset[int]]) -> set[frozenset[int]]:
    return {lines for lines in conversations if len(lines) > 1}


def _table(found: list[frozenset[int]], true: list[frozenset[int]]) -> Array:
    """How many lines each found conversation shares with each true one."""
    return np.array([[len(a & b) for b in true] for a in found], float)


def _one_to_one(tables: Iterable[Array]) -> float:
    shared = total = 0.0
    for table in tables:
        rows, columns = linear_sum_assignment(table, maximize=True)
        shared += table[rows, columns].sum()
        total += table.sum()
    return 100 * shared / total


def _scaled_vi(tables: list[Array]) -> float:
    total = sum(table.sum() for table in tables)
    joint = shared = 0.0
    for table in tables:
        expected = table.sum(1, keepdims=True) * table.sum(0, keepdims=True)
        there = table > 0
        share = table[there] / total
        joint -= (share * np.log2(share)).sum()
        shared += (share * np.log2(table[there] * total / expected[there])).sum()
    return float(100 * (1 - (joint - shared) / math.log2(total)))
