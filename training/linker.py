"""Train the thread linker and write its weights.

    python -m training.linker FOLDER [OUT]

FOLDER holds the training split of the annotated Ubuntu IRC logs (see training/ubuntu.py); OUT
defaults to the weights that ship. Needs torch (extra ``train``); one core.

Every log is read as it is, as small chats, and every second disguised (training/disguise.py). The
second networks learn from what first networks say about logs those have not seen, and, beside the
annotation, from what other second networks say about logs those have not seen: one annotator's
choice among several good answers is noise to the next one's log.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import orjson
import torch

from ingest.linker.columns import Array, Columns
from ingest.linker.finder import TOP, best_candidates, both_looks
from ingest.linker.first import first_look
from ingest.linker.network import FORMAT, WEIGHTS
from ingest.linker.pairs import REACH, Pairs
from ingest.linker.second import Found, roots_of
from training.disguise import disguised, small_chats
from training.fit import Examples, Scaling, Trained, fit, plain, predict
from training.ubuntu import Log, read_logs

FOLDS = 4
FIRST_EPOCHS = 5
SECOND_EPOCHS = 6
DECIDING = 5
BLEND = 0.7
BLOCK = 256


@dataclass
class Version:
    """A log as it is, or disguised: its columns, its annotated messages and their answers."""

    fold: int
    columns: Columns
    rows: Array
    gold: Array
    is_plain: bool


def main(arguments: Sequence[str]) -> None:
    """Train on the logs of a folder."""
    torch.set_num_threads(1)
    versions = list(_versions(Path(arguments[0])))
    _say(f"{len(versions)} versions, {sum(len(v.rows) for v in versions)} messages to learn from")
    first = _train_first(versions)
    second = _train_second(versions)
    weights = {"format": FORMAT, "first": [first], "second": second}
    out = Path(arguments[1]) if len(arguments) > 1 else WEIGHTS
    out.write_bytes(orjson.dumps(weights, option=orjson.OPT_APPEND_NEWLINE))


def _say(text: str) -> None:
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")


def _versions(folder: Path) -> list[Version]:
    logs = list(read_logs(folder))
    folds = np.random.default_rng(7).permutation(len(logs)) % FOLDS
    found = []
    for number, (log, fold) in enumerate(zip(logs, folds.tolist(), strict=True)):
        dice = random.Random(number)
        found.append(_version(log, fold, is_plain=True))
        others = small_chats(log, dice)
        others = [_disguised(chat, dice) if dice.random() < 0.5 else chat for chat in others]
        if number % 2 == 0:
            others.append(_disguised(log, dice))
        found += [_version(other, fold, is_plain=False) for other in others]
    return found


def _disguised(log: Log, dice: random.Random) -> Log:
    return replace(log, messages=disguised(log.messages, dice))


def _version(log: Log, fold: int, *, is_plain: bool) -> Version:
    columns = Columns(REACH, capacity=len(log.messages))
    for message in log.messages:
        columns.append(message, 0)
    row_of = {line: row for row, line in enumerate(log.lines)}
    rows = [row for row, line in enumerate(log.lines) if line in log.links]
    gold = np.zeros((len(rows), REACH + 1), np.float32)
    for index, row in enumerate(rows):
        for target in log.links[log.lines[row]]:
            step = row - row_of.get(target, -2 * REACH)
            if step <= REACH:
                gold[index, step] = 1
    return Version(fold, columns, np.array(rows, np.int64), gold, is_plain)


def _blocks(rows: Array) -> list[Array]:
    return [rows[start : start + BLOCK] for start in range(0, len(rows), BLOCK)]


def _train_first(versions: Sequence[Version]) -> object:
    """Fill in the chances of every version from networks that have not seen it."""
    looks = [
        (*first_look(pairs), pairs.valid)
        for version in versions
        for pairs in (
            Pairs(version.columns, b, version.columns.size) for b in _blocks(version.rows)
        )
    ]
    seen, alone, valid = (np.concatenate([look[i] for look in looks]) for i in range(3))
    examples = Examples(seen, alone, valid, np.concatenate([v.gold for v in versions]))
    del looks
    fold = np.concatenate([np.full(len(v.rows), v.fold) for v in versions])
    plains = np.concatenate([np.full(len(v.rows), v.is_plain) for v in versions])
    scaling = Scaling.of(examples.pairs, examples.alone)
    scaling.apply(examples)
    for held in range(FOLDS):
        network = fit(examples.of(np.flatnonzero(fold != held)), epochs=FIRST_EPOCHS, seed=held)
        for version in versions:
            if version.fold == held:
                _fill(version.columns, network, scaling)
        out = np.flatnonzero((fold == held) & plains)
        _report(f"first look, fold {held}", network, examples.of(out))
    return plain(fit(examples, epochs=FIRST_EPOCHS, seed=FOLDS), scaling)


def _fill(columns: Columns, network: Trained, scaling: Scaling) -> None:
    for rows in _blocks(np.arange(columns.size)):
        pairs = Pairs(columns, rows, columns.size)
        seen, alone = first_look(pairs)
        part = Examples(seen, alone, pairs.valid, np.zeros((len(rows), 1), np.float32))
        scaling.apply(part)
        columns.chances[rows] = predict(network, part.pairs, part.alone, part.valid)
    roots_of(columns.chances, columns.roots, 0, columns.size, 0)


def _train_second(versions: Sequence[Version]) -> list[object]:
    looks = [_second(version, rows) for version in versions for rows in _blocks(version.rows)]
    kept = np.concatenate([look[3] for look in looks])
    seen, alone, valid = (np.concatenate([look[i] for look in looks]) for i in range(3))
    gold = _at(np.concatenate([version.gold for version in versions]), kept)
    examples = Examples(seen, alone, valid, gold)
    del looks
    fold = np.concatenate([np.full(len(v.rows), v.fold) for v in versions])
    plains = np.concatenate([np.full(len(v.rows), v.is_plain) for v in versions])
    scaling = Scaling.of(examples.pairs, examples.alone)
    scaling.apply(examples)
    soft = np.zeros_like(examples.gold)
    for held in range(FOLDS):
        network = fit(examples.of(np.flatnonzero(fold != held)), epochs=SECOND_EPOCHS, seed=held)
        out = np.flatnonzero(fold == held)
        part = examples.of(out)
        soft[out] = predict(network, part.pairs, part.alone, part.valid)
        _report(
            f"second look, fold {held}",
            network,
            examples.of(np.flatnonzero((fold == held) & plains)),
        )
    examples.soft, examples.blend = soft, BLEND
    return [
        plain(fit(examples, epochs=SECOND_EPOCHS, seed=FOLDS + i), scaling) for i in range(DECIDING)
    ]


def _second(version: Version, rows: Array) -> tuple[Array, Array, Array, Array]:
    pairs = Pairs(version.columns, rows, version.columns.size)
    found = Found(pairs, version.columns.chances, version.columns.roots)
    kept = best_candidates(found)
    return *both_looks(found, kept, first_look(pairs)), kept


def _at(gold: Array, kept: Array) -> Array:
    """``gold`` (n, REACH + 1) for the start and the kept candidates."""
    assert kept.shape[1] == TOP
    return np.concatenate([gold[:, :1], np.take_along_axis(gold[:, 1:], kept, 1)], 1)


def _report(what: str, network: Trained, examples: Examples) -> None:
    chances = predict(network, examples.pairs, examples.alone, examples.valid)
    right = np.take_along_axis(examples.gold, chances.argmax(1)[:, None], 1).mean()
    loss = -np.log((chances * (examples.gold > 0)).sum(1) + 1e-4).mean()
    _say(f"{what}: {right:.4f} right, loss {loss:.4f}")


if __name__ == "__main__":
    main(sys.argv[1:])
