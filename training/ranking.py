"""Fit the weights that ship with the live ranking, and write them.

    python -m training.ranking FOLDER [OUT]

FOLDER holds the training split of the annotated Ubuntu IRC logs (see training/ubuntu.py); OUT
defaults to the weights that ship. One core, two minutes.

Every third log is read as a bot would, one message at a time with nothing after it; every second of
those with times warped. Half of the messages lose the name they open on, and of these every
second one is asked about: people who can quote do not write names.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import orjson

from ingest.linker.columns import Array
from ingest.linker.live import Live
from ingest.linker.pairs import REACH
from ingest.linker.ranking import SHIPPED, Ranking, features, fit
from training.disguise import unnamed, warped
from training.ubuntu import Log, read_logs

EVERY = 3
UNNAMED = 0.5
ASKED = 0.5
TRUST = 100.0

Example = tuple[Array, Array, int]


def main(arguments: Sequence[str]) -> None:
    """Fit on the logs of a folder."""
    logs = [log for number, log in enumerate(read_logs(Path(arguments[0]))) if number % EVERY == 0]
    examples = [example for number, log in enumerate(logs) for example in _examples(log, number)]
    seen, valid, answers = (np.array(column) for column in zip(*examples, strict=True))
    ranking = fit(seen, valid, answers, _untaught(seen[valid]), trust=TRUST)
    out = Path(arguments[1]) if len(arguments) > 1 else SHIPPED
    out.write_bytes(orjson.dumps(ranking.plain(), option=orjson.OPT_APPEND_NEWLINE))


def _examples(log: Log, number: int) -> Iterator[Example]:
    """What is seen of the candidates, which exist, and the nearest one annotated."""
    dice = random.Random(number)
    messages = warped(log.messages, dice) if number % 2 else log.messages
    row_of = {line: row for row, line in enumerate(log.lines)}
    live = Live()
    for row, (message, line) in enumerate(zip(messages, log.lines, strict=True)):
        is_unnamed = dice.random() < UNNAMED
        live.add(unnamed(message) if is_unnamed else message)
        steps = [row - row_of[to] for to in log.links.get(line, ()) if to in row_of and to != line]
        nearest = min((step for step in steps if 0 < step <= REACH), default=0)
        if nearest and is_unnamed and dice.random() < ASKED:
            sight = live.look()
            yield features(sight), sight.found.pairs.valid[0], nearest - 1


def _untaught(seen: Array) -> Ranking:
    """No weights yet; what brings each feature (n, p) to mean 0 and deviation 1."""
    zero = np.zeros(seen.shape[1], np.float32)
    return Ranking(seen.mean(0), 1 / (seen.std(0) + 0.01), zero)


if __name__ == "__main__":
    main(sys.argv[1:])
