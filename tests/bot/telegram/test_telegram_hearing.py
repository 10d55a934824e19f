"""What the bot hears on Telegram: messages, who they turn to, and everything that is none."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.platforms.base import Address, Commanded, Heard, Joined, Moved, Parted, Reacted, Vote
from ingest.chat import Account, Kind, Reaction
from tests.bot.telegram.conftest import key_of, running, saying
from tests.telegram_fake import FakeTelegram, media


def test_a_message_is_heard_in_the_archives_terms(fake: FakeTelegram, state: Path) -> None:
    async def scenario() -> None:
        group = fake.supergroup("Friends", id=1234567890)
        ann = fake.user("Ann", "Lee", username="annlee")
        async with running(fake, state) as bot:
            number = fake.say(group, ann, "  早上好 😀 everyone ")
            [heard] = await bot.heard()
            message = heard.message
            assert (message.id, message.text) == (
                f"telegram:1234567890:{number}",
                "早上好 😀 everyone",
            )
            assert message.author == Account("telegram", f"user{ann.id}", "Ann Lee")
            assert message.chat.title == "Friends"
            assert (heard.address, heard.topic, heard.is_caught_up) == (Address.NONE, None, False)

    asyncio.run(scenario())


def test_it_is_told_who_a_message_turns_to(fake: FakeTelegram, state: Path) -> None:
    async def scenario() -> None:
        group, ann, bob = fake.supergroup(), fake.user("Ann"), fake.user("Bob")
        async with running(fake, state) as bot:
            sent = fake.call("sendMessage", {"chat_id": group.id, "text": "mine"})["message_id"]
            other = fake.say(group, bob, "nothing")
            fake.say(group, ann, "so?", reply_to=sent)
            fake.say(group, ann, "so?", reply_to=other)
            fake.say(group, ann, "😀 and @Self_Bot?")
            me = {"type": "text_mention", "offset": 3, "length": 4, "user": fake.bot.json}
            fake.say(group, ann, "😀 Self?", entities=[me])
            fake.say(group, ann, "@self_bot", media=media.photo())
            fake.say(group, ann, "@self_botany", reply_to=999_999)
            fake.say(fake.private(ann), ann, "psst")
            heards = (await bot.heard(8))[1:]
            assert [heard.address for heard in heards] == [
                Address.REPLY,
                Address.NONE,
                Address.MENTION,
                Address.MENTION,
                Address.MENTION,
                Address.NONE,
                Address.PRIVATE,
            ]
            assert heards[0].message.reply_to == f"{key_of(group)}:{sent}"
            assert heards[5].message.reply_to == f"{key_of(group)}:999999"
            assert heards[3].message.mentions == (
                Account("telegram", f"user{fake.bot.id}", "Self"),
            )

    asyncio.run(scenario())


def test_a_topic_is_a_room_and_its_first_notice_is_no_reply(
    fake: FakeTelegram, state: Path
) -> None:
    async def scenario() -> None:
        forum, ann = fake.supergroup(is_forum=True), fake.user("Ann")
        async with running(fake, state) as bot:
            topic = fake.topic(forum, "Cooking", ann)
            first = fake.say(forum, ann, "soup", topic=topic)
            fake.say(forum, ann, "nice", topic=topic, reply_to=first)
            general = fake.say(forum, ann, "in General")
            fake.say(forum, ann, "a reply in General", reply_to=general)
            heards = await bot.heard(4)
            assert [heard.topic for heard in heards] == [str(topic), str(topic), None, None]
            assert [heard.message.reply_to for heard in heards] == [
                None,
                f"{key_of(forum)}:{first}",
                None,
                f"{key_of(forum)}:{general}",
            ]

    asyncio.run(scenario())


def test_channels_anonymous_admins_and_linked_posts_are_not_people(
    fake: FakeTelegram, state: Path
) -> None:
    async def scenario() -> None:
        group, channel = fake.supergroup("Friends"), fake.channel("News")
        async with running(fake, state) as bot:
            fake.anonymous(group, "@self_bot hello")
            fake.linked(group, channel, "@self_bot read this")
            fake.post(channel, "@self_bot post", signature="Ann")
            fake.say(group, fake.user("x"), "@self_bot as a channel", sender=channel)
            fake.anonymous(group, "/about")
            heards = await bot.heard(5)
            assert {heard.address for heard in heards} == {Address.NONE}
            keys = [heard.message.author.key for heard in heards]
            place, news = (key_of(chat).partition(":")[2] for chat in (group, channel))
            assert keys == [
                f"channel{place}",
                f"channel{news}",
                f"channel{news}:Ann",
                f"channel{news}",
                f"channel{place}",
            ]
            assert heards[1].message.forwarded_from == "News"

    asyncio.run(scenario())


def test_other_bots_are_bots(fake: FakeTelegram, state: Path) -> None:
    async def scenario() -> None:
        group, robot = fake.supergroup(), fake.user("Robot", username="robot", is_bot=True)
        async with running(fake, state) as bot:
            fake.say(group, robot, "/about @self_bot beep")
            [heard] = await bot.heard()
            assert heard.message.author.is_bot
            assert heard.message.kind is Kind.COMMAND

    asyncio.run(scenario())


def test_edits_are_heard_as_edits(fake: FakeTelegram, state: Path) -> None:
    async def scenario() -> None:
        group, ann = fake.supergroup(), fake.user("Ann")
        async with running(fake, state) as bot:
            number = fake.say(group, ann, "helo")
            fake.edit(group, number, "hello")
            first, second = await bot.heard(2)
            assert (first.is_edit, second.is_edit) == (False, True)
            assert first.message.id == second.message.id
            assert second.message.text == "hello"
            assert second.message.edited_at is not None

    asyncio.run(scenario())


def test_reactions_are_summed_over_people(fake: FakeTelegram, state: Path) -> None:
    async def scenario() -> None:
        group, channel = fake.supergroup(), fake.channel()
        ann, bob = fake.user("Ann"), fake.user("Bob")
        async with running(fake, state) as bot:
            number = fake.say(group, ann, "look")
            fake.react(group, number, ann, "👍")
            fake.react(group, number, bob, "👍", "custom:5368324170671202286")
            fake.react(group, number, ann, "paid", before=("👍",))
            fake.count(channel, 7, {"🔥": 12})
            await bot.until(lambda: len(bot.events) == 5)
            found = [event.reactions for event in bot.events if isinstance(event, Reacted)]
            assert found == [
                (Reaction("👍"),),
                (Reaction("👍", 2), Reaction(":custom:")),
                (Reaction("👍"), Reaction(":custom:"), Reaction("⭐")),
                (Reaction("🔥", 12),),
            ]
            votes = [event.votes for event in bot.events if isinstance(event, Reacted)]
            who = f"telegram:user{ann.id}"
            assert votes[0] == (Vote(who, "👍"),)
            assert votes[2] == (Vote(who, "👍", is_taken_back=True), Vote(who, "⭐"))
            assert votes[3] == ()

    asyncio.run(scenario())


def test_commands_are_this_bots_alone(fake: FakeTelegram, state: Path) -> None:
    async def scenario() -> None:
        group, ann = fake.supergroup(), fake.user("Ann")
        async with running(fake, state) as bot:
            before = fake.say(group, ann, "hm")
            number = fake.say(group, ann, "/Mute@Self_Bot 2h 😀", reply_to=before)
            fake.say(group, ann, "/mute@other_bot 2h")
            fake.say(group, ann, "not /mute")
            fake.say(fake.private(ann), ann, "/start")
            await bot.until(lambda: len(bot.events) == 5)
            commands = [event for event in bot.events if isinstance(event, Commanded)]
            assert [(one.name, one.words) for one in commands] == [("mute", "2h 😀"), ("start", "")]
            assert commands[0].id == f"{key_of(group)}:{number}"
            assert commands[0].reply_to == f"{key_of(group)}:{before}"
            assert commands[0].account.key == f"user{ann.id}"

    asyncio.run(scenario())


def test_words_of_somebody_else_are_no_command_of_who_sends_them(
    fake: FakeTelegram, state: Path
) -> None:
    async def scenario() -> None:
        group, ann, evil = fake.supergroup(), fake.user("Ann"), fake.user("Evil", is_bot=True)
        origin = {"type": "hidden_user", "sender_user_name": "Mallory", "date": 1}
        async with running(fake, state) as bot:
            fake.say(group, ann, "/stop", extra={"forward_origin": origin})
            fake.say(group, ann, "/forget", extra={"via_bot": evil.json})
            number = fake.say(group, ann, "hm")
            fake.edit(group, number, "/stop")
            fake.anonymous(group, "/stop")
            await bot.until(lambda: len(bot.events) == 5)
            assert not any(isinstance(event, Commanded) for event in bot.events)

    asyncio.run(scenario())


def test_who_bears_the_number_of_a_group_is_not_taken_for_it(
    fake: FakeTelegram, state: Path
) -> None:
    async def scenario() -> None:
        group, ann, twin = fake.supergroup(id=7654321), fake.user("Ann"), fake.user("T", id=7654321)
        async with running(fake, state) as bot:
            fake.say(group, ann, "among us")
            fake.say(fake.private(twin), twin, "what is said there?")
            fake.say(fake.private(twin), twin, "/about")
            fake.say(group, ann, "still among us")
            await bot.until(lambda: len(bot.events) == 2)
            assert [one.message.text for one in bot.heards] == ["among us", "still among us"]
            await bot.platform.send(saying(group, "hi"))
            await bot.platform.notify(f"telegram:user{twin.id}", "for you alone")
            assert fake.texts(group) == ["hi"]

    asyncio.run(scenario())


def test_service_messages_are_nobodys_words(fake: FakeTelegram, state: Path) -> None:
    async def scenario() -> None:
        group, ann = fake.supergroup(), fake.user("Ann")
        async with running(fake, state) as bot:
            fake.notice(group, ann, new_chat_members=[fake.user("Bob").json])
            fake.notice(group, ann, new_chat_title="New")
            fake.notice(group, ann, left_chat_member=ann.json)
            fake.say(group, ann, "after")
            await bot.idle()
            assert [heard.message.text for heard in await bot.heard()] == ["after"]
            assert len(bot.events) == 1

    asyncio.run(scenario())


def test_a_group_that_moves_is_told_once_and_answered_there(
    fake: FakeTelegram, state: Path
) -> None:
    async def scenario() -> None:
        group, ann = fake.group("Small"), fake.user("Ann")
        async with running(fake, state) as bot:
            fake.say(group, ann, "hello")
            new = fake.migrate(group, ann)
            await bot.idle()
            sent = await bot.platform.send(saying(group, "hello there"))
            moved = [event for event in bot.events if isinstance(event, Moved)]
            assert [(one.old, one.new.id) for one in moved] == [(key_of(group), key_of(new))]
            assert sent.id.startswith(key_of(new))
        async with running(fake, state) as bot:  # still known after a restart
            assert (await bot.platform.send(saying(group, "again"))).id.startswith(key_of(new))
            assert bot.events == []

    asyncio.run(scenario())


def test_a_move_that_only_an_answer_tells_is_told_too(fake: FakeTelegram, state: Path) -> None:
    async def scenario() -> None:
        group, ann = fake.group("Small"), fake.user("Ann")
        async with running(fake, state) as bot:
            fake.say(group, ann, "hello")
            await bot.heard()
            group.migrated_to = fake.supergroup("Small").id
            sent = await bot.platform.send(saying(group, "hello there"))
            [moved] = [event for event in bot.events if isinstance(event, Moved)]
            assert sent.id.startswith(moved.new.id)

    asyncio.run(scenario())


def test_coming_and_going_is_told(fake: FakeTelegram, state: Path) -> None:
    async def scenario() -> None:
        group, ann = fake.supergroup(), fake.user("Ann")
        group.status = "left"
        async with running(fake, state) as bot:
            fake.status(group, ann, "member")
            fake.status(group, ann, "administrator")
            fake.status(group, ann, "restricted", can_send_messages=False)
            fake.status(group, ann, "member")
            fake.status(group, ann, "kicked")
            await bot.idle()
            told = [(type(event), getattr(event, "account", None)) for event in bot.events]
            by = Account("telegram", f"user{ann.id}", "Ann")
            assert told == [(Joined, by), (Parted, None), (Joined, by), (Parted, None)]

    asyncio.run(scenario())


def test_what_was_said_while_away_is_caught_up_once(fake: FakeTelegram, state: Path) -> None:
    async def scenario() -> None:
        group, ann = fake.supergroup(), fake.user("Ann")
        early = int(datetime(2026, 1, 2, tzinfo=UTC).timestamp())
        for number in range(250):
            fake.say(group, ann, f"message {number}", at=early)
        async with running(fake, state) as bot:
            heards = await bot.heard(250)
            assert all(heard.is_caught_up for heard in heards)
            assert [heard.message.text for heard in heards] == [f"message {n}" for n in range(250)]
            await bot.idle()
        async with running(fake, state) as bot:
            fake.say(group, ann, "now")
            assert [heard.is_caught_up for heard in await bot.heard()] == [False]

    asyncio.run(scenario())


@pytest.mark.parametrize("text", ["👍🏽", "ไทย", "مرحبا", "@", "/", "@self_bot", "a" * 4096])
def test_text_of_any_script_is_heard_as_it_is(fake: FakeTelegram, state: Path, text: str) -> None:
    async def scenario() -> None:
        async with running(fake, state) as bot:
            fake.say(fake.supergroup(), fake.user("Ann"), text)
            [event] = await bot.until(lambda: bot.events)
            assert isinstance(event, Heard)
            assert event.message.text == text

    asyncio.run(scenario())
