"""What tests make happen on the fake server: people, chats, messages, edits, reactions…"""

from __future__ import annotations

import copy
from typing import Any

from tests.telegram_fake.texts import Entity, recognised
from tests.telegram_fake.world import SUPERGROUP, Chat, Json, User, World

ANONYMOUS = User(1087968824, "Group", username="GroupAnonymousBot", is_bot=True)
TELEGRAM = User(777000, "Telegram")


class Telling(World):
    """The side of the server that tests use."""

    def user(
        self, first: str, last: str = "", *, username: str = "", is_bot: bool = False, id: int = 0
    ) -> User:
        """A new user."""
        with self.lock:
            self.next_user += 1
            user = User(id or self.next_user, first, last, username, is_bot)
            self.users[user.id] = user
            return user

    def private(self, user: User) -> Chat:
        """The chat of the bot with ``user``."""
        with self.lock:
            return self.chats.setdefault(user.id, Chat(user.id, "private", user=user))

    def supergroup(self, title: str = "Group", *, id: int = 0, is_forum: bool = False) -> Chat:
        """A new supergroup; ``id`` is the bare one, as exports write it."""
        return self._chat(SUPERGROUP, "supergroup", title, id, is_forum=is_forum)

    def channel(self, title: str = "Channel", *, id: int = 0) -> Chat:
        """A new channel."""
        return self._chat(SUPERGROUP, "channel", title, id)

    def group(self, title: str = "Small group", *, id: int = 0) -> Chat:
        """A new basic group."""
        return self._chat(0, "group", title, id)

    def _chat(self, base: int, kind: str, title: str, id: int, *, is_forum: bool = False) -> Chat:
        with self.lock:
            self.next_chat += 1
            chat = Chat(base - (id or self.next_chat), kind, title, is_forum=is_forum)
            chat.last = int(is_forum)  # 1 is the General topic
            self.chats[chat.id] = chat
            return chat

    def say(
        self,
        chat: Chat,
        user: User | None,
        text: str = "",
        *,
        reply_to: int | None = None,
        topic: int | None = None,
        entities: list[Entity] | None = None,
        media: Json | None = None,
        sender: Chat | None = None,
        at: int | None = None,
        extra: Json | None = None,
    ) -> int:
        """A message of ``user``; ``text`` is the caption of ``media``. Returns its id.

        ``reply_to`` may be the id of a message that the server never saw.
        """
        with self.lock:
            message = self._head(chat, user, sender, at)
            message |= _words(text, entities, bool(media)) | (media or {})
            message |= self._place(chat, reply_to, topic) | (extra or {})
            self._deliver("channel_post" if chat.type == "channel" else "message", chat, message)
            return int(message["message_id"])

    def anonymous(self, chat: Chat, text: str, **more: Any) -> int:
        """A message of an admin who writes as the group."""
        return self.say(chat, ANONYMOUS, text, sender=chat, **more)

    def post(self, channel: Chat, text: str, *, signature: str = "", **more: Any) -> int:
        """A post in a channel."""
        extra = {"author_signature": signature} if signature else {}
        return self.say(channel, None, text, sender=channel, extra=extra, **more)

    def linked(self, chat: Chat, channel: Chat, text: str) -> int:
        """A post of a linked channel, forwarded to its group by Telegram."""
        post = self.number(channel)
        date = int(self.clock())
        origin = {"type": "channel", "date": date, "chat": channel.json, "message_id": post}
        extra = {"is_automatic_forward": True, "forward_origin": origin}
        return self.say(chat, TELEGRAM, text, sender=channel, extra=extra)

    def edit(self, chat: Chat, id: int, text: str, *, entities: list[Entity] | None = None) -> int:
        """A person edits a message."""
        with self.lock:
            message = chat.log[id]
            key = "caption" if "caption" in message else "text"
            for member in (key, f"{'caption_' if key == 'caption' else ''}entities"):
                message.pop(member, None)
            message |= _words(text, entities, key == "caption")
            message["edit_date"] = int(self.clock())
            kind = "edited_channel_post" if chat.type == "channel" else "edited_message"
            return self.update(kind, copy.deepcopy(message))

    def react(
        self, chat: Chat, id: int, user: User, *emoji: str, before: tuple[str, ...] = ()
    ) -> int:
        """``user`` has these reactions under a message now."""
        head = {"chat": chat.json, "message_id": id, "date": int(self.clock()), "user": user.json}
        old, new = [_reaction(one) for one in before], [_reaction(one) for one in emoji]
        return self.update("message_reaction", head | {"old_reaction": old, "new_reaction": new})

    def count(self, chat: Chat, id: int, counts: dict[str, int]) -> int:
        """Anonymous reactions under a message, as of channel posts."""
        found = [{"type": _reaction(one), "total_count": n} for one, n in counts.items()]
        head = {"chat": chat.json, "message_id": id, "date": int(self.clock())}
        return self.update("message_reaction_count", head | {"reactions": found})

    def topic(self, chat: Chat, name: str, user: User) -> int:
        """A new topic of a forum; its id is that of the notice that it was made."""
        with self.lock:
            message = self._head(chat, user, None, None)
            id = int(message["message_id"])
            made = {"forum_topic_created": {"name": name, "icon_color": 7322096}}
            message |= made | {"message_thread_id": id, "is_topic_message": True}
            self._deliver("message", chat, message)
            return id

    def notice(self, chat: Chat, user: User, **service: Any) -> int:
        """A service message, such as ``new_chat_members=[ann.json]``."""
        return self.say(chat, user, extra=service)

    def status(self, chat: Chat, user: User, status: str, **more: Any) -> int:
        """``user`` changes what the bot is in a chat: member, administrator, left, kicked…"""
        with self.lock:
            old = chat.member or self.membership(chat.status)
            chat.status, chat.member = status, self.membership(status) | more
            return self.update(
                "my_chat_member",
                {
                    "chat": chat.json,
                    "from": user.json,
                    "date": int(self.clock()),
                    "old_chat_member": old,
                    "new_chat_member": chat.member,
                },
            )

    def migrate(self, chat: Chat, user: User) -> Chat:
        """A basic group becomes a supergroup: both say so, and the old one is closed."""
        new = self.supergroup(chat.title)
        with self.lock:
            chat.migrated_to = new.id
            self.say(chat, user, extra={"migrate_to_chat_id": new.id})
            self.say(new, ANONYMOUS, sender=new, extra={"migrate_from_chat_id": chat.id})
        return new

    def press(self, chat: Chat, id: int, user: User, data: str) -> int:
        """``user`` presses a button under a message of the bot's."""
        with self.lock:
            self.next_update += 1
            head = {"id": str(self.next_update), "from": user.json, "chat_instance": "1"}
            message = copy.deepcopy(chat.log[id])
            return self.update("callback_query", head | {"data": data, "message": message})

    def membership(self, status: str) -> Json:
        """The bot as a member of a chat."""
        rights = _RIGHTS.get(status, ())
        return (
            {"user": self.bot.json, "status": status}
            | dict.fromkeys(rights, True)
            | _MORE.get(status, {})
        )

    def _head(self, chat: Chat, user: User | None, sender: Chat | None, at: int | None) -> Json:
        date = int(self.clock()) if at is None else at
        head: Json = {"message_id": self.number(chat), "date": date, "chat": chat.json}
        head |= {"from": user.json} if user else {}
        return head | ({"sender_chat": sender.json} if sender else {})

    def _place(self, chat: Chat, reply_to: int | None, topic: int | None) -> Json:
        place: Json = {}
        if topic is not None:
            place |= {"message_thread_id": topic, "is_topic_message": True}
        elif reply_to is not None and not chat.is_small:
            place["message_thread_id"] = reply_to  # of a thread of replies; no topic
        target = topic if reply_to is None else reply_to
        return place | ({"reply_to_message": self._quoted(chat, target)} if target else {})

    def _quoted(self, chat: Chat, id: int) -> Json:
        """A message as it is repeated in a reply: without its own reply."""
        known = chat.log.get(id)
        if known is None:
            someone = {"id": 999, "is_bot": False, "first_name": "Gone"}
            return {"message_id": id, "date": 1, "chat": chat.json, "from": someone, "text": "…"}
        return copy.deepcopy({key: known[key] for key in known if key != "reply_to_message"})

    def _deliver(self, kind: str, chat: Chat, message: Json) -> None:
        chat.log[int(message["message_id"])] = message
        if self.can_read_all or self._is_for_bot(chat, message):
            self.update(kind, copy.deepcopy(message))

    def _is_for_bot(self, chat: Chat, message: Json) -> bool:
        """What a bot in privacy mode is told."""
        kinds = {entity["type"] for entity in message.get("entities", ())}
        to = message.get("reply_to_message", {}).get("from", {}).get("id")
        named = f"@{self.bot.username}" in message.get("text", "")
        is_service = not {"text", "caption"} & message.keys()
        is_small = chat.type in ("private", "channel")
        return is_small or is_service or named or "bot_command" in kinds or to == self.bot.id


def _words(text: str, entities: list[Entity] | None, is_caption: bool) -> Json:
    if not text:
        return {}
    found = recognised(text) if entities is None else entities
    text_key, entities_key = ("caption", "caption_entities") if is_caption else ("text", "entities")
    return {text_key: text} | ({entities_key: found} if found else {})


def _reaction(emoji: str) -> Json:
    if emoji.startswith("custom:"):
        return {"type": "custom_emoji", "custom_emoji_id": emoji.removeprefix("custom:")}
    return {"type": "paid"} if emoji == "paid" else {"type": "emoji", "emoji": emoji}


_RIGHTS = {
    "administrator": [
        "can_be_edited",
        "can_manage_chat",
        "can_delete_messages",
        "can_manage_video_chats",
        "can_restrict_members",
        "can_promote_members",
        "can_change_info",
        "can_invite_users",
        "can_post_stories",
        "can_edit_stories",
        "can_delete_stories",
    ],
    "restricted": [
        "is_member",
        "can_change_info",
        "can_invite_users",
        "can_pin_messages",
        "can_manage_topics",
        "can_send_messages",
        "can_send_audios",
        "can_send_documents",
        "can_send_photos",
        "can_send_videos",
        "can_send_video_notes",
        "can_send_voice_notes",
        "can_send_polls",
        "can_send_other_messages",
        "can_add_web_page_previews",
        "can_edit_tag",
        "can_react_to_messages",
    ],
}
_MORE: dict[str, Json] = {
    "administrator": {"is_anonymous": False},
    "restricted": {"until_date": 0},
    "kicked": {"until_date": 0},
}
