"""Training the linker: what it reads, what it makes of a log, and that its weights work."""

from __future__ import annotations

import random
from pathlib import Path

import orjson
import pytest

from ingest.linker.finder import Finder
from ingest.linker.network import load
from ingest.linker.ranking import read, shipped
from training import linker, ranking
from training.disguise import disguised, small_chats
from training.ubuntu import Log, read_logs

COUNT = 120
PEOPLE = ("anna", "bob", "cara", "dan")


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """A few logs in which pairs of people talk across each other."""
    for number in range(linker.FOLDS):
        dice = random.Random(number)
        lines, links = [], []
        last: dict[int, int] = {}
        for line in range(COUNT):
            pair = dice.randrange(2)
            speaker, other = dice.sample((0, 1) if pair else (2, 3), 2)
            text = f"{PEOPLE[other]}: soup {dice.randrange(9)}?"
            lines.append(f"[10:{line // 2:02}] <{PEOPLE[speaker]}> {text}")
            links.append(f"{last.get(pair, line)} {line} -")
            last[pair] = line
        (tmp_path / f"{number}.raw.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
        (tmp_path / f"{number}.annotation.txt").write_text("\n".join(links), encoding="utf-8")
    return tmp_path


def test_a_log_is_read_with_its_lines_and_links(logs: Path) -> None:
    log = next(read_logs(logs))
    assert len(log.messages) == len(log.lines) == len(log.links) == COUNT
    assert log.messages[0].text.endswith("?")
    assert sum(targets == {source} for source, targets in log.links.items()) == 2


def test_small_chats_are_whole_conversations(logs: Path) -> None:
    log = next(read_logs(logs))
    chats = small_chats(log, random.Random(1))
    assert {line for chat in chats for line in chat.lines} == set(log.lines)
    for chat in chats:
        assert all(log.links[line] <= set(chat.lines) for line in chat.lines)


@pytest.mark.parametrize("seed", range(6))
def test_a_disguise_keeps_who_spoke_and_in_what_order(logs: Path, seed: int) -> None:
    log: Log = next(read_logs(logs))
    changed = disguised(log.messages, random.Random(seed))
    assert [m.key for m in changed] == [m.key for m in log.messages]
    assert [m.who for m in changed] == [m.who for m in log.messages]
    times = [m.at for m in changed if m.at is not None]
    assert times == sorted(times)
    assert len(times) in (0, COUNT)


def test_fitting_the_live_ranking_writes_weights_of_every_feature(
    logs: Path, tmp_path: Path
) -> None:
    out = tmp_path / "ranking.json"
    ranking.main([str(logs), str(out)])
    found = read(orjson.loads(out.read_bytes()))
    assert found.weights.shape == shipped().weights.shape
    assert found.weights.any()


@pytest.mark.slow
def test_training_ends_in_weights_that_find_the_links(logs: Path, tmp_path: Path) -> None:
    out = tmp_path / "weights.json"
    linker.main([str(logs), str(out)])
    log = next(read_logs(logs))
    finder = Finder(load(out))
    found = [a for message in log.messages for a in finder.add(message)] + list(finder.close())
    line_of = {message.key: line for message, line in zip(log.messages, log.lines, strict=True)}
    right = sum(
        line_of[answer.to or answer.key] in log.links[line_of[answer.key]] for answer in found
    )
    assert right > COUNT / 2
