"""The scores: a small network over each pair, and one over what all pairs say of the message."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import orjson

from ingest.linker.columns import Array

WEIGHTS = Path(__file__).parent / "weights.json"
FORMAT = 1
_IMPOSSIBLE = -1e4


class Network:
    """Two hidden layers over pairs; their weighted mean and maximum decide on a new start."""

    def __init__(self, weights: Mapping[str, Array]) -> None:
        self._w = weights

    def __call__(self, pairs: Array, alone: Array, valid: Array) -> Array:
        """Probabilities (b, k + 1) from pairs (b, k, p), messages (b, m) and which pairs exist.

        Column 0: the message starts a conversation.
        """
        w = self._w
        seen = (pairs - w["pair_mean"]) * w["pair_scale"]
        own = (alone - w["alone_mean"]) * w["alone_scale"]
        count, reach, width = seen.shape
        hidden = (seen.reshape(-1, width) @ w["pair_in"]).reshape(count, reach, -1)
        hidden += (own @ w["alone_in"] + w["pair_bias"])[:, None]
        np.maximum(hidden, 0, out=hidden)
        second = hidden.reshape(-1, hidden.shape[2]) @ w["pair_hidden"] + w["pair_hidden_bias"]
        second = np.maximum(second, 0).reshape(count, reach, -1)
        scores = np.where(valid, second @ w["pair_out"] + w["pair_out_bias"], _IMPOSSIBLE)
        share = softmax(scores)
        mean = np.matmul(share[:, None, :], second)[:, 0]
        most = (second * valid[:, :, None]).max(1)
        start = np.concatenate([own, mean, most], 1) @ w["start_in"] + w["start_bias"]
        start = np.maximum(start, 0) @ w["start_out"] + w["start_out_bias"]
        return softmax(np.concatenate([start[:, None], scores], 1))


def softmax(scores: Array) -> Array:
    """Along the last axis."""
    raised = np.exp(scores - scores.max(-1, keepdims=True))
    found: Array = raised / raised.sum(-1, keepdims=True)
    return found


class Weights(NamedTuple):
    """The networks of the first look and of the second; the mean of several decides."""

    first: tuple[Network, ...]
    second: tuple[Network, ...]


@cache
def load(path: Path = WEIGHTS) -> Weights:
    """The trained networks; the file holds plain numbers (see README.md)."""
    data = orjson.loads(path.read_bytes())
    if data["format"] != FORMAT:
        raise ValueError(f"{path}: weights of format {data['format']}, expected {FORMAT}")
    return Weights(*(tuple(map(_network, data[look])) for look in ("first", "second")))


def _network(data: Mapping[str, object]) -> Network:
    return Network({name: np.array(values, np.float32) for name, values in data.items()})


def decide(networks: tuple[Network, ...], pairs: Array, alone: Array, valid: Array) -> Array:
    """The mean of what ``networks`` say."""
    total = networks[0](pairs, alone, valid)
    for network in networks[1:]:
        total = total + network(pairs, alone, valid)
    return total / len(networks)
