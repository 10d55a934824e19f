"""What is read off an archive about how @self types."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import orjson
import pytest

from bot.manner import Manner, Typing, drawn, drawn_below, is_unspaced, learn_manner, load_manner
from config.settings import Home
from ingest.archive import Archive
from ingest.chat import Account, Conversation, RawMessage

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
CHAT = Conversation("test:room", "Room", "test")
LOG = Conversation("test:log", "Log", "test", has_times=False)
SELF = Account("test", "me", "Kevin", is_self=True)
ANN = Account("test", "ann", "Ann")
ROBOT = Account("test", "robot", "Robot", is_bot=True)


class Script:
    """Writes a chat: seconds since the last message, who, what."""

    def __init__(self, chat: Conversation = CHAT) -> None:
        self.chat, self.at, self.messages = chat, START, list[RawMessage]()

    def say(self, who: Account, text: str, seconds: float, reply_to: str | None = None) -> str:
        """One message; its id."""
        self.at += timedelta(seconds=seconds)
        id = f"{self.chat.id}:{len(self.messages)}"
        self.messages.append(RawMessage(id, self.chat, who, self.at, text, reply_to=reply_to))
        return id


def typist(rounds: int, *, chat: Conversation = CHAT) -> Script:
    """Two messages in a row, answered after 7 s; 2 s and 0.25 s a letter, luck 0.8 to 1.25."""
    rng, script = Random(5), Script(chat)
    for number in range(rounds):
        script.say(ANN, f"question {number}", 600)
        script.say(SELF, "well now", 7)
        text = "a" * rng.randint(4, 60)
        script.say(SELF, text, (2 + 0.25 * len(text)) * rng.choice([0.8, 1.0, 1.25]))
    return script


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    """An archive to be filled."""
    with Archive.open(tmp_path / "archive.sqlite", create=True) as opened:
        yield opened


def learned(archive: Archive, messages: Sequence[RawMessage]) -> Manner:
    """The manner in these messages."""
    fill(archive, messages)
    return learn_manner(archive)


def fill(archive: Archive, messages: Sequence[RawMessage]) -> None:
    """Add what is new; Kevin is @self."""
    archive.add(messages)
    archive.set_self("Kevin")


def test_an_empty_archive_gives_the_defaults(archive: Archive) -> None:
    assert learn_manner(archive) == Manner()


def test_bursts_speed_and_delays_are_found(archive: Archive) -> None:
    manner = learned(archive, typist(120).messages)
    assert manner.parts[:3] == (0, 1, 0)
    assert manner.bursts == 120
    assert manner.spaced.per_character == pytest.approx(0.25, rel=0.15)
    assert manner.spaced.base == pytest.approx(2, abs=0.8)
    assert manner.spaced.spread[0] == pytest.approx(0.8, abs=0.08)
    assert set(manner.delays[0]) == {7}
    assert manner.stops == 0
    assert manner.unspaced == Manner().unspaced


def test_one_lunch_break_changes_little(archive: Archive) -> None:
    script = typist(120)
    for _ in range(6):
        script.say(ANN, "and?", 600)
        script.say(SELF, "hm", 590)
        script.say(SELF, "yes", 110)
    manner = learned(archive, script.messages)
    assert manner.spaced.per_character == pytest.approx(0.25, rel=0.2)
    assert drawn(manner.delays[0], 0.5) == 7


def test_chinese_has_a_speed_of_its_own(archive: Archive) -> None:
    script = typist(60)
    for number in range(60):
        script.say(ANN, "吃了吗", 600)
        script.say(SELF, "还没有呢", 5)
        text = "好" * (1 + number % 12)
        script.say(SELF, text, 1 + len(text))
    manner = learned(archive, script.messages)
    assert manner.unspaced.per_character == pytest.approx(1, rel=0.1)
    assert manner.spaced.per_character == pytest.approx(0.25, rel=0.15)


def test_a_log_without_times_tells_no_delays(archive: Archive) -> None:
    manner = learned(archive, typist(80, chat=LOG).messages)
    assert manner.parts[1] == 1
    assert manner.delays == Manner().delays
    assert manner.spaced == Manner().spaced
    assert manner.quotes == Manner().quotes


def test_quoting_grows_with_what_lies_between(archive: Archive) -> None:
    script = Script()
    for number in range(200):
        asked = script.say(ANN, "a question", 600)
        for _ in range(5 * (number % 2)):
            script.say(Account("test", "bob", "Bob"), "noise", 5)
        script.say(SELF, "an answer", 5, reply_to=asked if number % 2 else None)
    quotes = learned(archive, script.messages).quotes
    assert quotes[0] < 0.02
    assert quotes[3] > 0.9
    assert list(quotes) == sorted(quotes)


def test_other_bots_are_not_listened_to(archive: Archive) -> None:
    script = typist(60)
    quiet = learned(archive, script.messages)
    script.say(ROBOT, "news", 1)
    assert learned(archive, script.messages) == quiet


def test_it_is_kept_until_a_tenth_more_is_written(archive: Archive, tmp_path: Path) -> None:
    home = Home(tmp_path)
    script = typist(100)
    fill(archive, script.messages)
    first = load_manner(home, archive)
    kept = home.manner.read_bytes()
    script.say(SELF, "one more", 900)
    fill(archive, script.messages)
    assert load_manner(home, archive) == first
    assert home.manner.read_bytes() == kept
    for _ in range(30):
        script.say(SELF, "and more", 900)
    fill(archive, script.messages)
    assert load_manner(home, archive).bursts == 131
    assert home.manner.read_bytes() != kept


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"{",
        b"[]",
        b'{"format": 1}',
        b'{"format": 0, "revision": 1, "written": 1}',
        b"\xff\xfe",
    ],
)
def test_damage_is_learned_over(archive: Archive, tmp_path: Path, damage: bytes) -> None:
    home = Home(tmp_path)
    fill(archive, typist(60).messages)
    manner = load_manner(home, archive)
    home.manner.write_bytes(damage)
    assert load_manner(home, archive) == manner
    assert orjson.loads(home.manner.read_bytes())["manner"]["bursts"] == 60


def test_numbers_nobody_could_have_are_learned_over(archive: Archive, tmp_path: Path) -> None:
    home = Home(tmp_path)
    fill(archive, typist(60).messages)
    manner = load_manner(home, archive)
    data = orjson.loads(home.manner.read_bytes())
    data["manner"]["delays"] = [[-1, 2]] * 3
    home.manner.write_bytes(orjson.dumps(data))
    assert load_manner(home, archive) == manner


def test_draws_follow_the_quantiles() -> None:
    assert [drawn((0, 10, 30), luck) for luck in (0, 0.25, 0.5, 0.75, 1)] == [0, 5, 10, 20, 30]
    assert drawn_below((0, 10, 30), 0.999, 10) == pytest.approx(10, abs=0.1)
    assert drawn_below((0, 10, 30), 0.5, 20) == 7.5
    assert [drawn_below((5, 10), luck, 2) for luck in (0, 0.5, 1)] == [1, 1.5, 2]
    assert drawn_below((5, 10), 0.5, -1) == 0
    assert drawn_below((5, 5, 5), 0.5, 6) == 5
    assert Typing(1, 0.5, (1, 1)).seconds(10, 0.3) == 6


def test_scripts_are_told_by_most_letters() -> None:
    assert [is_unspaced(text) for text in ("hello", "你好 ok", "ok ok 好", "สวัสดี", "😂", "")] == [
        False, True, False, True, False, False,
    ]  # fmt: skip
