"""What the fake Discord knows: users, servers, channels, messages, in the API's own shapes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from tests.discord_fake.content import users_in

Payload = dict[str, Any]
EPOCH_MILLIS = 1_420_070_400_000
TEXT, DM, VOICE, THREAD, FORUM = 0, 1, 2, 11, 15
EVERYTHING = str(0x7FFFFFFFFFFFF & ~0x8)
"""All rights but Administrator, which would make channels' own rules void."""
VIEW_AND_SEND = 0x400 | 0x800 | 0x10000
MESSAGE_CONTENT = 1 << 15
MAY_READ = 1 << 18 | 1 << 19
"""Application flags: message content granted, to a verified bot or to a small one."""


class World:
    """The state of the fake; changed by its own thread alone."""

    def __init__(self, token: str) -> None:
        self.token = token
        self._last = 0
        self.users: dict[str, Payload] = {}
        self.guilds: dict[str, Payload] = {}
        self.channels: dict[str, Payload] = {}
        self.messages: dict[str, dict[str, Payload]] = {}
        self.members: dict[tuple[str, str], Payload] = {}
        self.commands: list[Payload] = []
        self.forbidden: set[str] = set()
        self.flags = MAY_READ
        self.me = self.add_user("atself", is_bot=True)

    def snowflake(self, at: datetime | None = None) -> str:
        """A new id: the milliseconds since 2015, now or ``at``, and a number of its own."""
        now = time.time() if at is None else at.timestamp()
        wanted = (int(now * 1000) - EPOCH_MILLIS) << 22
        if at is None:
            wanted = self._last = max(wanted, self._last + 1)
        else:
            while any(str(wanted) in chat for chat in self.messages.values()):
                wanted += 1
        return str(wanted)

    def add_user(self, name: str, *, shown: str | None = None, is_bot: bool = False) -> Payload:
        """A user; ``shown`` is the global display name."""
        key = self.snowflake()
        self.users[key] = {
            "id": key,
            "username": name,
            "global_name": shown,
            "discriminator": "0",
            "avatar": None,
            "bot": is_bot,
        }
        return self.users[key]

    def add_guild(self, name: str) -> Payload:
        """A server in which everybody may do everything."""
        key = self.snowflake()
        everyone = {
            "id": key,
            "name": "@everyone",
            "permissions": EVERYTHING,
            "position": 0,
            "color": 0,
            "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None},
            "hoist": False,
            "managed": False,
            "mentionable": False,
            "flags": 0,
        }
        self.guilds[key] = {"id": key, "name": name, "roles": [everyone], "emojis": []}
        self.add_member(key, self.me["id"])
        return self.guilds[key]

    def add_member(self, guild: str, user: str, nick: str | None = None) -> None:
        """Somebody joins a server, under a name of their own there."""
        self.members[guild, user] = {
            "nick": nick,
            "roles": [],
            "joined_at": datetime.now(UTC).isoformat(),
            "deaf": False,
            "mute": False,
            "flags": 0,
            "avatar": None,
        }

    def add_channel(
        self, guild: str | None, name: str, kind: int = TEXT, parent: str | None = None
    ) -> Payload:
        """A channel, thread or (without ``guild``) direct chat."""
        key = self.snowflake()
        channel: Payload = {"id": key, "type": kind, "last_message_id": None, "flags": 0}
        if guild is not None:
            channel |= {"guild_id": guild, "name": name, "parent_id": parent, "position": 0}
            channel |= {"permission_overwrites": [], "topic": None, "nsfw": False}
        if kind == VOICE:
            channel |= {"bitrate": 64000, "user_limit": 0}
        if kind == THREAD:
            channel |= {"owner_id": self.me["id"], "message_count": 0, "member_count": 1}
            channel["thread_metadata"] = self._thread_metadata()
        self.channels[key] = channel
        self.messages[key] = {}
        return channel

    def _thread_metadata(self) -> Payload:
        now = datetime.now(UTC).isoformat()
        return {
            "archived": False,
            "auto_archive_duration": 1440,
            "archive_timestamp": now,
            "create_timestamp": now,
            "locked": False,
        }

    def direct_chat(self, user: str) -> Payload:
        """The direct chat of the bot with somebody, made where there is none."""
        for channel in self.channels.values():
            if channel["type"] == DM and channel["recipients"][0]["id"] == user:
                return channel
        channel = self.add_channel(None, "", DM)
        channel["recipients"] = [self.users[user]]
        return channel

    def guild_of(self, channel: str) -> str | None:
        """The server a channel is in."""
        found = self.channels[channel].get("guild_id")
        return str(found) if found else None

    def new_message(self, channel: str, author: str, content: str, **more: Any) -> Payload:
        """A message as the API keeps it; ``at`` is when it was sent."""
        key = self.snowflake(more.pop("at", None))
        sent = datetime.fromtimestamp(((int(key) >> 22) + EPOCH_MILLIS) / 1000, UTC)
        mentioned = [user for user in users_in(content) if user in self.users]
        answered = more.get("referenced_message")
        if answered and more.pop("pings_answered", True):
            mentioned = list(dict.fromkeys([*mentioned, answered["author"]["id"]]))
        message: Payload = {
            "id": key,
            "channel_id": channel,
            "author": self.users[author],
            "content": content,
            "timestamp": sent.isoformat(),
            "edited_timestamp": None,
            "tts": False,
            "mention_everyone": False,
            "mentions": [self.users[user] for user in mentioned],
            "mention_roles": [],
            "attachments": [],
            "embeds": [],
            "pinned": False,
            "type": 0,
            "flags": 0,
            "components": [],
        } | {name: value for name, value in more.items() if value is not None}
        message.pop("pings_answered", None)
        self.messages[channel][key] = message
        self.channels[channel]["last_message_id"] = key
        return message

    def told(self, message: Payload, *, may_read: bool) -> Payload:
        """A message as the gateway tells it: with the author's membership, or without its content.

        Content is kept from who may not read it, but for direct chats and what mentions the bot.
        """
        guild = self.guild_of(message["channel_id"])
        if guild is None:
            return dict(message)
        told = message | {"guild_id": guild}
        member = self.members.get((guild, message["author"]["id"]))
        if member is not None and "webhook_id" not in message:
            told["member"] = member
        told["mentions"] = [
            user
            | (
                {"member": self.members[guild, user["id"]]}
                if (guild, user["id"]) in self.members
                else {}
            )
            for user in message["mentions"]
        ]
        is_ours = message["author"]["id"] == self.me["id"] or self.me in message["mentions"]
        if not may_read and not is_ours:
            told |= {"content": "", "attachments": [], "embeds": [], "components": []}
            told.pop("poll", None)
        return told

    def guild_payload(self, guild: str) -> Payload:
        """What GUILD_CREATE tells."""
        inside = [channel for channel in self.channels.values() if channel.get("guild_id") == guild]
        threads = [channel for channel in inside if channel["type"] == THREAD]
        is_open = [thread for thread in threads if not thread["thread_metadata"]["archived"]]
        return self.guilds[guild] | {
            "channels": [channel for channel in inside if channel["type"] != THREAD],
            "threads": is_open,
            "members": [self.member_payload(guild, self.me["id"])],
            "member_count": sum(key[0] == guild for key in self.members),
            "owner_id": self.me["id"] if guild == "" else "1",
            "large": False,
            "unavailable": False,
            "joined_at": datetime.now(UTC).isoformat(),
            "stickers": [],
            "voice_states": [],
            "presences": [],
            "stage_instances": [],
            "guild_scheduled_events": [],
            "soundboard_sounds": [],
            "features": [],
            "premium_tier": 0,
            "verification_level": 0,
            "default_message_notifications": 0,
            "explicit_content_filter": 0,
            "mfa_level": 0,
            "nsfw_level": 0,
            "preferred_locale": "en-US",
            "afk_timeout": 300,
            "system_channel_flags": 0,
            "premium_progress_bar_enabled": False,
        }

    def member_payload(self, guild: str, user: str) -> Payload:
        """A member with its user."""
        return self.members[guild, user] | {"user": self.users[user]}

    def history(
        self, channel: str, limit: int, before: str | None, after: str | None
    ) -> list[Payload]:
        """A page, newest first, as the API gives it: after the oldest or before the newest."""
        ids = sorted(map(int, self.messages[channel]))
        if after is not None:
            picked = [key for key in ids if key > int(after)][:limit]
        else:
            picked = [key for key in ids if before is None or key < int(before)][-limit:]
        return [self.stored(channel, str(key)) for key in reversed(picked)]

    def stored(self, channel: str, key: str) -> Payload:
        """A message as REST tells it: without its nonce."""
        return {
            name: value for name, value in self.messages[channel][key].items() if name != "nonce"
        }

    def react(self, channel: str, key: str, user: str, emoji: Payload, by: int) -> None:
        """Somebody adds (1) or takes back (-1) a reaction."""
        reactions = self.messages[channel][key].setdefault("reactions", [])
        found = next((known for known in reactions if known["emoji"] == emoji), None)
        if found is None:
            found = {"emoji": emoji, "count": 0, "me": False, "me_burst": False}
            found |= {"burst_colors": [], "count_details": {"normal": 0, "burst": 0}}
            reactions.append(found)
        found["count"] += by
        found["count_details"]["normal"] += by
        found["me"] = found["me"] or (by > 0 and user == self.me["id"])
        reactions[:] = [known for known in reactions if known["count"] > 0]

    def each_guild(self) -> Iterator[Payload]:
        """What GUILD_CREATE tells of each server."""
        return (self.guild_payload(guild) for guild in self.guilds)
