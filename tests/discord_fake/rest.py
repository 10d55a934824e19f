"""The REST side: routes, strict checks of what is sent, and the answers Discord gives.

Shapes and codes after Discord's documentation ("Message", "Interactions", "JSON Error Codes").
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from tests.discord_fake.content import pings, shown
from tests.discord_fake.faults import Refused
from tests.discord_fake.gateway import DIRECT_MESSAGES, GUILD_MESSAGES, Gateway
from tests.discord_fake.world import DM, Payload, World

Answer = tuple[int, Any]
_CREATE = frozenset(
    """
    content nonce enforce_nonce tts embeds allowed_mentions message_reference components
    sticker_ids attachments flags poll
    """.split()  # noqa: SIM905 - a list of names reads better
)
_EDIT = frozenset(
    """
    content embeds flags allowed_mentions components attachments tts
    """.split()  # noqa: SIM905 - a list of names reads better
)
_REFERENCE = frozenset(
    """
    type message_id channel_id guild_id fail_if_not_exists
    """.split()  # noqa: SIM905 - a list of names reads better
)
_ALLOWED = frozenset(
    """
    parse users roles replied_user
    """.split()  # noqa: SIM905 - a list of names reads better
)
_COMMAND = frozenset(
    """
    id type name name_localizations description description_localizations options nsfw
    default_member_permissions dm_permission contexts integration_types handler
    """.split()  # noqa: SIM905 - a list of names reads better
)
_LIMIT, _NONCE = 2000, 25
_EPHEMERAL, _LOADING = 1 << 6, 1 << 7


@dataclass(frozen=True, slots=True)
class Sent:
    """A message of the bot that was accepted.

    ``pings`` are who was notified, ``shown`` what people see as more than text; ``allowed`` is
    None where ``allowed_mentions`` was missing. ``interaction`` is what it answers, ``at`` is the
    clock of ``time.time()``.
    """

    id: str
    channel: str
    content: str
    reference: str | None
    nonce: str | None
    allowed: Mapping[str, Any] | None
    pings: frozenset[str]
    shown: frozenset[str]
    at: float
    components: tuple[Any, ...] = ()
    interaction: str | None = None
    is_ephemeral: bool = False


@dataclass(slots=True)
class Asked:
    """An interaction: when it was told, how it was answered so far."""

    id: str
    token: str
    channel: str
    told_at: float
    answered_after: float | None = None
    message: Payload | None = None
    is_ephemeral: bool = False
    edits: list[str] = field(default_factory=list)


class Rest:
    """Answers requests about a world."""

    def __init__(self, world: World, gateway: Gateway) -> None:
        self.world = world
        self.gateway = gateway
        self.sent: list[Sent] = []
        self.asked: dict[str, Asked] = {}
        self.typed: list[tuple[str, float]] = []
        self.left: list[str] = []
        self.syncs = 0
        self.interaction_seconds = 3.0
        self.token_seconds = 900.0
        self._nonces: dict[tuple[str, str], str] = {}
        number = r"(\d{1,20})"
        self._routes: list[tuple[str, re.Pattern[str], Callable[..., Answer]]] = [
            (method, re.compile(pattern.replace("#", number) + "$"), handler)
            for method, pattern, handler in (
                ("GET", "/users/@me", self._me),
                ("GET", "/(?:oauth2/)?applications/@me", self._application),
                ("GET", "/gateway/bot", self._gateway),
                ("GET", "/users/#", self._user),
                ("POST", "/users/@me/channels", self._direct_chat),
                ("DELETE", "/users/@me/guilds/#", self._leave),
                ("GET", "/channels/#", self._channel),
                ("GET", "/channels/#/messages", self._history),
                ("GET", "/channels/#/messages/#", self._message),
                ("POST", "/channels/#/messages", self._create),
                ("PATCH", "/channels/#/messages/#", self._edit),
                ("POST", "/channels/#/typing", self._typing),
                ("GET", "/applications/#/commands", lambda *_args: (200, self.world.commands)),
                ("PUT", "/applications/#/commands", self._set_commands),
                ("POST", r"/interactions/#/([\w.-]+)/callback", self._callback),
                ("GET", r"/webhooks/#/([\w.-]+)/messages/@original", self._original),
                ("PATCH", r"/webhooks/#/([\w.-]+)/messages/@original", self._edit_original),
            )
        ]

    def answer(self, method: str, path: str, query: Mapping[str, str], body: Any) -> Answer:
        """Status and body; raises Refused."""
        for known, pattern, handler in self._routes:
            found = pattern.match(path) if known == method else None
            if found is not None:
                return handler(query, body, *found.groups())
        raise Refused(404, 0, f"404: Not Found: {method} {path}")

    def needs_token(self, path: str) -> bool:
        """Whether a request must carry the bot's token: interactions bring their own."""
        return not path.startswith(("/interactions/", "/webhooks/"))

    # The bot itself

    def _me(self, _query: Any, _body: Any) -> Answer:
        return 200, self.world.me

    def _application(self, _query: Any, _body: Any) -> Answer:
        me = self.world.me
        application = {"id": me["id"], "name": me["username"], "icon": None, "description": ""}
        application |= {
            "bot_public": False,
            "bot_require_code_grant": False,
            "verify_key": "0" * 64,
        }
        application |= {"owner": me, "flags": self.world.flags, "summary": "", "team": None}
        return 200, application

    def _gateway(self, _query: Any, _body: Any) -> Answer:
        limit = {"total": 1000, "remaining": 999, "reset_after": 0, "max_concurrency": 1}
        return 200, {"url": self.gateway.url, "shards": 1, "session_start_limit": limit}

    def _user(self, _query: Any, _body: Any, user: str) -> Answer:
        if user not in self.world.users:
            raise Refused(404, 10013, "Unknown User")
        return 200, self.world.users[user]

    def _direct_chat(self, _query: Any, body: Any) -> Answer:
        _only(body, {"recipient_id"})
        user = str(body["recipient_id"])
        if user not in self.world.users:
            raise Refused(400, 50033, "Invalid Recipient(s)")
        return 200, self.world.direct_chat(user)

    def _leave(self, _query: Any, _body: Any, guild: str) -> Answer:
        if guild not in self.world.guilds:
            raise Refused(404, 10004, "Unknown Guild")
        self.left.append(guild)
        del self.world.guilds[guild]
        self.gateway.dispatch("GUILD_DELETE", {"id": guild})
        return 204, None

    # Channels and messages

    def _channel(self, _query: Any, _body: Any, channel: str) -> Answer:
        return 200, self._known(channel)

    def _known(self, channel: str) -> Payload:
        found = self.world.channels.get(channel)
        if found is None:
            raise Refused(404, 10003, "Unknown Channel")
        if channel in self.world.forbidden or found.get("parent_id") in self.world.forbidden:
            raise Refused(403, 50001, "Missing Access")
        if found.get("guild_id") and found["guild_id"] not in self.world.guilds:
            raise Refused(403, 50001, "Missing Access")
        return found

    def _history(self, query: Mapping[str, str], _body: Any, channel: str) -> Answer:
        self._known(channel)
        _only(query, {"limit", "before", "after", "around"})
        limit = query.get("limit", "50")
        if not limit.isdecimal() or not 1 <= int(limit) <= 100:
            raise Refused(400, 50035, "Invalid Form Body", limit="1 to 100")
        if len({"before", "after", "around"} & set(query)) > 1:
            raise Refused(400, 50035, "Invalid Form Body", before="one of before, after, around")
        page = self.world.history(channel, int(limit), query.get("before"), query.get("after"))
        return 200, page

    def _message(self, _query: Any, _body: Any, channel: str, key: str) -> Answer:
        self._known(channel)
        if key not in self.world.messages[channel]:
            raise Refused(404, 10008, "Unknown Message")
        return 200, self.world.stored(channel, key)

    def _create(self, _query: Any, body: Any, channel: str) -> Answer:
        found = self._known(channel)
        content = _checked_message(body, _CREATE)
        existing = self._same_nonce(body, channel)
        if existing is not None:
            return 200, existing
        answered = self._answered(body, channel)
        more: Payload = {"nonce": body.get("nonce"), "components": body.get("components", [])}
        if answered is not None:
            reference = {"channel_id": channel, "message_id": answered["id"], "type": 0}
            more |= {"message_reference": reference, "type": 19, "referenced_message": answered}
            more["pings_answered"] = bool((body.get("allowed_mentions") or {}).get("replied_user"))
        message = self.world.new_message(channel, self.world.me["id"], content, **more)
        if body.get("nonce"):
            self._nonces[channel, str(body["nonce"])] = message["id"]
        self._note(message, body, answered)
        intent = DIRECT_MESSAGES if found["type"] == DM else GUILD_MESSAGES
        self.gateway.dispatch("MESSAGE_CREATE", message, intent)
        return 200, message

    def _same_nonce(self, body: Payload, channel: str) -> Payload | None:
        nonce = body.get("nonce")
        if nonce is None or not body.get("enforce_nonce"):
            return None
        key = self._nonces.get((channel, str(nonce)))
        if key is None:
            return None
        if key not in self.world.messages[channel]:
            raise Refused(404, 10008, "Unknown Message")
        return self.world.messages[channel][key]

    def forget_nonces(self) -> None:
        """Minutes have passed: nonces are free again."""
        self._nonces.clear()

    def _answered(self, body: Payload, channel: str) -> Payload | None:
        reference = body.get("message_reference")
        if reference is None:
            return None
        _only(reference, _REFERENCE)
        if str(reference.get("channel_id", channel)) != channel:
            raise Refused(400, 50035, "Invalid Form Body", message_reference="another channel")
        found = self.world.messages[channel].get(str(reference["message_id"]))
        if found is None and reference.get("fail_if_not_exists", True):
            raise Refused(400, 50035, "Invalid Form Body", message_reference="Unknown message")
        if found is not None and found["type"] not in (0, 19, 20, 23):
            raise Refused(400, 50035, "Invalid Form Body", message_reference="system message")
        return None if found is None else self.world.stored(channel, found["id"])

    def _note(self, message: Payload, body: Payload, answered: Payload | None = None) -> None:
        author = answered["author"]["id"] if answered else None
        allowed = body.get("allowed_mentions")
        self.sent.append(
            Sent(
                message["id"],
                message["channel_id"],
                message["content"],
                answered["id"] if answered else None,
                body.get("nonce"),
                allowed,
                pings(message["content"], allowed, author),
                shown(message["content"]),
                time.time(),
                tuple(body.get("components") or ()),
            )
        )

    def _edit(self, _query: Any, body: Any, channel: str, key: str) -> Answer:
        self._known(channel)
        message = self.world.messages[channel].get(key)
        if message is None:
            raise Refused(404, 10008, "Unknown Message")
        if message["author"]["id"] != self.world.me["id"]:
            raise Refused(403, 50005, "Cannot edit a message authored by another user")
        message["content"] = _checked_message(body, _EDIT)
        message["edited_timestamp"] = datetime.now(UTC).isoformat()
        message["components"] = body.get("components", message["components"])
        self.gateway.dispatch("MESSAGE_UPDATE", message, GUILD_MESSAGES | DIRECT_MESSAGES)
        return 200, message

    def _typing(self, _query: Any, _body: Any, channel: str) -> Answer:
        self._known(channel)
        self.typed.append((channel, time.time()))
        return 204, None

    # Commands and interactions

    def _set_commands(self, _query: Any, body: Any, _application: str) -> Answer:
        if not isinstance(body, list):
            raise Refused(400, 50035, "Invalid Form Body")
        for command in body:
            _only(command, _COMMAND)
            if not re.fullmatch(r"[-_\w]{1,32}", command["name"]) or command["name"].isupper():
                raise Refused(400, 50035, "Invalid Form Body", name=command["name"])
            if not 1 <= len(command["description"]) <= 100:
                raise Refused(400, 50035, "Invalid Form Body", description="1 to 100")
        self.syncs += 1
        self.world.commands = [self._kept(command) for command in body]
        return 200, self.world.commands

    def _kept(self, command: Payload) -> Payload:
        rights = command.get("default_member_permissions")
        kept = command | {"default_member_permissions": None if rights is None else str(rights)}
        kept |= {"id": self.world.snowflake(), "version": self.world.snowflake()}
        return kept | {"application_id": self.world.me["id"]}

    def _callback(self, _query: Any, body: Any, key: str, token: str) -> Answer:
        asked = self.asked.get(key)
        since = time.time() - asked.told_at if asked else 0.0
        if asked is None or asked.token != token or since > self.interaction_seconds:
            raise Refused(404, 10062, "Unknown interaction")
        if asked.answered_after is not None:
            raise Refused(400, 40060, "Interaction has already been acknowledged.")
        _only(body, {"type", "data"})
        data = body.get("data") or {}
        if body["type"] not in (4, 5, 6):
            raise Refused(400, 50035, "Invalid Form Body", type="unknown here")
        asked.answered_after = since
        asked.is_ephemeral = bool(data.get("flags", 0) & _EPHEMERAL)
        me, flags = self.world.me, data.get("flags", 0) | _LOADING
        asked.message = {"id": self.world.snowflake(), "channel_id": asked.channel, "author": me}
        asked.message |= {"content": data.get("content", ""), "flags": flags, "type": 20}
        asked.message |= {"timestamp": datetime.now(UTC).isoformat(), "edited_timestamp": None}
        asked.message |= {"attachments": [], "embeds": [], "mentions": [], "components": []}
        told = {"id": key, "type": 2, "response_message_id": asked.message["id"]}
        told |= {"response_message_loading": True, "response_message_ephemeral": asked.is_ephemeral}
        return 200, {"interaction": told, "resource": {"type": 5, "message": asked.message}}

    def _open(self, token: str) -> Asked:
        asked = next((known for known in self.asked.values() if known.token == token), None)
        if asked is None or time.time() - asked.told_at > self.token_seconds:
            raise Refused(401, 50027, "Invalid Webhook Token")
        if asked.message is None:
            raise Refused(404, 10015, "Unknown Webhook")
        return asked

    def _original(self, _query: Any, _body: Any, _application: str, token: str) -> Answer:
        return 200, self._open(token).message

    def _edit_original(self, _query: Any, body: Any, _application: str, token: str) -> Answer:
        asked = self._open(token)
        content = _checked_message(body, _EDIT)
        assert asked.message is not None
        asked.message |= {"content": content, "components": body.get("components", [])}
        asked.edits.append(content)
        self._note(asked.message, body)
        self.sent[-1] = _for(self.sent[-1], asked)
        return 200, asked.message


def _for(sent: Sent, asked: Asked) -> Sent:
    return replace(sent, interaction=asked.id, is_ephemeral=asked.is_ephemeral)


def _only(given: Any, fields: frozenset[str] | set[str]) -> None:
    """Refuse fields that the API does not know: they are mistakes that Discord would pass over."""
    if not isinstance(given, Mapping):
        raise Refused(400, 50109, "The request body contains invalid JSON.")
    unknown = set(given) - fields
    if unknown:
        raise Refused(400, 50035, "Invalid Form Body", unknown=sorted(unknown))


def _checked_message(body: Any, fields: frozenset[str]) -> str:
    """The content of a message to be written, trimmed as Discord does; raises Refused."""
    _only(body, fields)
    content = body.get("content")
    if not isinstance(content, str) or not content.strip():
        raise Refused(400, 50006, "Cannot send an empty message")
    if len(content) > _LIMIT:
        raise Refused(400, 50035, "Invalid Form Body", content="Must be 2000 or fewer in length.")
    nonce = body.get("nonce")
    if nonce is not None and (not isinstance(nonce, str | int) or len(str(nonce)) > _NONCE):
        raise Refused(400, 50035, "Invalid Form Body", nonce="Must be 25 or fewer in length.")
    if "allowed_mentions" not in body:
        raise Refused(400, 50035, "Invalid Form Body", allowed_mentions="missing (a rule of ours)")
    _check_allowed(body["allowed_mentions"])
    return content.strip()


def _check_allowed(allowed: Any) -> None:
    _only(allowed, _ALLOWED)
    for kind in ("users", "roles"):
        if kind in allowed.get("parse", ()) and allowed.get(kind):
            raise Refused(400, 50035, "Invalid Form Body", allowed_mentions="mutually exclusive")
        if any(not str(key).isdecimal() for key in allowed.get(kind, ())):
            raise Refused(400, 50035, "Invalid Form Body", allowed_mentions="not a snowflake")
