"""A message as discord.py knows it, told as an export of the same channel tells it.

It is brought into the shape DiscordChatExporter writes, markup already spelled out as the exporter
spells it, and then read by the exporter's own parser: ids, accounts, titles, placeholders, replies
and what counts as a notice cannot drift apart. What differs: a time in markup (``<t:…>``) is in UTC
here and in the exporter's locale there; a mention of a user whom Discord does not tell is ``@id``
here and ``@Unknown`` there; addresses of attachments carry Discord's signature.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC
from typing import Any

import discord

from bot.platforms.base import Address
from ingest.chat import Account, Conversation, RawMessage, Reaction
from ingest.parsers import discord as exported
from ingest.parsers.base import Skipped
from ingest.parsers.discord_json import message_of

PREFIX = f"{exported.PLATFORM}:"
_COMMAND = discord.InteractionType.application_command.value


def chat_id(channel: int) -> str:
    """The archive's id of a channel, thread, direct chat or server."""
    return f"{PREFIX}{channel}"


def native_id(chat: str) -> int:
    """The last number in an id of the archive: of a chat its channel, of a message the message."""
    return int(chat.rpartition(":")[2])


def conversation_of(channel: Any, partner: Any = None) -> Conversation:
    """A channel as an export names it; ``partner`` is who writes in a direct chat."""
    guild = getattr(channel, "guild", None)
    if guild is not None:
        return exported.conversation(str(channel.id), channel.name, guild.name)
    partner = getattr(channel, "recipient", None) or partner
    title = partner.display_name if partner is not None else ""
    return exported.conversation(str(channel.id), title, is_private=True)


def places_of(channel: Any) -> tuple[str, ...]:
    """What encloses a channel: of a thread its channel, and the server."""
    guild = getattr(channel, "guild", None)
    around = (getattr(channel, "parent_id", None), getattr(guild, "id", None))
    return tuple(chat_id(place) for place in around if place)


def account_of(user: Any, *, is_bot: bool = False) -> Account:
    """A user or member under the name shown here."""
    return exported.account(user.id, user.display_name, is_bot=user.bot or is_bot)


Shown = Mapping[tuple[int, int], str]
"""What people were called lately, by server and user."""


def told(message: discord.Message, shown: Shown) -> RawMessage | None:
    """The message as an export tells it, None where it is nobody's words (a notice, nothing)."""
    chat = conversation_of(message.channel, message.author)
    found = message_of(as_exported(message, shown), chat, UTC)
    return None if isinstance(found, Skipped) else found


def reactions_of(message: discord.Message) -> tuple[Reaction, ...]:
    """All reactions under a message."""
    return tuple(
        exported.reaction(_emoji_name(reaction.emoji), reaction.count)
        for reaction in message.reactions
    )


def address_of(message: discord.Message, me: int, answered: int | None) -> Address:
    """How a message turns to the user ``me``; ``answered`` wrote what it replies to.

    A role that Discord made for the bot bears its name, and people pick it from the list.
    """
    if message.guild is None:
        return Address.PRIVATE
    if answered == me:
        return Address.REPLY
    own_role = getattr(message.guild, "self_role", None)
    is_meant = any(user.id == me for user in message.mentions) or (
        own_role is not None and own_role in message.role_mentions
    )
    return Address.MENTION if is_meant else Address.NONE


def names_in(message: discord.Message) -> Iterator[tuple[tuple[int, int], str]]:
    """Who a message shows to be called what in its server."""
    if message.guild is not None and message.webhook_id is None:
        for user in (message.author, *message.mentions):
            if isinstance(user, discord.Member):
                yield (message.guild.id, user.id), user.display_name


def users_in(message: discord.Message) -> set[int]:
    """Everybody whose name it takes to tell a message."""
    boxes = [box.description or "" for box in message.embeds]
    found = re.findall(r"<@!?(\d{15,20})>", "\n".join([message.content, *boxes]))
    users = [] if message.webhook_id else [message.author]
    return {*map(int, found), *(user.id for user in (*users, *message.mentions))}


def as_exported(message: discord.Message, shown: Shown) -> dict[str, Any]:
    """The object DiscordChatExporter writes for a message, as far as its parser reads it."""
    names = _names(message, shown)

    def display(user: Any) -> str:
        return _display(user, message.guild, shown)

    def spelled(text: str | None) -> str:
        return exported.readable(text or "", names)[0]

    told: dict[str, Any] = {
        "id": str(message.id),
        "type": str(message.type.value),
        "timestamp": message.created_at.isoformat(),
        "timestampEdited": message.edited_at.isoformat() if message.edited_at else None,
        "content": spelled(message.content),
        "author": _user(message.author, display, is_bot=message.webhook_id is not None),
        "attachments": _files(message.attachments),
        "stickers": _stickers(message.stickers),
        "embeds": [_embed(embed, spelled) for embed in message.embeds],
        "mentions": [_user(user, display) for user in message.mentions],
        "reactions": [
            {"emoji": {"name": _emoji_name(reaction.emoji)}, "count": reaction.count}
            for reaction in message.reactions
        ],
    }
    if message.poll is not None:
        told["poll"] = {"question": {"text": message.poll.question}}
    if message.interaction_metadata is not None and _is_command(message):
        told["interaction"] = {"id": str(message.interaction_metadata.id)}
    return told | _reference(message, spelled)


def _reference(message: discord.Message, spelled: Any) -> dict[str, Any]:
    reference = message.reference
    if reference is None:
        return {}
    is_forward = reference.type is discord.MessageReferenceType.forward
    told: dict[str, Any] = {
        "reference": {
            "type": "Forward" if is_forward else "Default",
            "messageId": str(reference.message_id or ""),
            "channelId": str(reference.channel_id),
        }
    }
    if message.message_snapshots:
        snapshot = message.message_snapshots[0]
        told["forwardedMessage"] = {
            "content": spelled(snapshot.content),
            "attachments": _files(snapshot.attachments),
            "stickers": _stickers(snapshot.stickers),
        }
    return told


def _is_command(message: discord.Message) -> bool:
    kind = getattr(message.interaction_metadata, "type", None)
    return getattr(kind, "value", kind) == _COMMAND


def _user(user: Any, display: Callable[[Any], str], *, is_bot: bool = False) -> dict[str, Any]:
    return {
        "id": str(user.id),
        "name": user.name,
        "nickname": display(user),
        "isBot": bool(user.bot) or is_bot,
    }


def _display(user: Any, guild: Any, shown: Shown) -> str:
    """What a user is called in a server, as far as known: only members have that name."""
    if isinstance(user, discord.Member) or not isinstance(guild, discord.Guild):
        return str(user.display_name)
    member = guild.get_member(user.id)
    return _shown(member) or shown.get((guild.id, user.id)) or str(user.display_name)


def _files(attachments: Iterable[discord.Attachment]) -> list[dict[str, str]]:
    return [{"url": file.url, "fileName": file.filename} for file in attachments]


def _stickers(stickers: Iterable[discord.StickerItem]) -> list[dict[str, str]]:
    return [{"name": sticker.name, "sourceUrl": sticker.url} for sticker in stickers]


def _embed(embed: discord.Embed, spelled: Any) -> dict[str, Any]:
    return {
        "author": {"name": embed.author.name or ""},
        "title": spelled(embed.title),
        "description": spelled(embed.description),
        "fields": [
            {"name": spelled(field.name), "value": spelled(field.value)} for field in embed.fields
        ],
    }


def _emoji_name(emoji: Any) -> str:
    return emoji if isinstance(emoji, str) else emoji.name or ""


class _Known(dict[str, str]):
    """Names by id, asked of ``find`` where they are not at hand."""

    def __init__(
        self, find: Callable[[int], str | None], known: Iterable[tuple[str, str]] = ()
    ) -> None:
        super().__init__(known)
        self._find = find

    def get(self, key: str, default: Any = None) -> Any:
        """The name of ``key``."""
        if key in self:
            return self[key]
        return self._find(int(key)) or default


def _names(message: discord.Message, shown: Shown) -> exported.Names:
    """What the ids in a message's markup are called, as the exporter calls them."""
    guild = message.guild
    users = (*message.mentions, message.author)
    people = [(str(user.id), _display(user, guild, shown)) for user in users]
    if not isinstance(guild, discord.Guild):
        return exported.Names(dict(people), {})
    return exported.Names(
        _Known(lambda key: shown.get((guild.id, key)) or _shown(guild.get_member(key)), people),
        _Known(lambda key: _channel_name(guild.get_channel_or_thread(key))),
        _Known(lambda key: _shown(guild.get_role(key))),
    )


def _shown(named: Any) -> str | None:
    return None if named is None else str(getattr(named, "display_name", named.name))


def _channel_name(channel: Any) -> str | None:
    """A channel as the exporter writes it: those for talking aloud carry a mark."""
    is_voice = isinstance(channel, discord.VoiceChannel | discord.StageChannel)
    name = _shown(channel)
    return f"{name} [voice]" if is_voice else name
