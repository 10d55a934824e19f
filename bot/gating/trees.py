"""Small decision trees added up: plain numbers, asked without the library that fits them.

A node is a row ``(feature, border, left, right, value)``: up to the border it goes to ``left``,
else to ``right``; a leaf has feature -1. ``value`` is what the leaves below come to on average, so
that the way to a leaf tells what each feature added.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self, TypeAlias

if TYPE_CHECKING:
    from sklearn.ensemble import GradientBoostingClassifier

Node: TypeAlias = tuple[int, float, int, int, float]
Tree: TypeAlias = tuple[Node, ...]
_LEAF = -1


@dataclass(frozen=True, slots=True)
class Trees:
    """``base`` and the leaves that a row of numbers comes to add up to log-odds."""

    base: float
    trees: tuple[Tree, ...]

    def log_odds(self, row: Sequence[float]) -> float:
        """The sum for one row."""
        return self.base + math.fsum(_leaf(tree, row)[4] for tree in self.trees)

    def told(self, row: Sequence[float]) -> Mapping[int, float]:
        """What each feature, by its number, adds to the log-odds of a row at large."""
        found: dict[int, float] = {}
        for tree in self.trees:
            node = tree[0]
            while node[0] != _LEAF:
                below = tree[_next(node, row)]
                found[node[0]] = found.get(node[0], 0.0) + below[4] - node[4]
                node = below
        return found

    def to_json(self) -> dict[str, Any]:
        """JSON-ready numbers."""
        return {"base": self.base, "trees": self.trees}

    @classmethod
    def from_json(cls, data: Mapping[str, Any], features: int) -> Self:
        """Read what :meth:`to_json` gave; ValueError where it is no forest over ``features``."""
        trees = tuple(tuple(map(_node, tree)) for tree in data["trees"])
        if not all(_is_tree(tree, features) for tree in trees):
            raise ValueError("trees of another shape")
        return cls(float(data["base"]), trees)

    @classmethod
    def of(cls, fitted: GradientBoostingClassifier) -> Self:
        """The numbers of a fitted model of scikit-learn."""
        share = float(fitted.init_.class_prior_[1])
        trees = (_plain(stage[0].tree_, fitted.learning_rate) for stage in fitted.estimators_)
        return cls(math.log(share / (1 - share)), tuple(trees))


def _next(node: Node, row: Sequence[float]) -> int:
    return node[2] if row[node[0]] <= node[1] else node[3]


def _leaf(tree: Tree, row: Sequence[float]) -> Node:
    node = tree[0]
    while node[0] != _LEAF:
        node = tree[_next(node, row)]
    return node


def _plain(tree: Any, rate: float) -> Tree:
    """A tree of scikit-learn, with means in the place of what its inner nodes hold."""
    left, right = tree.children_left.tolist(), tree.children_right.tolist()
    weights = tree.weighted_n_node_samples.tolist()
    values = [float(value) * rate for value in tree.value[:, 0, 0]]
    for node in range(len(left) - 1, -1, -1):  # children come after their parents
        if left[node] >= 0:
            below = (left[node], right[node])
            values[node] = sum(weights[one] * values[one] for one in below) / weights[node]
    features = (feature if feature >= 0 else _LEAF for feature in tree.feature.tolist())
    rows = zip(features, tree.threshold.tolist(), left, right, values, strict=True)
    return tuple((int(f), float(b), int(lo), int(hi), round(v, 6)) for f, b, lo, hi, v in rows)


def _node(row: Sequence[Any]) -> Node:
    feature, border, left, right, value = row
    numbers = float(border), float(value)
    if not all(map(math.isfinite, numbers)):
        raise ValueError("a tree with a number that is none")
    return int(feature), numbers[0], int(left), int(right), numbers[1]


def _is_tree(tree: Tree, features: int) -> bool:
    """Whether every way through it goes on to later nodes and ends."""
    return bool(tree) and all(
        node[0] == _LEAF
        or (0 <= node[0] < features and all(at < below < len(tree) for below in node[2:4]))
        for at, node in enumerate(tree)
    )
