"""The methods of the Bot API, as far as a bot that talks needs them."""

from __future__ import annotations

import copy
import json
from typing import Any

from tests.telegram_fake.checks import Refused, bad
from tests.telegram_fake.telling import Telling
from tests.telegram_fake.texts import MOST, Entity, overlap, recognised, sound, units
from tests.telegram_fake.world import Chat, Json, Sent

NOT_MODIFIED = (
    "message is not modified: specified new message content and reply markup are exactly the same "
    "as a current content and reply markup of the message"
)
_GONE = {
    "kicked": "Forbidden: bot was kicked from the {} chat",
    "left": "Forbidden: bot is not a member of the {} chat",
}


class Methods(Telling):
    """The side of the server that bots use; every call holds the lock."""

    def call(self, method: str, params: Json) -> Any:
        """Carry out a checked request; Refused where the API says no."""
        with self.lock:
            result = getattr(self, f"_do_{method}")(**params)
            self.changed()
            return result

    def _do_getMe(self) -> Json:
        flags = {
            "can_join_groups": True,
            "can_read_all_group_messages": self.can_read_all,
            "supports_inline_queries": False,
        }
        return self.bot.json | flags

    def _do_sendMessage(
        self,
        chat_id: int,
        text: str,
        message_thread_id: int | None = None,
        reply_parameters: Json | None = None,
        reply_markup: Json | None = None,
        disable_notification: bool = False,
        **rest: Any,
    ) -> Json:
        chat = self._writable(chat_id)
        text, entities = self._content(text, rest.get("entities") or [])
        self._check_topic(chat, message_thread_id)
        target = self._target(chat, reply_parameters or {})
        message = self._head(chat, self.bot, None, None)
        message |= {"text": text} | ({"entities": entities} if entities else {})
        message |= self._place(chat, target, message_thread_id)
        message |= {"reply_markup": reply_markup} if reply_markup else {}
        chat.log[int(message["message_id"])] = message
        self.sent_log.append(
            _sent(message, target, message_thread_id, self.clock(), disable_notification)
        )
        return copy.deepcopy(message)

    def _do_editMessageText(
        self,
        chat_id: int,
        message_id: int,
        text: str,
        reply_markup: Json | None = None,
        **rest: Any,
    ) -> Json:
        message = self._own(chat_id, message_id)
        text, entities = self._content(text, rest.get("entities") or [])
        new = {"text": text, "entities": entities, "reply_markup": reply_markup or {}}
        self._change(message, new)
        self.edits.append((chat_id, message_id, text))
        return copy.deepcopy(message)

    def _do_editMessageReplyMarkup(
        self, chat_id: int, message_id: int, reply_markup: Json | None = None, **_: Any
    ) -> Json:
        message = self._own(chat_id, message_id)
        self._change(message, {"reply_markup": reply_markup or {}})
        return copy.deepcopy(message)

    def _change(self, message: Json, new: Json) -> None:
        if all((message.get(key) or type(value)()) == value for key, value in new.items()):
            raise bad(NOT_MODIFIED)
        message |= new | {"edit_date": int(self.clock())}
        for key in [key for key in ("entities", "reply_markup") if not message.get(key)]:
            message.pop(key, None)

    def _do_deleteMessage(self, chat_id: int, message_id: int) -> bool:
        chat = self._chat_of(chat_id)
        if chat.log.pop(message_id, None) is None:
            raise bad("message to delete not found")
        return True

    def _do_sendChatAction(
        self, chat_id: int, action: str, message_thread_id: int | None = None, **_: Any
    ) -> bool:
        self._check_topic(self._writable(chat_id), message_thread_id)
        self.actions.append((chat_id, action, message_thread_id, self.clock()))
        return True

    def _do_answerCallbackQuery(self, callback_query_id: str, **_: Any) -> bool:
        if callback_query_id in self.answered:
            raise bad("query is too old and response timeout expired or query ID is invalid")
        self.answered.append(callback_query_id)
        return True

    def _do_leaveChat(self, chat_id: int) -> bool:
        self._chat_of(chat_id).status = "left"
        return True

    def _do_getChat(self, chat_id: int) -> Json:
        more = {"accent_color_id": 0, "max_reaction_count": 11, "accepted_gift_types": {}}
        return self._chat_of(chat_id).json | more

    def _do_getChatMember(self, chat_id: int, user_id: int) -> Json:
        chat = self._chat_of(chat_id)
        return self.membership(chat.status if user_id == self.bot.id else "member")

    def _do_setMyCommands(self, commands: list[Json], **where: Any) -> bool:
        self._check_scope(where.get("scope"))
        self.commands[_scope(where)] = commands
        return True

    def _do_getMyCommands(self, **where: Any) -> list[Json]:
        return self.commands.get(_scope(where), [])

    def _do_deleteMyCommands(self, **where: Any) -> bool:
        self.commands.pop(_scope(where), None)
        return True

    def _check_scope(self, scope: Json | None) -> None:
        if scope and "chat_id" in scope:
            self._chat_of(int(scope["chat_id"]))

    def _chat_of(self, id: int) -> Chat:
        chat = self.chats.get(id)
        if chat is None:
            raise bad("chat not found")
        if chat.migrated_to is not None:
            text = "Bad Request: group chat was upgraded to a supergroup chat"
            raise Refused(400, text, migrate_to_chat_id=chat.migrated_to)
        return chat

    def _writable(self, id: int) -> Chat:
        chat = self._chat_of(id)
        if chat.type == "private" and chat.status == "kicked":
            raise Refused(403, "Forbidden: bot was blocked by the user")
        if chat.status in _GONE:
            raise Refused(403, _GONE[chat.status].format(chat.type))
        if chat.status == "restricted" and not (chat.member or {}).get("can_send_messages"):
            raise bad("not enough rights to send text messages to the chat")
        return chat

    def _own(self, chat_id: int, message_id: int) -> Json:
        chat = self._chat_of(chat_id)
        message = chat.log.get(message_id)
        if message is None:
            raise bad("message to edit not found")
        if message.get("from", {}).get("id") != self.bot.id or chat.status in _GONE:
            raise bad("message can't be edited")
        return message

    def _check_topic(self, chat: Chat, topic: int | None) -> None:
        if topic is not None and "forum_topic_created" not in chat.log.get(topic, {}):
            raise bad("message thread not found")

    def _target(self, chat: Chat, reply: Json) -> int | None:
        if not reply:
            return None
        if int(reply["message_id"]) in chat.log:
            return int(reply["message_id"])
        if reply.get("allow_sending_without_reply"):
            return None
        raise bad("message to be replied not found")

    def _content(self, text: str, given: list[Entity]) -> tuple[str, list[Entity]]:
        """The text as it is kept, trimmed, with entities given and recognised."""
        kept = text.strip()
        if not kept:
            raise bad("message text is empty")
        if units(kept) > MOST:
            raise bad("message is too long")
        if not all(sound(text, entity) for entity in given):
            raise bad("ENTITY_BOUNDS_INVALID")
        shift = units(text) - units(text.lstrip())
        found = [one | {"offset": one["offset"] - shift} for one in given if self._is_known(one)]
        found += [one for one in recognised(kept) if not any(overlap(one, two) for two in found)]
        return kept, sorted(found, key=lambda entity: int(entity["offset"]))

    def _is_known(self, entity: Entity) -> bool:
        """Mentions of users the bot never met are dropped without a word."""
        if entity.get("type") != "text_mention":
            return True
        return int(entity.get("user", {}).get("id", 0)) in self.users


def _scope(where: Json) -> str:
    return json.dumps(where.get("scope") or {"type": "default"}, sort_keys=True)


def _sent(message: Json, target: int | None, topic: int | None, at: float, is_silent: bool) -> Sent:
    rows = message.get("reply_markup", {}).get("inline_keyboard", [])
    return Sent(
        chat=int(message["chat"]["id"]),
        id=int(message["message_id"]),
        text=str(message["text"]),
        at=at,
        reply_to=target,
        topic=topic,
        entities=tuple(message.get("entities", ())),
        buttons=tuple((one["text"], one["callback_data"]) for row in rows for one in row),
        is_silent=is_silent,
    )
