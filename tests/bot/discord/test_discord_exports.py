"""One conversation, heard live and exported with DiscordChatExporter, is one conversation."""

from __future__ import annotations

import asyncio
import io
import json
from dataclasses import replace
from datetime import UTC
from typing import Any

from bot.platforms.base import Heard
from ingest.chat import Attachment, RawMessage
from ingest.parsers.base import Reading, Skipped
from ingest.parsers.discord_json import parse
from tests.bot.discord.conftest import Garden
from tests.discord_fake.running import running
from tests.discord_fake.server import FakeDiscord

KINDS = {0: "Default", 6: "ChannelPinnedMessage", 7: "GuildMemberJoin", 19: "Reply", 20: "20"}
FILE = {"size": 3, "proxy_url": "https://media.example/x"}


def tell(garden: Garden) -> None:
    """Some of everything people send."""
    fake, channel, ann, bo = garden.fake, garden.channel, garden.ann, garden.bo
    pog = fake.emoji(garden.guild, "pog")
    first = fake.say(channel, ann, "morning 早上好 👩‍👩‍👧")
    fake.say(channel, bo, f"hi <@{ann}> and <@!{fake.me}> in <#{channel}> {pog}", first)
    fake.say(channel, bo, "quiet answer", first, pings=False)
    fake.say(channel, ann, "", type=7)
    fake.say(channel, ann, "", attachments=[file("cat.png"), file("notes.pdf"), file("a.gif")])
    fake.say(channel, ann, "listen", attachments=[file("voice-message.ogg")])
    sticker = {"id": fake.world.snowflake(), "name": "Wave", "format_type": 1}
    fake.say(channel, bo, "", sticker_items=[sticker])
    fake.say(channel, bo, "", poll=poll("Lunch?"))
    other = fake.user("helper", guild=garden.guild, is_bot=True)
    fields = [{"name": "Score", "value": "3", "inline": False}]
    box = {"type": "rich", "title": "News", "description": f"for <@{ann}>", "fields": fields}
    fake.say(channel, other, "", embeds=[box])
    fake.say(channel, bo, "with a hook", webhook_id=fake.world.snowflake())
    forward(garden, first)
    fake.say(channel, ann, "@everyone <@&" + garden.guild + "> **bold** _x_ `code`\nline")
    edited = fake.say(channel, ann, "helo")
    fake.edit(channel, edited, "hello")
    fake.say(channel, bo, "/roll 2d6")


def file(name: str) -> dict[str, Any]:
    return FILE | {"id": "1", "filename": name, "url": f"https://cdn.example/1/2/{name}"}


def poll(question: str) -> dict[str, Any]:
    answers = [{"answer_id": 1, "poll_media": {"text": "Yes"}}]
    return {
        "question": {"text": question},
        "answers": answers,
        "expiry": "2030-01-01T00:00:00+00:00",
        "allow_multiselect": False,
        "layout_type": 1,
    }


def forward(garden: Garden, message: str) -> None:
    stored = garden.fake.world.messages[garden.channel][message]
    snapshot = {name: stored[name] for name in ("content", "embeds", "timestamp", "type", "flags")}
    snapshot |= {"edited_timestamp": None, "attachments": [file("old.png")], "components": []}
    reference = {"type": 1, "message_id": message, "channel_id": "1", "guild_id": garden.guild}
    garden.fake.say(
        garden.channel,
        garden.ann,
        "",
        message_reference=reference,
        message_snapshots=[{"message": snapshot}],
    )


def exported(garden: Garden) -> bytes:
    """The channel as DiscordChatExporter writes it (JsonMessageWriter), from the fake's state."""
    fake = garden.fake
    found = fake.world.messages[garden.channel].values()
    told = {
        "guild": {"id": garden.guild, "name": "garden"},
        "channel": {"id": garden.channel, "type": "GuildTextChat", "name": "general"},
        "messages": [exported_message(fake, garden, message) for message in found],
    }
    return json.dumps(told, ensure_ascii=False).encode()


def exported_message(fake: FakeDiscord, garden: Garden, message: dict[str, Any]) -> dict[str, Any]:
    told = {
        "id": message["id"],
        "type": KINDS[message["type"]],
        "timestamp": message["timestamp"],
        "timestampEdited": message["edited_timestamp"],
        "content": spelled(fake, garden, message["content"]),
        "author": user(fake, garden, message["author"], is_hook="webhook_id" in message),
        "attachments": [
            {"url": item["url"], "fileName": item["filename"]} for item in message["attachments"]
        ],
        "embeds": [embed(fake, garden, box) for box in message["embeds"]],
        "stickers": [
            {"name": item["name"], "sourceUrl": "x"} for item in message.get("sticker_items", ())
        ],
        "reactions": [],
        "mentions": [user(fake, garden, person) for person in message["mentions"]],
    }
    if "poll" in message:
        told["poll"] = {"question": message["poll"]["question"]}
    reference = message.get("message_reference")
    if reference:
        told["reference"] = {
            "type": "Forward" if reference["type"] else "Default",
            "messageId": reference["message_id"],
            "channelId": reference["channel_id"],
        }
    if "message_snapshots" in message:
        snapshot = message["message_snapshots"][0]["message"]
        told["forwardedMessage"] = {
            "content": snapshot["content"],
            "attachments": [
                {"url": item["url"], "fileName": item["filename"]}
                for item in snapshot["attachments"]
            ],
        }
    return told


def embed(fake: FakeDiscord, garden: Garden, box: dict[str, Any]) -> dict[str, Any]:
    return {
        "title": box["title"],
        "description": spelled(fake, garden, box["description"]),
        "fields": box["fields"],
    }


def user(
    fake: FakeDiscord, garden: Garden, person: dict[str, Any], *, is_hook: bool = False
) -> dict[str, Any]:
    member = fake.world.members.get((garden.guild, person["id"]), {})
    shown = member.get("nick") or person["global_name"] or person["username"]
    is_bot = person["bot"] or is_hook
    return {"id": person["id"], "name": person["username"], "nickname": shown, "isBot": is_bot}


def spelled(fake: FakeDiscord, garden: Garden, text: str) -> str:
    """Mentions and emoji by name, as the exporter's plain text has them."""
    for person in fake.world.users.values():
        name = user(fake, garden, person)["nickname"]
        for markup in (f"<@{person['id']}>", f"<@!{person['id']}>"):
            text = text.replace(markup, f"@{name}")
    for emoji in fake.world.guilds[garden.guild]["emojis"]:
        text = text.replace(f"<:{emoji['name']}:{emoji['id']}>", f":{emoji['name']}:")
    return text.replace(f"<#{garden.channel}>", "#general").replace(
        f"<@&{garden.guild}>", "@@everyone"
    )


def known(message: RawMessage) -> RawMessage:
    """The message but for the addresses of stickers, which only the export has made up here."""
    files = tuple(
        Attachment(item.kind, item.label, "" if item.kind == "sticker" else item.file)
        for item in message.attachments
    )
    return replace(message, attachments=files)


def test_heard_and_exported_messages_are_the_same(garden: Garden) -> None:
    async def scene() -> dict[str, RawMessage]:
        async with running(garden.fake, garden.state) as run:
            tell(garden)
            await run.next(Heard, 14)
            return {heard.message.id: known(heard.message) for heard in run.of(Heard)}

    heard = asyncio.run(scene())
    found = list(parse(Reading(io.BytesIO(exported(garden)), "x.json", UTC)))
    messages = {m.id: known(m) for m in found if isinstance(m, RawMessage)}
    assert [item.reason for item in found if isinstance(item, Skipped)] == ["service notice"]
    assert heard.keys() == messages.keys()
    for key, message in messages.items():
        assert heard[key] == message


def test_what_is_read_back_is_what_was_heard(garden: Garden) -> None:
    async def scene() -> tuple[dict[str, RawMessage], dict[str, RawMessage]]:
        fake = garden.fake
        async with running(fake, garden.state) as run:
            fake.say(garden.channel, garden.bo, "first")
            await run.next(Heard)
        async with running(fake, garden.state.with_name("other.sqlite")) as live:
            tell(garden)
            await live.next(Heard, 14)
        async with running(fake, garden.state) as back:
            await back.next(Heard, 13)
        return (
            {heard.message.id: heard.message for heard in live.of(Heard)},
            {heard.message.id: heard.message for heard in back.of(Heard)},
        )

    live, back = asyncio.run(scene())
    assert back == live
