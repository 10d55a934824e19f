"""What happens in the fake Discord by the hands of tests: people, places, messages, presses."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

from tests.discord_fake.gateway import (
    DIRECT_MESSAGES,
    DIRECT_REACTIONS,
    GUILD_MESSAGES,
    GUILD_REACTIONS,
    GUILDS,
    Gateway,
)
from tests.discord_fake.rest import Asked, Rest, Sent
from tests.discord_fake.world import DM, TEXT, THREAD, VIEW_AND_SEND, Payload, World

Result = TypeVar("Result")


class Stage(ABC):
    """Changes the world and tells the gateway; every method may be called from any thread."""

    world: World
    gateway: Gateway
    rest: Rest

    @abstractmethod
    def _do(self, action: Callable[[], Result]) -> Result:
        """Run ``action`` on the server's own thread and wait for it."""

    @property
    def me(self) -> str:
        """The id of the bot's user."""
        return str(self.world.me["id"])

    def guild(self, name: str) -> str:
        """A server; the bot joins it, also while it runs."""

        def make() -> str:
            guild = str(self.world.add_guild(name)["id"])
            self.gateway.dispatch("GUILD_CREATE", self._joined(guild), GUILDS)
            return guild

        return self._do(make)

    def _joined(self, guild: str) -> Payload:
        payload = self.world.guild_payload(guild)
        del payload["unavailable"]
        return payload

    def kick(self, guild: str) -> None:
        """The bot is removed from a server."""

        def remove() -> None:
            del self.world.guilds[guild]
            self.gateway.dispatch("GUILD_DELETE", {"id": guild}, GUILDS)

        self._do(remove)

    def channel(self, guild: str, name: str, kind: int = TEXT) -> str:
        """A channel (``world.VOICE``, ``world.FORUM`` for others than text)."""

        def make() -> str:
            channel = self.world.add_channel(guild, name, kind)
            self.gateway.dispatch("CHANNEL_CREATE", channel, GUILDS)
            return str(channel["id"])

        return self._do(make)

    def thread(self, parent: str, name: str, *, is_told: bool = True) -> str:
        """A thread, or a post of a forum; ``is_told`` is false where the gateway keeps silent."""

        def make() -> str:
            guild = self.world.guild_of(parent)
            thread = self.world.add_channel(guild, name, THREAD, parent)
            if is_told:
                self.gateway.dispatch("THREAD_CREATE", thread | {"newly_created": True}, GUILDS)
            return str(thread["id"])

        return self._do(make)

    def archive(self, thread: str) -> None:
        """A thread is put away; servers no longer list it."""

        def put_away() -> None:
            self.world.channels[thread]["thread_metadata"]["archived"] = True
            self.gateway.dispatch("THREAD_UPDATE", self.world.channels[thread], GUILDS)

        self._do(put_away)

    def delete_channel(self, channel: str) -> None:
        """A channel or thread is gone."""

        def delete() -> None:
            gone = self.world.channels.pop(channel)
            event = "THREAD_DELETE" if gone["type"] == THREAD else "CHANNEL_DELETE"
            self.gateway.dispatch(event, gone, GUILDS)

        self._do(delete)

    def user(
        self,
        name: str,
        *,
        guild: str | None = None,
        shown: str | None = None,
        nick: str | None = None,
        is_bot: bool = False,
    ) -> str:
        """A user, member of ``guild``; ``shown`` is the global name, ``nick`` the server's."""

        def make() -> str:
            user = str(self.world.add_user(name, shown=shown, is_bot=is_bot)["id"])
            if guild is not None:
                self.world.add_member(guild, user, nick)
            return user

        return self._do(make)

    def direct(self, user: str) -> str:
        """The direct chat between the bot and somebody."""
        return self._do(lambda: str(self.world.direct_chat(user)["id"]))

    def emoji(self, guild: str, name: str) -> str:
        """A server's own emoji, as ``<:name:id>``."""

        def make() -> str:
            key = self.world.snowflake()
            emoji = {"id": key, "name": name, "roles": [], "require_colons": True}
            emoji |= {"managed": False, "animated": False, "available": True}
            self.world.guilds[guild]["emojis"].append(emoji)
            told = {"guild_id": guild, "emojis": self.world.guilds[guild]["emojis"]}
            self.gateway.dispatch("GUILD_EMOJIS_UPDATE", told)
            return f"<:{name}:{key}>"

        return self._do(make)

    def forbid(self, channel: str) -> None:
        """The bot may no longer see a channel or write there."""
        self._set_rights(channel, is_forbidden=True)

    def permit(self, channel: str) -> None:
        """The bot may see a channel and write there again."""
        self._set_rights(channel, is_forbidden=False)

    def _set_rights(self, channel: str, *, is_forbidden: bool) -> None:
        def change() -> None:
            told = self.world.channels[channel]
            mask = str(VIEW_AND_SEND if is_forbidden else 0)
            overwrite = {"id": told["guild_id"], "type": 0, "allow": "0", "deny": mask}
            told["permission_overwrites"] = [overwrite]
            (self.world.forbidden.add if is_forbidden else self.world.forbidden.discard)(channel)
            self.gateway.dispatch("CHANNEL_UPDATE", told, GUILDS)

        self._do(change)

    # What people do

    def say(
        self,
        channel: str,
        user: str,
        text: str,
        reply_to: str | None = None,
        *,
        at: datetime | None = None,
        pings: bool = True,
        **more: Any,
    ) -> str:
        """Somebody says ``text``; ``more`` are fields of the API's message.

        ``pings`` is whether a reply notifies whom it answers. Returns the id.
        """

        def speak() -> str:
            fields: Payload = dict(more)
            if at is not None:
                fields["at"] = at
            if reply_to is not None:
                answered = self.world.messages[channel].get(reply_to)
                reference = {"type": 0, "channel_id": channel, "message_id": reply_to}
                fields |= {"type": 19, "message_reference": reference, "pings_answered": pings}
                fields["referenced_message"] = answered
            message = self.world.new_message(channel, user, text, **fields)
            self.gateway.dispatch("MESSAGE_CREATE", message, self._intent(channel))
            return str(message["id"])

        return self._do(speak)

    def _intent(self, channel: str) -> int:
        is_direct = self.world.channels[channel]["type"] == DM
        return DIRECT_MESSAGES if is_direct else GUILD_MESSAGES

    def edit(self, channel: str, message: str, text: str | None = None, **more: Any) -> None:
        """A message is changed: with ``text`` by its author, without by Discord itself."""

        def change() -> None:
            found = self.world.messages[channel][message]
            found |= more
            if text is not None:
                found |= {"content": text, "edited_timestamp": datetime.now(UTC).isoformat()}
            self.gateway.dispatch("MESSAGE_UPDATE", found, self._intent(channel))

        self._do(change)

    def delete(self, channel: str, *messages: str) -> None:
        """Messages are deleted, many at once where there are many."""

        def remove() -> None:
            for message in messages:
                self.world.messages[channel].pop(message, None)
            told: Payload = {"channel_id": channel}
            if guild := self.world.guild_of(channel):
                told["guild_id"] = guild
            if len(messages) == 1:
                told["id"] = messages[0]
                self.gateway.dispatch("MESSAGE_DELETE", told, self._intent(channel))
            else:
                told["ids"] = list(messages)
                self.gateway.dispatch("MESSAGE_DELETE_BULK", told, self._intent(channel))

        self._do(remove)

    def react(
        self, channel: str, message: str, user: str, emoji: str, *, takes_back: bool = False
    ) -> None:
        """Somebody reacts; ``emoji`` is itself or ``<:name:id>``."""

        def change() -> None:
            partial = _partial_emoji(emoji)
            self.world.react(channel, message, user, partial, -1 if takes_back else 1)
            event = "MESSAGE_REACTION_REMOVE" if takes_back else "MESSAGE_REACTION_ADD"
            told = self._of_reaction(channel, message) | {"user_id": user, "emoji": partial}
            told |= {"burst": False, "type": 0}
            self.gateway.dispatch(event, told, self._reaction_intent(channel))

        self._do(change)

    def clear_reactions(self, channel: str, message: str) -> None:
        """A moderator takes all reactions away."""

        def clear() -> None:
            self.world.messages[channel][message]["reactions"] = []
            told = self._of_reaction(channel, message)
            intent = self._reaction_intent(channel)
            self.gateway.dispatch("MESSAGE_REACTION_REMOVE_ALL", told, intent)

        self._do(clear)

    def _of_reaction(self, channel: str, message: str) -> Payload:
        told: Payload = {"channel_id": channel, "message_id": message}
        guild = self.world.guild_of(channel)
        return told | ({"guild_id": guild} if guild else {})

    def _reaction_intent(self, channel: str) -> int:
        is_direct = self.world.channels[channel]["type"] == DM
        return DIRECT_REACTIONS if is_direct else GUILD_REACTIONS

    def slash(self, channel: str, user: str, name: str, words: str = "") -> Asked:
        """Somebody chooses a command from the menu; it must have been offered."""
        known = next((command for command in self.world.commands if command["name"] == name), None)
        if known is None:
            raise LookupError(f"/{name} was never offered")
        data: Payload = {"id": known["id"], "name": name, "type": 1}
        if words:
            data["options"] = [{"name": "words", "type": 3, "value": words}]
        return self._do(lambda: self._interact(channel, user, 2, data))

    def press(self, user: str, sent: Sent, label: str) -> Asked:
        """Somebody presses the button with this label under a message of the bot."""
        buttons = [button for row in sent.components for button in row["components"]]
        custom_id = next(button["custom_id"] for button in buttons if button["label"] == label)
        data = {"custom_id": custom_id, "component_type": 2}

        def make() -> Asked:
            message = self.world.messages.get(sent.channel, {}).get(sent.id)
            return self._interact(sent.channel, user, 3, data, message)

        return self._do(make)

    def _interact(
        self, channel: str, user: str, kind: int, data: Payload, message: Payload | None = None
    ) -> Asked:
        key, guild = self.world.snowflake(), self.world.guild_of(channel)
        asked = Asked(key, f"token{key}", channel, time.time())
        self.rest.asked[key] = asked
        told: Payload = {"id": key, "application_id": self.me, "type": kind, "data": data}
        told |= {"token": asked.token, "version": 1, "channel_id": channel, "locale": "en-US"}
        told |= {"channel": self.world.channels[channel], "attachment_size_limit": 10_000_000}
        told |= {"entitlements": [], "app_permissions": "0", "context": 0 if guild else 1}
        if message is not None:
            told["message"] = message
        if guild is None:
            told["user"] = self.world.users[user]
        else:
            member = self.world.member_payload(guild, user) | {"permissions": "0"}
            told |= {"guild_id": guild, "member": member}
        self.gateway.dispatch("INTERACTION_CREATE", told)
        return asked


def _partial_emoji(emoji: str) -> Payload:
    if not emoji.startswith("<"):
        return {"id": None, "name": emoji}
    _, name, key = emoji.strip("<>").split(":")
    return {"id": key, "name": name}
