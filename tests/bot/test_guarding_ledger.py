"""What is counted of replies: once each, by version, over restarts, and no texts."""

from __future__ import annotations

from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

from bot.guarding.ledger import KEPT, Ledger
from bot.guarding.prints import print_of
from bot.guarding.rule import Counts
from tests.bot.stage import START

SECRET = "the key is under the blue flower pot by the door"


def reply(ledger: Ledger, number: int, version: str = "v2", *, at: datetime | None = None) -> str:
    """A reply that went out; the id of its message."""
    at = at or START + timedelta(minutes=number)
    ledger.wrote(f"m{number}", version, at, ("a", f"m{number}"))
    ledger.sent(f"r{number}", f"m{number}", at, print_of(f"{SECRET} {number}"))
    return f"r{number}"


def test_each_reply_counts_once_however_often_it_is_told(tmp_path: Path) -> None:
    for _ in range(3):  # as after restarts
        with closing(Ledger(tmp_path / "bot.sqlite")) as ledger:
            reply(ledger, 1)
            ledger.amiss("m1", "repeated")
            reply(ledger, 2)
    with closing(Ledger(tmp_path / "bot.sqlite")) as ledger:
        assert ledger.latest("v2") == Counts(replies=2, repeated=1)


def test_no_text_is_in_the_file(tmp_path: Path) -> None:
    with closing(Ledger(tmp_path / "bot.sqlite")) as ledger:
        reply(ledger, 1)
    held = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert SECRET[:12].encode() not in held


def test_a_dislike_weighs_by_who_left_it_and_can_be_taken_back(tmp_path: Path) -> None:
    with closing(Ledger(tmp_path / "bot.sqlite")) as ledger:
        first, second = reply(ledger, 1), reply(ledger, 2)
        ledger.vote(first, "stage:ann", -1, weighs=True)
        ledger.vote(first, "stage:ben", -1, weighs=True)
        ledger.vote(second, "stage:guest", -1, weighs=False)
        assert ledger.latest("v2") == Counts(replies=2, disliked=1)
        assert ledger.reactions("v2") == {"liked": 0, "disliked": 3}
        ledger.vote(first, "stage:ann", 0, weighs=True)
        assert ledger.verdict("m1") == -1
        ledger.forget("stage:ben")
        assert (ledger.verdict("m1"), ledger.latest("v2").disliked) == (0, 0)


def test_the_first_since_a_promotion_and_the_latest_before_are_apart(tmp_path: Path) -> None:
    with closing(Ledger(tmp_path / "bot.sqlite")) as ledger:
        for number in range(30):
            reply(ledger, number)
            if number >= 20:
                ledger.amiss(f"m{number}", "leaked")
        since = START + timedelta(minutes=15)
        assert ledger.first("v2", since, 10) == Counts(replies=10, leaked=5)
        assert ledger.latest("v2", 12) == Counts(replies=12, leaked=10)
        assert ledger.latest("v1") == Counts()


def test_old_figures_go_but_those_of_versions_that_are_needed(tmp_path: Path) -> None:
    with closing(Ledger(tmp_path / "bot.sqlite")) as ledger:
        reply(ledger, 1, "v1")
        reply(ledger, 2, "v2")
        ledger.vote("r1", "stage:ann", 1, weighs=True)
        ledger.prune(START + KEPT + timedelta(days=1), kept={"v2"})
        assert ledger.latest("v1") == Counts()
        assert ledger.said("r1") is None
        assert ledger.latest("v2") == Counts(replies=1)
