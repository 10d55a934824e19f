"""What happens on Discord comes in as events: once, in order, under the archive's names."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from bot.platforms.base import Address, Deleted, Heard, Joined, Parted, Reacted
from ingest.chat import Kind as MessageKind
from ingest.chat import Reaction
from tests.bot.discord.conftest import Garden
from tests.discord_fake.running import running
from tests.discord_fake.world import FORUM


def test_a_message_comes_with_its_place_and_how_it_turns_to_the_bot(garden: Garden) -> None:
    async def scene() -> None:
        fake, channel = garden.fake, garden.channel
        async with running(fake, garden.state) as run:
            assert run.platform.account is not None
            assert (run.platform.account.key, run.platform.account.is_bot) == (fake.me, True)
            plain = fake.say(channel, garden.ann, "hello 你好")
            fake.say(channel, garden.bo, f"and <@{fake.me}>?")
            fake.say(channel, garden.bo, "to ann", plain)
            first, second, third = await run.next(Heard, 3)
        assert first.message.id == f"{garden.chat}:{plain}"
        assert (first.message.chat.title, first.message.author.name) == (
            "garden / general",
            "Annie",
        )
        assert first.places == (f"discord:{garden.guild}",)
        assert (first.address, first.is_edit, first.is_caught_up) == (Address.NONE, False, False)
        assert (second.address, second.message.text) == (Address.MENTION, "and @atself?")
        assert (third.address, third.message.reply_to) == (Address.NONE, first.message.id)

    asyncio.run(scene())


def test_replies_to_the_bot_and_direct_messages_are_addressed(garden: Garden) -> None:
    async def scene() -> None:
        fake = garden.fake
        async with running(fake, garden.state) as run:
            mine = fake.say(garden.channel, fake.me, "mine")
            fake.say(garden.channel, garden.ann, "quietly", mine, pings=False)
            fake.say(fake.direct(garden.bo), garden.bo, "psst")
            await run.next(Heard, 2)
            reply, private = sorted(
                run.of(Heard), key=lambda heard: heard.message.text, reverse=True
            )
        assert reply.address is Address.REPLY
        assert (private.address, private.message.chat.is_private) == (Address.PRIVATE, True)
        assert (private.message.chat.title, private.places) == ("Bo 博", ())
        assert all(heard.message.author.key != fake.me for heard in run.of(Heard))

    asyncio.run(scene())


def test_threads_and_forum_posts_are_chats_of_their_own(garden: Garden) -> None:
    async def scene() -> None:
        fake = garden.fake
        async with running(fake, garden.state) as run:
            forum = fake.channel(garden.guild, "questions", FORUM)
            thread, post = fake.thread(garden.channel, "aside"), fake.thread(forum, "why?")
            unseen = fake.thread(garden.channel, "never told", is_told=False)
            for place in (thread, post, unseen):
                fake.say(place, garden.ann, "in here")
            heard = {event.message.chat.id: event for event in await run.next(Heard, 3)}
        server = f"discord:{garden.guild}"
        assert heard[f"discord:{thread}"].places == (garden.chat, server)
        assert heard[f"discord:{post}"].places == (f"discord:{forum}", server)
        assert heard[f"discord:{unseen}"].places == (garden.chat, server)
        assert heard[f"discord:{unseen}"].message.chat.title == "garden / never told"

    asyncio.run(scene())


def test_edits_count_and_previews_do_not(garden: Garden) -> None:
    async def scene() -> None:
        fake, channel = garden.fake, garden.channel
        before = fake.say(channel, garden.ann, "before the bot came")
        async with running(fake, garden.state) as run:
            said = fake.say(channel, garden.ann, "helo")
            fake.edit(channel, said, embeds=[{"type": "link", "title": "a preview"}])
            fake.edit(channel, said, "hello")
            fake.edit(channel, before, "long before the bot came")
            fake.edit(channel, before, pinned=True)

            first, edited, late = await run.next(Heard, 3)
            fake.say(channel, garden.bo, "end")
            await run.next(Heard, 4)
        assert (edited.is_edit, edited.message.text) == (True, "hello")
        assert edited.message.id == first.message.id
        assert edited.message.edited_at is not None
        assert (late.is_edit, late.message.text) == (True, "long before the bot came")
        assert len(run.of(Heard)) == 4

    asyncio.run(scene())


def test_deletions_come_one_by_one_and_many_at_once(garden: Garden) -> None:
    async def scene() -> None:
        fake, channel = garden.fake, garden.channel
        old = fake.say(channel, garden.ann, "before the bot came")
        async with running(fake, garden.state) as run:
            said = [fake.say(channel, garden.ann, f"number {n}") for n in range(3)]
            fake.delete(channel, old)
            fake.delete(channel, *said)
            one, many = await run.next(Deleted, 2)
        assert one == Deleted(garden.chat, (f"{garden.chat}:{old}",), (f"discord:{garden.guild}",))
        assert many.messages == tuple(f"{garden.chat}:{key}" for key in said)

    asyncio.run(scene())


def test_reactions_are_told_as_they_stand(garden: Garden) -> None:
    async def scene() -> None:
        fake, channel = garden.fake, garden.channel
        old = fake.say(channel, garden.ann, "before the bot came")
        fake.react(channel, old, garden.bo, "🌊")
        pog = fake.emoji(garden.guild, "pog")
        async with running(fake, garden.state) as run:
            fake.react(channel, old, garden.ann, "🌊")
            (told,) = await run.next(Reacted, 1)
            assert told.reactions == (Reaction("🌊", 2),)
            assert [(vote.emoji, vote.is_taken_back) for vote in told.votes] == [("🌊", False)]
            assert told.votes[0].account.startswith("discord:")
            said = fake.say(channel, garden.ann, "fresh")
            fake.react(channel, said, garden.bo, pog)
            await fake.until(
                lambda: any(event.reactions == (Reaction(":pog:"),) for event in run.of(Reacted))
            )
            fake.react(channel, said, garden.bo, pog, takes_back=True)
            await fake.until(lambda: run.of(Reacted)[-1].reactions == ())
            assert run.of(Reacted)[-1].votes[-1].is_taken_back
            fake.clear_reactions(channel, old)
            await fake.until(lambda: run.of(Reacted)[-1].message == f"{garden.chat}:{old}")
            assert run.of(Reacted)[-1].reactions == ()

    asyncio.run(scene())


def test_bots_and_webhooks_are_marked_and_notices_are_nobodys_words(garden: Garden) -> None:
    async def scene() -> None:
        fake, channel = garden.fake, garden.channel
        other = fake.user("helper", guild=garden.guild, is_bot=True)
        async with running(fake, garden.state) as run:
            fake.say(channel, garden.ann, "", type=7)  # "Ann joined the server"
            fake.say(
                channel, other, "", embeds=[{"type": "rich", "title": "News", "description": "x"}]
            )
            fake.say(channel, garden.bo, "as a hook", webhook_id=fake.world.snowflake())
            boxed, hooked = await run.next(Heard, 2)
        assert (boxed.message.author.is_bot, boxed.message.text) == (True, "News\nx")
        assert (hooked.message.author.is_bot, hooked.message.text) == (True, "as a hook")

    asyncio.run(scene())


def test_doubled_and_swapped_events_are_one_conversation(garden: Garden) -> None:
    async def scene() -> None:
        fake, channel = garden.fake, garden.channel
        async with running(fake, garden.state) as run:
            fake.double(2)
            ids = [fake.say(channel, garden.ann, f"doubled {n}") for n in range(2)]
            fake.swap(1)
            swapped = fake.say(channel, garden.ann, "first, told second")
            fake.edit(channel, swapped, "first, told second, edited")
            fake.say(channel, garden.bo, "last")
            await fake.until(lambda: any(h.message.text == "last" for h in run.of(Heard)))
        new = [heard.message for heard in run.of(Heard) if not heard.is_edit]
        assert [message.id.rpartition(":")[2] for message in new[:2]] == ids
        texts = [message.text for message in new]
        assert texts == ["doubled 0", "doubled 1", "first, told second, edited", "last"]

    asyncio.run(scene())


def test_a_slow_hub_keeps_the_order_of_a_chat_and_holds_up_no_other(garden: Garden) -> None:
    async def scene() -> None:
        fake = garden.fake
        other = fake.channel(garden.guild, "other")
        async with running(fake, garden.state) as run:
            gate = asyncio.Event()

            async def slow(event: object) -> None:
                if isinstance(event, Heard) and event.message.text == "slow":
                    await gate.wait()
                run.events.append(event)  # type: ignore[arg-type]

            run.platform._current.post = slow  # type: ignore[union-attr]
            fake.say(garden.channel, garden.ann, "slow")
            for number in range(5):
                fake.say(garden.channel, garden.bo, str(number))
            fake.say(other, garden.bo, "elsewhere")
            await run.next(Heard, 1)
            gate.set()
            await run.next(Heard, 7)
        texts = [heard.message.text for heard in run.of(Heard)]
        assert texts == ["elsewhere", "slow", "0", "1", "2", "3", "4"]

    asyncio.run(scene())


def test_what_the_hub_could_not_take_is_offered_again(garden: Garden) -> None:
    async def scene() -> None:
        fake = garden.fake
        async with running(fake, garden.state) as run:
            failures = [OSError("disk full"), ValueError("a fault")]

            async def failing(event: object) -> None:
                if failures:
                    raise failures.pop()
                run.events.append(event)  # type: ignore[arg-type]

            run.platform._current.post = failing  # type: ignore[union-attr]
            fake.say(garden.channel, garden.ann, "kept")
            fake.say(garden.channel, garden.ann, "after it")
            heard = await run.next(Heard, 2)
        assert [event.message.text for event in heard] == ["kept", "after it"]

    asyncio.run(scene())


def test_joining_leaving_and_losing_the_right_to_speak_are_told(garden: Garden) -> None:
    async def scene() -> None:
        fake = garden.fake
        async with running(fake, garden.state) as run:
            (first,) = await run.next(Joined, 1)
            assert (first.chat.id, first.chat.title) == (f"discord:{garden.guild}", "garden")
            party = fake.guild("party")
            await run.next(Joined, 2)
            fake.kick(party)
            fake.forbid(garden.channel)
            await run.next(Parted, 2)
            fake.permit(garden.channel)
            joined = await run.next(Joined, 3)
            doomed = fake.channel(garden.guild, "doomed")
            fake.delete_channel(doomed)
            parted = await run.next(Parted, 3)
        assert {event.chat for event in parted} == {
            f"discord:{party}",
            garden.chat,
            f"discord:{doomed}",
        }
        assert (joined[-1].chat.id, joined[-1].places) == (
            garden.chat,
            (f"discord:{garden.guild}",),
        )

    asyncio.run(scene())


def test_a_server_joined_or_lost_while_away_is_told_at_the_next_start(garden: Garden) -> None:
    async def scene() -> None:
        fake = garden.fake
        async with running(fake, garden.state) as run:
            await run.next(Joined, 1)
        party = fake.guild("party")
        async with running(fake, garden.state) as run:
            (joined,) = await run.next(Joined, 1)
            assert joined.chat.id == f"discord:{party}"
        fake.kick(party)
        async with running(fake, garden.state) as run:
            assert (await run.next(Parted, 1))[0].chat == f"discord:{party}"
            assert not run.of(Joined)

    asyncio.run(scene())


def test_times_are_those_in_the_ids_and_commands_of_others_are_marked(garden: Garden) -> None:
    async def scene() -> None:
        fake = garden.fake
        async with running(fake, garden.state) as run:
            fake.say(garden.channel, garden.ann, "/roll 2d6")
            (heard,) = await run.next(Heard, 1)
        assert heard.message.kind is MessageKind.COMMAND
        assert heard.message.sent_at.utcoffset() == timedelta(0)

    asyncio.run(scene())
