"""What a request may hold: the fields of each method, their types, and refusals in the API's words.

https://core.telegram.org/bots/api; unlike the real server, which ignores unknown fields, this one
refuses them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tests.telegram_fake.world import Json

_INTEGERS = frozenset(
    [
        "chat_id",
        "message_id",
        "message_thread_id",
        "offset",
        "limit",
        "timeout",
        "max_connections",
        "user_id",
        "cache_time",
    ]
)
_FLAGS = frozenset(
    [
        "disable_notification",
        "protect_content",
        "allow_paid_broadcast",
        "drop_pending_updates",
        "show_alert",
    ]
)
_OBJECTS = frozenset(
    [
        "entities",
        "reply_parameters",
        "reply_markup",
        "link_preview_options",
        "allowed_updates",
        "commands",
        "scope",
    ]
)
_TEXT = "parse_mode entities link_preview_options reply_markup business_connection_id"
METHODS: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    name: (frozenset(required.split()), frozenset(optional.split()))
    for name, required, optional in (
        ("getMe", "", ""),
        ("getUpdates", "", "offset limit timeout allowed_updates"),
        (
            "setWebhook",
            "url",
            "ip_address max_connections allowed_updates drop_pending_updates secret_token",
        ),
        ("deleteWebhook", "", "drop_pending_updates"),
        ("getWebhookInfo", "", ""),
        (
            "sendMessage",
            "chat_id text",
            f"{_TEXT} message_thread_id disable_notification protect_content allow_paid_broadcast "
            "message_effect_id reply_parameters",
        ),
        ("editMessageText", "chat_id message_id text", _TEXT),
        ("editMessageReplyMarkup", "chat_id message_id", "reply_markup business_connection_id"),
        ("deleteMessage", "chat_id message_id", ""),
        ("sendChatAction", "chat_id action", "message_thread_id business_connection_id"),
        ("answerCallbackQuery", "callback_query_id", "text show_alert url cache_time"),
        ("leaveChat", "chat_id", ""),
        ("getChat", "chat_id", ""),
        ("getChatMember", "chat_id user_id", ""),
        ("setMyCommands", "commands", "scope language_code"),
        ("getMyCommands", "", "scope language_code"),
        ("deleteMyCommands", "", "scope language_code"),
    )
}
_REPLY = {"message_id", "chat_id", "allow_sending_without_reply", "quote", "quote_position"}
_ACTIONS = frozenset({"typing", "upload_photo", "upload_document", "choose_sticker"})


class Refused(Exception):
    """What the server says no to."""

    def __init__(self, status: int, description: str, **parameters: int) -> None:
        super().__init__(description)
        self.status, self.description, self.parameters = status, description, parameters


def bad(description: str) -> Refused:
    """A 400."""
    return Refused(400, f"Bad Request: {description}")


def checked(method: str, given: Mapping[str, Any]) -> Json:
    """The parameters in their types; Refused where one is unknown, missing or of a wrong type."""
    if method not in METHODS:
        raise Refused(404, "Not Found: method not found")
    required, optional = METHODS[method]
    if unknown := given.keys() - required - optional:
        raise bad(f"unknown parameter {sorted(unknown)[0]!r} of {method}")
    params = {key: _typed(key, value) for key, value in given.items()}
    if missing := required - params.keys():
        raise bad(_MISSING.get(sorted(missing)[0], f"parameter {sorted(missing)[0]} is required"))
    _check_more(params)
    return params


_MISSING = {"chat_id": "chat_id is empty", "text": "message text is empty"}


def _typed(key: str, value: Any) -> Any:
    try:
        if key in _INTEGERS:
            return _integer(value)
        if key in _FLAGS:
            return _flag(value)
        if key in _OBJECTS:
            return json.loads(value) if isinstance(value, str) else value
    except ValueError:
        raise bad(f"can't parse {key}") from None
    if not isinstance(value, str):
        raise bad(f"{key} must be of type String")
    return value


def _integer(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError
    return int(value)


def _flag(value: Any) -> bool:
    found = {"true": True, "false": False, True: True, False: False}.get(value)
    if found is None:
        raise ValueError
    return found


def _check_more(params: Json) -> None:
    reply = params.get("reply_parameters", {})
    if (
        not isinstance(reply, dict)
        or reply.keys() - _REPLY
        or (reply and "message_id" not in reply)
    ):
        raise bad("can't parse reply parameters JSON object")
    if params.get("parse_mode"):
        raise bad("unsupported parse_mode")
    if "action" in params and params["action"] not in _ACTIONS:
        raise bad("wrong parameter action in request")
    _check_markup(params.get("reply_markup", {}))
    _check_commands(params.get("commands", []))


def _check_markup(markup: Any) -> None:
    if not isinstance(markup, dict) or markup.keys() - {"inline_keyboard"}:
        raise bad("can't parse reply keyboard markup JSON object")
    for button in (one for row in markup.get("inline_keyboard", []) for one in row):
        if button.keys() != {"text", "callback_data"} or not button["text"]:
            raise bad("can't parse inline keyboard button")
        if not 1 <= len(button["callback_data"].encode()) <= 64:
            raise bad("BUTTON_DATA_INVALID")


def _check_commands(commands: Any) -> None:
    if not isinstance(commands, list) or len(commands) > 100:
        raise bad("can't parse list of bot commands")
    for one in commands:
        name = one.get("command", "")
        is_named = name.isascii() and name.replace("_", "").isalnum() and name == name.lower()
        if one.keys() != {"command", "description"} or not is_named or len(name) > 32:
            raise bad("BOT_COMMAND_INVALID")
        if not 1 <= len(one["description"]) <= 256:
            raise bad("BOT_COMMAND_DESCRIPTION_INVALID")
