"""The admins' commands, as they are given in private and in groups."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from bot.admin.asked import chat_id, until
from bot.admin.controls import Told
from bot.admin.office import WORDS
from bot.chatbook import FOREVER
from bot.errors import CommandRefused
from config.settings import Home
from ingest.archive import Archive
from tests.bot.admin.desks import (
    DESK,
    GARDEN,
    NOW,
    OTHER_ADMIN,
    TEA,
    Counter,
    Paper,
    counter,
    fill,
)

Scene = Callable[[Counter], Awaitable[None]]


@pytest.fixture
def play(home: Path) -> Callable[[Scene], None]:
    """Run a scene at a counter over an empty home."""

    def run(scene: Scene) -> None:
        async def main() -> None:
            with counter(home) as at:
                await scene(at)

        asyncio.run(main())

    return run


Play = Callable[[Scene], None]


@dataclass
class Decided:
    """A decision of the gate."""

    verdict: str = "silent"
    reasons: tuple[str, ...] = ("8 of 8 replies to one person this hour",)
    score: float = 0.25


def test_every_word_of_the_issue_is_served(play: Play) -> None:
    wanted = "status models reload rollback retrain export index mute unmute quiet talk chats"

    async def scene(at: Counter) -> None:
        served = {word.name for word in at.office.offers()}
        assert {*wanted.split(), "forget", "why", "stop", "help", "promote"} == served
        assert all(word.is_admin for word in WORDS)
        help = (await at.give("help")).said[-1]
        assert all(f"/{name}" in help for name in served)

    play(scene)


@pytest.mark.parametrize(
    ("words", "end"),
    [
        ("", FOREVER),
        ("forever", FOREVER),
        ("30m", NOW + timedelta(minutes=30)),
        ("for 2h 30m", NOW + timedelta(minutes=150)),
        ("1 day", NOW + timedelta(days=1)),
        ("90", NOW + timedelta(minutes=90)),
        ("until 13:30", NOW + timedelta(minutes=90)),
        ("until 08:00", NOW + timedelta(hours=20)),
    ],
)
def test_ends_of_a_mute(words: str, end: datetime) -> None:
    assert until(words, now=NOW, zone=NOW.tzinfo or NOW.astimezone().tzinfo) == end  # type: ignore[arg-type]


@pytest.mark.parametrize("words", ["soon", "0m", "-5m", "2x", "1h nonsense", "9" * 400, "25:00"])
def test_what_is_no_time_is_refused(words: str) -> None:
    with pytest.raises(CommandRefused):
        until(words, now=NOW, zone=NOW.tzinfo)  # type: ignore[arg-type]


def test_ids_are_read_as_both_apis_write_them() -> None:
    assert chat_id("telegram:-1001234567890") == "telegram:1234567890"
    assert chat_id("telegram:-4321") == "telegram:4321"
    assert chat_id("Discord:42") == "discord:42"
    assert chat_id("23:00-08:00") is None
    assert chat_id("per_hour=3") is None


def test_mute_and_unmute_in_the_group(play: Play) -> None:
    async def scene(at: Counter) -> None:
        assert (await at.give("mute", "2h")).said == ["In this chat: muted until 2026-03-01 14:00."]
        assert at.book.rules(TEA.id).muted_until == NOW + timedelta(hours=2)
        assert (await at.give("unmute")).said == ["In this chat: speaking again."]
        assert at.book.rules(TEA.id).muted_until is None

    play(scene)


def test_in_private_the_chat_is_named(play: Play) -> None:
    async def scene(at: Counter) -> None:
        asked = await at.give("mute", "2h", chat=DESK)
        assert asked.said[0].startswith("Say which chat")
        told = await at.give("mute", "telegram:-1001234567890 2h", chat=DESK)
        assert told.said == ["In telegram:1234567890: muted until 2026-03-01 14:00."]
        assert at.book.rules(DESK.id).muted_until is None

    play(scene)


def test_in_a_group_nothing_is_asked_about_others(play: Play) -> None:
    async def scene(at: Counter) -> None:
        at.book.met(GARDEN)
        for name, words in (
            ("mute", GARDEN.id),
            ("why", GARDEN.id),
            ("chats", f"deny {GARDEN.id}"),
        ):
            answer = await at.give(name, words)
            assert answer.said == ["Ask me in private about other chats."]
        listed = (await at.give("chats")).said[0]
        assert "Garden" not in listed
        assert "Garden" in (await at.give("chats", chat=DESK)).said[0]

    play(scene)


def test_talk_and_quiet_change_one_chat(play: Play) -> None:
    async def scene(at: Counter) -> None:
        assert (await at.give("talk")).said == ["In this chat: as in the settings."]
        await at.give("talk", "per_hour=3")
        told = await at.give("quiet", "23:00 - 08:00")
        assert told.said == ["In this chat: per_hour 3, quiet 23:00-08:00."]
        assert at.book.rules(TEA.id).changes == {"per_hour": "3", "quiet": "23:00-08:00"}
        assert at.book.rules(GARDEN.id).changes == {}
        assert (await at.give("talk", "nonsense")).said == ["/talk nonsense: say setting=value"]
        assert (await at.give("talk", "default")).said == ["In this chat: as in the settings."]
        assert at.book.rules(TEA.id).changes == {}

    play(scene)


def test_chats_are_allowed_and_denied(play: Play) -> None:
    async def scene(at: Counter) -> None:
        told = await at.give("chats", "allow here", chat=GARDEN)
        assert told.said == ["In this chat: allowed, kept in the archive."]
        told = await at.give("chats", f"deny {GARDEN.id}", chat=DESK)
        assert told.said == [f"In {GARDEN.id}: not allowed."]
        assert not at.book.rules(GARDEN.id).is_allowed
        assert "not kept" in (await at.give("chats", "nolog here")).said[0]
        assert "say allow, deny" in (await at.give("chats", "burn here")).said[0]

    play(scene)


def test_what_is_no_chat_changes_none(play: Play) -> None:
    async def scene(at: Counter) -> None:
        answer = await at.give("chats", "deny garage")
        assert answer.said[-1].startswith("'garage' is no chat; say /chats deny telegram:")
        assert at.book.rules(TEA.id).is_allowed
        assert (await at.give("chats", "allow", chat=DESK)).said[-1].startswith("Say which chat: ")

    play(scene)


def test_help_has_the_commands_of_everybody_too(play: Play) -> None:
    async def scene(at: Counter) -> None:
        told = (await at.give("help")).said[-1]
        assert told.index("How it is:") < told.index("/status") < told.index("For everybody:")
        assert told.index("For everybody:") < told.index("/forgetme")
        assert "telegram:1234567890" not in told
        assert "/mute telegram:1234567890" in (await at.give("help", chat=DESK)).said[-1]

    play(scene)


def test_status_tells_parts_chat_and_jobs(play: Play) -> None:
    async def scene(at: Counter) -> None:
        at.bot.parts = {
            "model": {"is_well": True, "state": "v3 answers", "answered": 0, "failed": 0},
            "telegram": {"is_well": False, "state": "not reachable since 12:00"},
        }
        at.runs.end(at.runs.begin("index", "schedule"), "done", "said by Ann: secret words")
        at.clock.wind(minutes=5)
        lines = (await at.give("status")).said[0].splitlines()
        assert lines == [
            "model: v3 answers, answered 0",
            "! telegram: not reachable since 12:00",
            "this chat: allowed, kept in the archive",
            "index: done 5 min ago",
        ]

    play(scene)


def test_the_address_of_the_server_is_told_in_private_alone(play: Play) -> None:
    async def scene(at: Counter) -> None:
        at.bot.parts = {"model": {"state": "ready", "version": "m at http://10.0.0.7:8080/v1"}}
        assert (await at.give("status")).said[0].startswith("model: ready, version m at a server\n")
        told = (await at.give("status", chat=DESK)).said[0]
        assert told.startswith("model: ready, version m at http://10.0.0.7:8080/v1")

    play(scene)


def test_why_gives_reasons_of_this_chat_alone(play: Play) -> None:
    async def scene(at: Counter) -> None:
        nothing = await at.give("why")
        assert nothing.said == ["Nothing was decided here since the start."]
        at.bot.told = [
            Told(f"{TEA.id}:7", NOW, Decided(), "nothing was sent"),
            Told(f"{TEA.id}:8", NOW, Decided("answer", ("addressed",), 1.0)),
            Told(f"{GARDEN.id}:9", NOW, Decided(reasons=("of the garden",))),
        ]
        latest = (await at.give("why")).said[0]
        assert latest.startswith(f"To be answered ({TEA.id}:8, 2026-03-01 12:00), score 1.00:")
        asked = (await at.give("why", reply_to=f"{TEA.id}:7")).said[0]
        assert asked.splitlines()[1:] == [
            "– 8 of 8 replies to one person this hour",
            "Then: nothing was sent",
        ]
        assert "garden" in (await at.give("why", GARDEN.id, chat=DESK)).said[0]
        gone = await at.give("why", reply_to=f"{TEA.id}:1")
        assert gone.said[0].startswith("Nothing was decided about that message")

    play(scene)


def test_stop_asks_back_and_only_the_asker_may_answer(play: Play) -> None:
    async def scene(at: Counter) -> None:
        paper = await at.give("stop")
        assert not at.bot.is_stopped
        await at.press(paper, "Stop", account=OTHER_ADMIN)
        await at.press(paper, "Stop", chat=GARDEN)
        assert not at.bot.is_stopped
        await at.press(paper, "Stop")
        assert at.bot.is_stopped

    play(scene)


def test_a_question_expires_and_is_answered_once(play: Play) -> None:
    async def scene(at: Counter) -> None:
        paper = await at.give("stop")
        again = Paper(buttons=list(paper.buttons))
        at.clock.wind(minutes=3)
        await at.press(paper, "Stop")
        assert paper.said[-1] == "That question is no longer open. Give the command again."
        cancelled = await at.give("stop")
        twice = Paper(buttons=list(cancelled.buttons))
        await at.press(cancelled, "Cancel")
        assert cancelled.said[-1] == "Left as it is."
        await at.press(twice, "Stop")
        await at.press(again, "Stop")
        assert not at.bot.is_stopped

    play(scene)


def test_forget_asks_who_is_meant_then_removes_them_everywhere(home: Path, play: Play) -> None:
    place = Home(home)
    fill(place)

    async def scene(at: Counter) -> None:
        await at.give("export")
        await at.finish()
        assert "cute" in (place.exports / "messages" / "messages.jsonl").read_text()
        assert "nobody in the archive" in (await at.give("forget", "@nobody", chat=DESK)).said[0]
        assert "is @self" in (await at.give("forget", "@kevin", chat=DESK)).said[0]
        paper = await at.give("forget", "nice_guy", chat=DESK)
        assert paper.said[0].startswith("Forget @nice_guy and 1 message for good")
        await at.press(paper, "Forget", chat=DESK)
        await at.finish()
        assert paper.said[-1] == "Forgetting: done. 1 message removed"
        assert (at.bot.changes, at.bot.let_gone) == (["archive"], ["usernice_guy"] * 2)
        assert not place.exports.exists()
        with Archive.open(place.archive) as archive:
            assert [person.handle for person in archive.people()] == ["kevin"]
        assert not any("nice_guy" in run.work for run in at.runs.recent(9))
        printed = [path for path in place.logs.rglob("*") if path.is_file()]
        assert not any(b"nice_guy" in path.read_bytes() for path in printed)

    play(scene)


def test_a_group_is_told_of_nobody_it_does_not_know(home: Path, play: Play) -> None:
    place = Home(home)
    fill(place)

    async def scene(at: Counter) -> None:
        for name in ("@nobody", "nice", "@kevin", "nice_guy"):
            asked = await at.give("forget", name)
            assert asked.said == ["Ask me in private to forget somebody by name."]
        paper = await at.give("forget", reply_to=f"{TEA.id}:1")
        await at.press(paper, "Forget")
        await at.finish()
        said = "\n".join(paper.said)
        assert said.startswith("Forget whoever wrote that and all their messages for good")
        assert said.endswith("Forgetting: done. What it said is told in private")
        assert "nice_guy" not in said
        assert "1 messages" not in said
        assert at.bot.notified == [("Forgetting: done. 1 message removed", ())]
        with Archive.open(place.archive) as archive:
            assert [person.handle for person in archive.people()] == ["kevin"]

    play(scene)


def test_in_a_group_jobs_and_errors_name_no_folder(home: Path, play: Play) -> None:
    fill(Home(home))

    async def scene(at: Counter) -> None:
        papers = [await at.give("export"), await at.give("reload", "../etc")]
        papers += [await at.give("promote", "v7"), await at.give("rollback")]
        await at.finish()
        assert papers[0].said[-1] == "Exporting: done. What it said is told in private"
        assert str(home) not in "\n".join(line for paper in papers for line in paper.said)
        assert str(home) in at.bot.notified[0][0]

    play(scene)


def test_export_tells_only_the_folder(home: Path, play: Play) -> None:
    fill(Home(home))

    async def scene(at: Counter) -> None:
        paper = await at.give("export", chat=DESK)
        await at.finish()
        assert paper.said[-1] == f"Exporting: done. messages: {home}/exports/messages"
        assert "Doudou" not in "".join(paper.said)
        refused = await at.give("export", "floppy")
        assert refused.said[0].startswith("No form 'floppy'; there are: messages, trl")

    play(scene)


def test_an_error_inside_is_not_shown(play: Play, caplog: pytest.LogCaptureFixture) -> None:
    async def scene(at: Counter) -> None:
        at.bot.parts = {"model": {"state": object}}
        at.desk.jobs._jobs[1] = None  # type: ignore[assignment]
        paper = await at.give("status")
        assert paper.said == ["/status failed inside; logs/bot.log says why."]

    play(scene)
    assert "Traceback" in caplog.text
