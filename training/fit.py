"""Fitting one network of ingest.linker with torch, and handing it over as plain numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ingest.linker.columns import Array

HIDDEN, SECOND = 64, 48
DROPOUT = 0.1
BATCH = 128
RATE = 2e-3
DECAY = 1e-4


@dataclass
class Examples:
    """Features, which pairs exist, the annotated answers (several may be right) and soft targets.

    ``soft`` (n, k + 1) sums to one a row; ``blend`` is its share of the loss.
    """

    pairs: Array
    alone: Array
    valid: Array
    gold: Array
    soft: Array | None = None
    blend: float = 0.0

    def of(self, rows: Array) -> Examples:
        """The examples in ``rows``."""
        soft = None if self.soft is None else self.soft[rows]
        return Examples(
            self.pairs[rows], self.alone[rows], self.valid[rows], self.gold[rows], soft, self.blend
        )


class Trained(nn.Module):
    """The same arithmetic as ingest.linker.network.Network, with dropout."""

    def __init__(self, pairs: int, alone: int) -> None:
        super().__init__()
        self.pair_in = nn.Linear(pairs, HIDDEN)
        self.alone_in = nn.Linear(alone, HIDDEN, bias=False)
        self.pair_hidden = nn.Linear(HIDDEN, SECOND)
        self.pair_out = nn.Linear(SECOND, 1)
        self.start_in = nn.Linear(alone + 2 * SECOND, SECOND)
        self.start_out = nn.Linear(SECOND, 1)
        self.drop = nn.Dropout(DROPOUT)

    def forward(self, pairs: Tensor, alone: Tensor, valid: Tensor) -> Tensor:
        """Scores (b, k + 1)."""
        hidden = self.drop(torch.relu(self.pair_in(pairs) + self.alone_in(alone)[:, None]))
        second = torch.relu(self.pair_hidden(hidden))
        scores = self.pair_out(self.drop(second))[..., 0].masked_fill(~valid, -1e4)
        mean = (torch.softmax(scores, 1)[..., None] * second).sum(1)
        most = (second * valid[..., None]).amax(1)
        start = torch.relu(self.start_in(torch.cat([alone, mean, most], 1)))
        return torch.cat([self.start_out(self.drop(start)), scores], 1)


@dataclass
class Scaling:
    """What brings each feature to mean 0 and deviation 1."""

    pair_mean: Array
    pair_scale: Array
    alone_mean: Array
    alone_scale: Array

    @classmethod
    def of(cls, pairs: Array, alone: Array) -> Scaling:
        """Measured on a seventh of the examples."""
        some = pairs[::7].reshape(-1, pairs.shape[2])
        return cls(some.mean(0), 1 / (some.std(0) + 0.01), alone.mean(0), 1 / (alone.std(0) + 0.01))

    def apply(self, examples: Examples) -> None:
        """Scale ``examples`` in place."""
        for start in range(0, len(examples.pairs), 4096):
            part = examples.pairs[start : start + 4096]
            part -= self.pair_mean
            part *= self.pair_scale
        examples.alone -= self.alone_mean
        examples.alone *= self.alone_scale


def fit(examples: Examples, *, epochs: int, seed: int) -> Trained:
    """A network trained on scaled ``examples``."""
    torch.manual_seed(seed)
    dice = np.random.default_rng(seed)
    network = Trained(examples.pairs.shape[2], examples.alone.shape[1])
    count = len(examples.pairs)
    optimiser = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=DECAY)
    pace = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, RATE, total_steps=epochs * (count // BATCH) + 1, pct_start=0.1
    )
    for _ in range(epochs):
        network.train()
        order = dice.permutation(count)
        for start in range(0, count - BATCH + 1, BATCH):
            loss = _loss(network, examples.of(np.sort(order[start : start + BATCH])))
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            pace.step()
    return network.eval()


def _loss(network: Trained, batch: Examples) -> Tensor:
    """Minus the log of what the right answers get together, blended with the soft targets."""
    scores = network(*map(torch.from_numpy, (batch.pairs, batch.alone, batch.valid)))
    logs = functional.log_softmax(scores, 1)
    gold = torch.from_numpy(batch.gold)
    known = (gold.sum(1) > 0).float()
    hard = -(known * torch.logsumexp(logs + torch.log(gold.clamp(min=1e-9)), 1)).mean()
    if batch.soft is None:
        return hard
    soft = -(torch.from_numpy(batch.soft) * logs.clamp(min=-30)).sum(1).mean()
    return hard * (1 - batch.blend) + soft * batch.blend


def predict(network: Trained, pairs: Array, alone: Array, valid: Array) -> Array:
    """Probabilities (n, k + 1) for scaled features."""
    with torch.no_grad():
        parts = [
            torch.softmax(
                network(*(torch.from_numpy(x[i : i + 512]) for x in (pairs, alone, valid))), 1
            )
            for i in range(0, len(pairs), 512)
        ]
    found: Array = torch.cat(parts).numpy()
    return found


def plain(network: Trained, scaling: Scaling) -> dict[str, Any]:
    """The network as lists of numbers with five digits, as Network reads them."""
    state = {name: value.detach().numpy() for name, value in network.named_parameters()}
    found = {
        "pair_mean": scaling.pair_mean,
        "pair_scale": scaling.pair_scale,
        "alone_mean": scaling.alone_mean,
        "alone_scale": scaling.alone_scale,
        "pair_in": state["pair_in.weight"].T,
        "pair_bias": state["pair_in.bias"],
        "alone_in": state["alone_in.weight"].T,
        "pair_hidden": state["pair_hidden.weight"].T,
        "pair_hidden_bias": state["pair_hidden.bias"],
        "pair_out": state["pair_out.weight"][0],
        "pair_out_bias": state["pair_out.bias"][0],
        "start_in": state["start_in.weight"].T,
        "start_bias": state["start_in.bias"],
        "start_out": state["start_out.weight"][0],
        "start_out_bias": state["start_out.bias"][0],
    }
    return {name: _rounded(values) for name, values in found.items()}


def _rounded(values: Array) -> Any:
    return np.vectorize(lambda value: float(f"{value:.5g}"), otypes=[float])(values).tolist()
