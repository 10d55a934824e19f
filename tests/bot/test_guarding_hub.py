"""A whole bot: what people think of what it says takes a version back, or teaches the next."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from bot.errors import SpeakingFailed
from bot.guarding.overseer import CORRECTED_WITHIN
from bot.platforms.base import Address, Reacted, Vote
from bot.questions import Question
from config.settings import Home
from ingest.archive import Archive
from ingest.chat import Account, Reaction
from ingest.feedback import Feedback
from registry.store import Registry
from tests.bot.admin.desks import counter
from tests.bot.playing import Play, make_home, play
from tests.registry.made import NOON, added

ADMIN = "stage:ann"
QUESTIONS = (
    "is the tea any good?", "who won last night", "will it rain on Sunday", "where did you park",
    "have you seen my bike?", "what's for dinner", "did Lena call back", "how is the new job",
    "can you lend me a ladder", "which film was that", "when do we leave?", "are bees asleep now",
    "why so early", "do you still run?",
)  # fmt: skip
ADMINS = {"bot__admins": (ADMIN,)}
OFTEN = {"talk__per_hour": 999, "talk__per_day": 999, "talk__per_person": 999}


@pytest.fixture
def served(tmp_path: Path) -> Home:
    """v1 served, v2 serves."""
    home = make_home(tmp_path)
    added(Registry(home.models), tmp_path / "made", count=2, promote=True)
    return home


async def ask(play: Play, text: str) -> str:
    """Somebody asks and is answered; the id of the reply."""
    before = len(play.stage.sent)
    await play.say("kim", text, address=Address.MENTION)
    await play.wait(120)
    assert len(play.stage.sent) > before
    return next(reversed(play.stage.arrived.values())).id


async def as_self(play: Play, home: Home, text: str, reply_to: str) -> str:
    """The real @self answers a message; the id."""
    with Archive.open(home.archive) as archive:
        [me] = archive.me().accounts
    heard = play.stage.line("me", text, address=Address.REPLY, reply_to=reply_to)
    await play.hub.post(replace(heard, message=replace(heard.message, author=me)))
    return heard.message.id


async def thumb(play: Play, id: str, emoji: str, who: str = ADMIN, *, back: bool = False) -> None:
    """Somebody reacts to a message."""
    reactions = () if back else (Reaction(emoji),)
    votes = (Vote(who, emoji, is_taken_back=back),)
    await play.hub.post(Reacted("stage:hall", id, reactions, votes=votes))
    await play.wait(1)


def serving(home: Home) -> str:
    found = Registry(home.models).serving()
    assert found is not None
    return found.version


def noted(home: Home) -> list[Feedback]:
    with Archive.open(home.archive) as archive:
        return archive.feedback()


def test_an_admins_dislikes_take_the_new_version_back_and_load_the_one_before(
    served: Home,
) -> None:
    async def scene(play: Play) -> None:
        with counter(served.path) as at:  # the real desk, and a bot that remembers what it loads
            play.guardian.withdraw = at.desk.rollback
            for question in QUESTIONS[:10]:
                id = await ask(play, question)
                await thumb(play, id, "👎")
            assert at.bot.loaded == ["v1"]
        assert serving(served) == "v1"
        [told] = [line for line in play.warnings if "taken back" in line]
        assert told.startswith("v2 was taken back after 10 replies. v1 answers again. Why: by the")
        assert "9 of 10 replies had a 👎 of an admin or of @self, none counted before (p = " in told

    play(scene, served, **ADMINS, **OFTEN)
    last = Registry(served.models).history()[-1]
    assert last.is_rollback
    assert last.reason.startswith("by the live guards: 9 of 10 replies had a 👎")


def test_what_others_think_is_counted_and_takes_nothing_back(served: Home) -> None:
    async def scene(play: Play) -> None:
        for question in QUESTIONS[:10]:
            id = await ask(play, question)
            await thumb(play, id, "👎", who="stage:guest")
        assert play.guardian.ledger.reactions("v2") == {"liked": 0, "disliked": 10}
        assert play.guardian.status()["state"] == "v2 on probation, 10 of 200 replies"

    play(scene, served, **ADMINS, **OFTEN)
    assert serving(served) == "v2"


def test_a_model_that_fails_again_and_again_is_taken_back(served: Home) -> None:
    async def fail(_question: Question) -> list[str]:
        raise SpeakingFailed("v2: no token came")

    async def scene(play: Play) -> None:
        for question in QUESTIONS[:10]:
            await play.say("kim", question, address=Address.MENTION)
            await play.wait(200)

    play(scene, served, write=fail, **ADMINS, **OFTEN)
    assert serving(served) == "v1"


def test_one_that_says_the_same_to_everything_is_taken_back(served: Home) -> None:
    async def parrot(_question: Question) -> list[str]:
        return ["that is a very good question, let me think about it for a while"]

    async def scene(play: Play) -> None:
        for question in QUESTIONS:
            await play.say("kim", question, address=Address.MENTION)
            await play.wait(200)

    play(scene, served, write=parrot, **ADMINS, **OFTEN)
    assert serving(served) == "v1"


def test_without_probation_nothing_is_taken_back(served: Home) -> None:
    async def scene(play: Play) -> None:
        for question in QUESTIONS[:10]:
            await thumb(play, await ask(play, question), "👎")

    play(scene, served, bot__probation_replies=0, **ADMINS, **OFTEN)
    assert serving(served) == "v2"


def test_what_a_kill_cut_off_is_done_at_the_next_start(served: Home) -> None:
    async def asked(play: Play) -> None:
        play.guardian.withdraw = _never
        for question in QUESTIONS[:10]:
            await thumb(play, await ask(play, question), "👎")
        assert serving(served) == "v2"

    async def nothing(play: Play) -> None:
        await play.wait(1)

    play(asked, served, **ADMINS, **OFTEN)
    play(nothing, served, **ADMINS, **OFTEN)
    assert serving(served) == "v1"


async def _never(_reason: str) -> str:
    await asyncio.sleep(0)
    raise SpeakingFailed("v1: killed while it was being loaded")


def test_thumbs_and_corrections_are_kept_for_the_next_training(served: Home) -> None:
    async def scene(play: Play) -> None:
        liked = await ask(play, "do you like noodles?")
        wrong = await ask(play, "and what about dumplings?")
        unsaid = await ask(play, "do you cook them yourself?")
        await thumb(play, liked, "👍")
        correction = await as_self(play, served, "no, I can't stand them", wrong)
        await thumb(play, unsaid, "👎")
        await thumb(play, unsaid, "👎", back=True)
        await as_self(play, served, "this is to somebody else", "stage:hall:1")
        await play.wait(CORRECTED_WITHIN.total_seconds() + 60)
        await as_self(play, served, "hm, no", unsaid)
        await play.wait(5)
        known = {one.reply: one for one in noted(served)}
        assert set(known) == {(liked,), (wrong,)}
        assert (known[liked,].verdict, known[liked,].correction) == (1, None)
        assert (known[wrong,].verdict, known[wrong,].correction) == (0, correction)

    play(scene, served, **ADMINS, **OFTEN)


def test_of_an_unlogged_chat_only_the_count_is_kept(served: Home) -> None:
    async def scene(play: Play) -> None:
        id = await ask(play, "do you like noodles?")
        await thumb(play, id, "👎")
        assert play.guardian.ledger.latest("v2").disliked == 1
        assert noted(served) == []

    play(scene, served, bot__unlogged=("stage:hall",), **ADMINS, **OFTEN)


def test_whoever_is_let_go_weighs_no_more(served: Home) -> None:
    async def scene(play: Play) -> None:
        id = await ask(play, "do you like noodles?")
        await thumb(play, id, "👎")
        await play.hub.let_go(Account("stage", "ann"))
        assert play.guardian.ledger.latest("v2").disliked == 0

    play(scene, served, **ADMINS, **OFTEN)


def test_thumbs_of_whoever_opted_out_are_not_kept(served: Home) -> None:
    async def scene(play: Play) -> None:
        id = await ask(play, "do you like noodles?")
        await play.recorder.do(lambda archive, _: archive.withdraw(Account("stage", "guest")))
        await play.consent.follow()
        await thumb(play, id, "👎", who="stage:guest")
        await thumb(play, id, "👍")
        assert play.guardian.ledger.reactions("v2") == {"liked": 1, "disliked": 0}

    play(scene, served, **ADMINS, **OFTEN)


def test_a_promotion_long_ago_is_not_on_probation_twice(served: Home) -> None:
    registry = Registry(served.models)
    registry.rollback(now=NOON)

    async def scene(play: Play) -> None:
        for question in QUESTIONS[:10]:
            await thumb(play, await ask(play, question), "👎")

    play(scene, served, **ADMINS, **OFTEN)
    assert serving(served) == "v1"
