"""The same conversation heard live and read from Telegram Desktop's export is the same messages.

What differs, and is left as it is: live it is known which accounts are bots; reactions come as
events of their own; service notices are events or nothing. Only supergroups and channels number
their messages for everybody alike: the ids of a basic group's and a private chat's messages are
each account's own, so those are not found again in an export.
"""

from __future__ import annotations

import asyncio
import io
import json
from dataclasses import replace
from datetime import UTC
from pathlib import Path
from typing import Any

from ingest.chat import RawMessage
from ingest.parsers.base import Reading
from ingest.parsers.telegram import claims, parse
from tests.bot.telegram.conftest import running
from tests.telegram_fake import Chat, FakeTelegram, User, media

ABSENT = "(File not included. Change data exporting settings to download.)"
START = 1_772_000_000


class Told:
    """One conversation told twice: to the fake server and as rows of an export."""

    def __init__(self, fake: FakeTelegram, chat: Chat, kind: str) -> None:
        self.fake, self.chat, self.kind = fake, chat, kind
        self.rows: list[dict[str, Any]] = []
        self.at = START

    def say(self, user: User | None, text: Any, row: dict[str, Any], **live: Any) -> int:
        """``text`` is as the export has it: a string, or parts."""
        self.at += 61
        plain = text if isinstance(text, str) else "".join(map(_plain, text))
        number = self.fake.say(self.chat, user, plain, at=self.at, **live)
        name = " ".join(filter(None, (user.first_name, user.last_name))) if user else ""
        author = {"from": name, "from_id": f"user{user.id}"} if user else {}
        head = {"id": number, "type": "message", "date": "2026-01-01T00:00:00"}
        head |= {"date_unixtime": str(self.at), **author, "text": text}
        self.rows.append(head | row)
        return number

    def export(self) -> list[RawMessage]:
        """What the reader of exports makes of it."""
        bare = int(str(-self.chat.id).removeprefix("100"))
        head = {"name": self.chat.title, "type": self.kind, "id": bare}
        raw = json.dumps(head | {"messages": self.rows}, ensure_ascii=False).encode()
        assert claims(raw)
        found = parse(Reading(io.BufferedReader(io.BytesIO(raw)), "result.json", UTC))
        return [message for message in found if isinstance(message, RawMessage)]


def _plain(part: str | dict[str, Any]) -> str:
    return part if isinstance(part, str) else str(part["text"])


def tell_group(told: Told) -> None:
    """A supergroup with everything people send."""
    fake = told.fake
    ann = fake.user("Ann", "Lee", username="annlee")
    bob = fake.user("波波")
    first = told.say(ann, "早上好 😀 everyone", {})
    told.say(bob, "hi", {"reply_to_message_id": first}, reply_to=first)
    told.say(bob, "lost", {"reply_to_message_id": 777_777}, reply_to=777_777)
    told.say(
        ann,
        ["😀 ", {"type": "mention", "text": "@bob_b"}, " and ", _named("Bo", bob), "?"],
        {},
        entities=[
            {"type": "mention", "offset": 3, "length": 6},
            {"type": "text_mention", "offset": 14, "length": 2, "user": bob.json},
        ],
    )
    told.say(ann, "/start@some_bot now", {})
    quote = {"quote": {"text": "早上", "position": 0}}
    told.say(bob, "that", {"reply_to_message_id": first}, reply_to=first, extra=quote)
    edited = {"edit_date": told.at + 90}
    told.say(ann, "edited", {"edited_unixtime": str(told.at + 90)}, extra=edited)
    tell_media(told, ann)
    tell_forwards(told, ann, bob)


def _named(text: str, user: User) -> dict[str, Any]:
    return {"type": "mention_name", "text": text, "user_id": user.id}


def tell_media(told: Told, ann: User) -> None:
    """One of each kind, some with captions."""
    file = {"file": ABSENT}
    typed: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
        ("look at [this]", {"photo": ABSENT, "width": 900}, media.photo()),
        ("", {"photo": ABSENT}, media.photo()),
        ("", file | {"media_type": "sticker", "sticker_emoji": "😂"}, media.sticker("😂")),
        ("", file | {"media_type": "voice_message", "duration_seconds": 7}, media.voice(7)),
        ("", file | {"media_type": "video_message", "duration_seconds": 61}, media.video_note(61)),
        ("clip", file | {"media_type": "video_file", "duration_seconds": 9}, media.video(9)),
        ("", file | {"media_type": "audio_file", "duration_seconds": 183}, media.audio(183)),
        ("", file | {"media_type": "animation", "duration_seconds": 3}, media.animation(3)),
        ("", file | {"file_name": "notes.pdf"}, media.document("notes.pdf")),
        ("", {"location_information": {"latitude": 1, "longitude": 2}}, media.location()),
        ("", {"place_name": "Café", "location_information": {}}, media.venue("Café")),
        ("", {"contact_information": {"first_name": "Ann"}}, media.contact()),
        ("", {"poll": {"question": "tea or coffee?", "answers": []}}, media.poll("tea or coffee?")),
        ("", {"dice": {"emoji": "🎲", "value": 4}}, media.dice(4)),
        ("", {"game_title": "Chess"}, media.game("Chess")),
        ("", {"invoice_information": {"title": "Tea"}}, media.invoice("Tea")),
    ]
    for text, row, live in typed:
        told.say(ann, text, row, media=live)


def tell_forwards(told: Told, ann: User, bob: User) -> None:
    """Forwards, anonymous admins, posts of a linked channel."""
    channel = told.fake.channel("News", id=1_777_000_000)
    date = {"date": START}
    for name, origin in (
        ("波波", {"type": "user", "sender_user": bob.json}),
        ("Hidden One", {"type": "hidden_user", "sender_user_name": "Hidden One"}),
        ("News", {"type": "channel", "chat": channel.json, "message_id": 5}),
        (told.chat.title, {"type": "chat", "sender_chat": told.chat.json}),
    ):
        told.say(ann, "read", {"forwarded_from": name}, extra={"forward_origin": origin | date})
    bare = str(-told.chat.id).removeprefix("100")
    as_group = {"from": told.chat.title, "from_id": f"channel{bare}"}
    told.say(None, "the admins say", as_group, sender=told.chat)
    as_channel = {"from": "News", "from_id": "channel1777000000"}
    told.say(None, "as a channel", as_channel, sender=channel)


def tell_channel(told: Told) -> None:
    """Posts of a channel, signed and not."""
    bare = str(-told.chat.id).removeprefix("100")
    row = {"from": told.chat.title, "from_id": f"channel{bare}"}
    told.say(None, "a post", row, sender=told.chat)
    signed = {"author_signature": "Ann Lee"}
    told.say(None, "signed", row | {"author": "Ann Lee"}, sender=told.chat, extra=signed)


def heard_live(told: Told, fake: FakeTelegram, state: Path) -> list[RawMessage]:
    """What the bot hears of it."""

    async def scenario() -> list[RawMessage]:
        async with running(fake, state) as bot:
            heards = await bot.heard(len(told.rows))
            return [heard.message for heard in heards]

    return asyncio.run(scenario())


def test_a_supergroup_heard_live_is_the_one_exported(fake: FakeTelegram, state: Path) -> None:
    told = Told(fake, fake.supergroup("朋友 Friends", id=1234567890), "private_supergroup")
    tell_group(told)
    live, exported = heard_live(told, fake, state), told.export()
    assert len(exported) == len(told.rows) == 29
    for one, other in zip(live, exported, strict=True):
        assert one == replace(other, line=None)


def test_a_channel_heard_live_is_the_one_exported(fake: FakeTelegram, state: Path) -> None:
    told = Told(fake, fake.channel("News", id=1999999999), "public_channel")
    tell_channel(told)
    assert heard_live(told, fake, state) == told.export()


def test_a_forum_heard_live_is_the_one_exported(fake: FakeTelegram, state: Path) -> None:
    forum, ann = fake.supergroup("Forum", is_forum=True), fake.user("Ann")
    told = Told(fake, forum, "private_supergroup")
    topic = fake.topic(forum, "Cooking", ann)
    made = {"id": topic, "type": "service", "action": "topic_created", "title": "Cooking"}
    told.rows.append(made | {"date_unixtime": str(START), "date": "2026-01-01T00:00:00"})
    first = told.say(ann, "soup", {"reply_to_message_id": topic}, topic=topic)
    told.say(ann, "nice", {"reply_to_message_id": first}, topic=topic, reply_to=first)
    exported = told.export()

    async def scenario() -> None:
        async with running(fake, state) as bot:
            heards = await bot.heard(2)
            assert [heard.message for heard in heards] == exported
            assert [message.reply_to for message in exported] == [
                None,
                f"{exported[0].chat.id}:{first}",
            ]

    asyncio.run(scenario())
