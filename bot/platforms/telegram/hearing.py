"""Telegram's updates as events: https://core.telegram.org/bots/api#update."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import datetime

from telegram import (
    CallbackQuery,
    ChatMember,
    ChatMemberAdministrator,
    ChatMemberRestricted,
    ChatMemberUpdated,
    Message,
    MessageEntity,
    MessageReactionCountUpdated,
    MessageReactionUpdated,
    ReactionType,
    ReactionTypeEmoji,
    ReactionTypePaid,
    Update,
    User,
)
from telegram.constants import ChatID, ChatType

from bot.platforms.base import (
    Address,
    Commanded,
    Event,
    Heard,
    Joined,
    Moved,
    Notice,
    Parted,
    Reacted,
    Vote,
)
from bot.platforms.telegram.client import LOG
from bot.platforms.telegram.ids import (
    account,
    chat_key,
    conversation,
    message_key,
    sender_key,
)
from bot.platforms.telegram.rows import reply_target, row_of, topic_of
from bot.platforms.telegram.state import Memory
from ingest.chat import Account, Conversation, Reaction
from ingest.parsers.base import Skipped
from ingest.parsers.telegram import PLATFORM, message_of

ASKED = (
    Update.MESSAGE,
    Update.EDITED_MESSAGE,
    Update.CHANNEL_POST,
    Update.EDITED_CHANNEL_POST,
    Update.MESSAGE_REACTION,
    Update.MESSAGE_REACTION_COUNT,
    Update.CALLBACK_QUERY,
    Update.MY_CHAT_MEMBER,
)
"""The kinds of updates to ask for; reactions come only where they are named."""
_EVERYBODY = ""
_NOBODIES = frozenset({ChatID.ANONYMOUS_ADMIN, ChatID.FAKE_CHANNEL, ChatID.SERVICE_CHAT})

NoticeAt = Callable[[int, str | None, int | None, int | None], Notice]
"""Makes a notice from chat, topic, the message to rewrite, and the one to answer."""


class Ears:
    """Understands updates for the bot ``me``."""

    def __init__(self, memory: Memory, me: User, notice: NoticeAt) -> None:
        self._memory, self._me, self._notice = memory, me, notice

    def events(self, update: Update, since: datetime) -> list[Event]:
        """What ``update`` tells; what was said before ``since`` is caught up."""
        chat = update.effective_chat
        if chat is not None and not self._memory.know_chat(chat.id, chat.type):
            LOG.warning("telegram: %s is a group; who has its number is not heard", chat.id)
            return []
        return list(self._events(update, since))

    def _events(self, update: Update, since: datetime) -> Iterator[Event]:
        said = update.message or update.channel_post
        if said is not None:
            yield from self._said(said, since)
        elif edited := update.edited_message or update.edited_channel_post:
            yield from self._heard(edited, since, is_edit=True)
        elif update.message_reaction:
            yield self._reacted(update.message_reaction)
        elif update.message_reaction_count:
            yield self._counted(update.message_reaction_count)
        elif update.callback_query:
            yield from self._pressed(update.callback_query)
        elif update.my_chat_member:
            yield from self._member(update.my_chat_member)

    def _said(self, message: Message, since: datetime) -> Iterator[Event]:
        if message.migrate_to_chat_id:
            yield from self.moved(message.chat.id, message.migrate_to_chat_id, message.chat.title)
        elif message.migrate_from_chat_id:
            yield from self.moved(message.migrate_from_chat_id, message.chat.id, message.chat.title)
        elif (command := self._command(message)) is not None:
            yield command
        else:
            yield from self._heard(message, since)

    def moved(self, old: int, new: int, title: str | None) -> Iterator[Moved]:
        """A group goes on as a supergroup; told once, though both of them say so."""
        if not self._memory.is_moved(chat_key(old), chat_key(new)):
            yield Moved(chat_key(old), Conversation(chat_key(new), title or "", PLATFORM))

    def _heard(
        self, message: Message, since: datetime, *, is_edit: bool = False
    ) -> Iterator[Event]:
        chat = message.chat
        raw = message_of(
            conversation(chat), row_of(message), is_channel=chat.type == ChatType.CHANNEL
        )
        if isinstance(raw, Skipped):  # service notices: people joined, something was pinned
            return
        if is_person(message) and message.from_user and message.from_user.is_bot:
            raw = replace(raw, author=replace(raw.author, is_bot=True))
        said_at = (message.edit_date if is_edit else None) or message.date
        yield Heard(
            raw,
            address=self._address(message),
            topic=topic_of(message),
            is_edit=is_edit,
            is_caught_up=said_at < since,
        )

    def _address(self, message: Message) -> Address:
        if not is_person(message):
            return Address.NONE
        if message.chat.type == ChatType.PRIVATE:
            return Address.PRIVATE
        target = message.reply_to_message
        if reply_target(message) and target and target.from_user == self._me:
            return Address.REPLY if is_person(target) else Address.NONE
        return Address.MENTION if self._is_mentioned(message) else Address.NONE

    def _is_mentioned(self, message: Message) -> bool:
        kinds: list[str | None] = [MessageEntity.MENTION, MessageEntity.TEXT_MENTION]
        found = {**message.parse_entities(kinds), **message.parse_caption_entities(kinds)}
        return any(
            entity.user == self._me or text.removeprefix("@").lower() == self._name
            for entity, text in found.items()
        )

    @property
    def _name(self) -> str:
        return (self._me.username or "").lower()

    def _command(self, message: Message) -> Commanded | None:
        """A command to this bot; those to others, and others' words passed on, are messages.

        What is forwarded, or written by an inline bot, is not what its sender wants done.
        """
        if message.forward_origin is not None or message.via_bot is not None:
            return None
        first = message.entities[0] if message.entities else None
        if first is None or first.type != MessageEntity.BOT_COMMAND or first.offset:
            return None
        if not is_person(message) or message.from_user is None or message.from_user.is_bot:
            return None
        spelled = message.parse_entity(first)
        name, _, target = spelled.removeprefix("/").partition("@")
        if target and target.lower() != self._name:
            return None
        return self._commanded(message, message.from_user, name, str(message.text)[len(spelled) :])

    def _commanded(self, message: Message, user: User, name: str, words: str) -> Commanded:
        chat, topic = message.chat, topic_of(message)
        target = reply_target(message)
        return Commanded(
            id=message_key(chat.id, message.message_id),
            chat=conversation(chat),
            account=account(user),
            name=name.lower(),
            words=words.strip(),
            answer=self._notice(chat.id, topic, None, message.message_id),
            topic=topic,
            reply_to=None if target is None else message_key(chat.id, target),
        )

    def _pressed(self, query: CallbackQuery) -> Iterator[Commanded]:
        message, data = query.message, query.data
        line = self._memory.words(data or "") or data
        if message is None or not line:
            return
        chat = message.chat
        name, _, words = line.partition(" ")
        topic = topic_of(message) if isinstance(message, Message) else None
        place = message.message_id if isinstance(message, Message) else None
        yield Commanded(
            id=f"{PLATFORM}:press:{query.id}",
            chat=conversation(chat),
            account=account(query.from_user),
            name=name,
            words=words,
            answer=self._notice(chat.id, topic, place, None),
            topic=topic,
        )

    def _reacted(self, update: MessageReactionUpdated) -> Reacted:
        """Telegram tells what one person's reactions are now; their sum is kept here."""
        if update.user is not None:
            who = f"user{update.user.id}"
        else:
            who = sender_key(update.actor_chat) if update.actor_chat else _EVERYBODY
        now = [Reaction(_emoji(one)) for one in update.new_reaction]
        found = self._reactions(update.chat.id, update.message_id, who, now)
        return replace(found, votes=tuple(_votes(f"{PLATFORM}:{who}", update)))

    def _counted(self, update: MessageReactionCountUpdated) -> Reacted:
        now = [Reaction(_emoji(one.type), one.total_count) for one in update.reactions]
        return self._reactions(update.chat.id, update.message_id, _EVERYBODY, now)

    def _reactions(self, chat: int, message: int, who: str, now: Iterable[Reaction]) -> Reacted:
        reactions = self._memory.react(chat, message, who, now)
        return Reacted(chat_key(chat), message_key(chat, message), reactions)

    def _member(self, update: ChatMemberUpdated) -> Iterator[Event]:
        could, can = (
            _may_write(one, update.chat.type)
            for one in (update.old_chat_member, update.new_chat_member)
        )
        if could and not can:
            yield Parted(chat_key(update.chat.id))
        elif can and not could and update.chat.type != ChatType.PRIVATE:
            by = update.from_user
            yield Joined(conversation(update.chat), None if is_nobody(by) else account(by))


def is_person(message: Message) -> bool:
    """Whether somebody wrote it as themselves: no channel, no anonymous admin, no forward that
    Telegram made of a linked channel's post."""
    user = message.from_user
    is_own = message.sender_chat is None and not message.is_automatic_forward
    return is_own and user is not None and not is_nobody(user) and message.chat.type != "channel"


def is_nobody(user: User) -> bool:
    """Whether a user stands for somebody unnamed (https://core.telegram.org/bots/api#message,
    ``from``)."""
    return user.id in _NOBODIES


def as_account(user: User) -> Account:
    """The bot's own account."""
    return replace(account(user), is_bot=True)


def _may_write(member: ChatMember, kind: str) -> bool:
    if isinstance(member, ChatMemberRestricted):
        return member.is_member and member.can_send_messages
    if isinstance(member, ChatMemberAdministrator) and kind == ChatType.CHANNEL:
        return bool(member.can_post_messages)
    return member.status not in (ChatMember.LEFT, ChatMember.BANNED)


def _votes(who: str, update: MessageReactionUpdated) -> Iterator[Vote]:
    """What somebody took back, and what they left, by how it was and is."""
    before, now = (
        [_emoji(one) for one in reactions]
        for reactions in (update.old_reaction, update.new_reaction)
    )
    yield from (Vote(who, emoji, is_taken_back=True) for emoji in before if emoji not in now)
    yield from (Vote(who, emoji) for emoji in now if emoji not in before)


def _emoji(reaction: ReactionType) -> str:
    """As the export's reader spells it: a custom one is known by its file alone."""
    if isinstance(reaction, ReactionTypeEmoji):
        return reaction.emoji
    return "⭐" if isinstance(reaction, ReactionTypePaid) else ":custom:"
