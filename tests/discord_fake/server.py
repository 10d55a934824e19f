"""The fake Discord as tests use it: one aiohttp server in a thread of its own.

Everything public may be called from any thread, also from within a running event loop: calls take
fractions of a millisecond. Only ``wait_for`` blocks; in asynchronous tests use ``until``.

    with FakeDiscord() as fake:
        guild = fake.guild("garden")
        channel = fake.channel(guild, "general")
        ann = fake.user("ann", guild=guild)
        …a bot with url=fake.url and token=fake.token, here or in another process…
        fake.wait_online()
        said = fake.say(channel, ann, "hello there")
        sent = fake.wait_for(lambda: next((s for s in fake.sent if s.reference == said), None))
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, TypeVar

from aiohttp import web

from tests.discord_fake.faults import Chaos, Fault, Kind, Refused
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
TOKEN = "fake.discord.token"


class FakeDiscord:
    """A Discord with REST and gateway on a free port of loopback."""

    def __init__(self, token: str = TOKEN) -> None:
        self.token = token
        self.world = World(token)
        self.gateway = Gateway(self.world)
        self.rest = Rest(self.world, self.gateway)
        self.requests: list[str] = []
        self.refusals: list[tuple[str, int, Payload]] = []
        self.chaos: Chaos | None = None
        self.url = ""
        self._faults: list[Fault] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, name="fake discord", daemon=True)
        self._changed = threading.Condition()
        self._runner: web.AppRunner | None = None
        self._started = threading.Event()

    # Starting and stopping

    def __enter__(self) -> FakeDiscord:
        self._thread.start()
        if not self._started.wait(10):
            raise RuntimeError("the fake Discord did not start")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._start())
        self._started.set()
        self._loop.run_forever()

    async def _start(self) -> None:
        app = web.Application()
        app.router.add_get("/gateway/", self._connect)
        app.router.add_route("*", "/api/v10/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        port = self._runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{port}/api/v10"
        self.gateway.url = f"ws://127.0.0.1:{port}/gateway/"

    async def _stop(self) -> None:
        assert self._runner is not None
        self.gateway.drop()
        await self._runner.cleanup()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    def _do(self, action: Callable[[], Result]) -> Result:
        """Run ``action`` on the server's own thread and wait for it."""
        if threading.current_thread() is self._thread:
            return action()

        async def run() -> Result:
            return action()

        result = asyncio.run_coroutine_threadsafe(run(), self._loop).result(10)
        self._tell()
        return result

    def _tell(self) -> None:
        with self._changed:
            self._changed.notify_all()

    # The world

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

    # What the bot did

    @property
    def sent(self) -> list[Sent]:
        """Messages of the bot that were accepted, oldest first (also answers to interactions)."""
        return list(self.rest.sent)

    def texts(self, channel: str) -> list[str]:
        """What stands in a channel from the bot, oldest first."""
        messages = list(self.world.messages[channel].items())
        mine = [found for _key, found in messages if found["author"]["id"] == self.me]
        return [str(message["content"]) for message in mine]

    @property
    def is_online(self) -> bool:
        """Whether a session is connected."""
        return any(session.link is not None for session in self.gateway.sessions.values())

    def wait_for(self, predicate: Callable[[], Result], timeout: float = 10) -> Result:
        """What ``predicate`` returns once that is true; it is asked again after each change."""
        end = time.monotonic() + timeout
        with self._changed:
            while not (found := predicate()):
                left = end - time.monotonic()
                if left <= 0:
                    raise TimeoutError(f"not within {timeout} s; requests: {self.requests[-10:]}")
                self._changed.wait(min(left, 0.05))
        return found

    async def until(self, predicate: Callable[[], Result], seconds: float = 10) -> Result:
        """`wait_for` in an asynchronous test."""
        return await asyncio.to_thread(self.wait_for, predicate, seconds)

    def wait_online(self, timeout: float = 20) -> None:
        """Until a bot is connected."""
        self.wait_for(lambda: self.is_online, timeout)

    # What goes wrong

    def fail(
        self,
        kind: Kind,
        on: str = "*",
        *,
        times: int = 1,
        status: int = 500,
        seconds: float = 0.05,
    ) -> None:
        """The next ``times`` requests that match ``on`` fail; see ``faults.Fault``."""
        self._do(lambda: self._faults.append(Fault(kind, on, times, status, seconds)))

    def drop(self) -> None:
        """Cut the bot's gateway connections; its sessions can be resumed."""
        self._do(self.gateway.drop)

    def reconnect(self) -> None:
        """Ask the bot to connect anew and resume (op 7)."""
        self._do(lambda: self.gateway.order(7))

    def invalidate(self, *, can_resume: bool = False) -> None:
        """Tell the bot that its session is invalid (op 9)."""

        def invalidate() -> None:
            if not can_resume:
                self.gateway.forget()
            self.gateway.order(9, can_resume)

        self._do(invalidate)

    def lose_sessions(self) -> None:
        """Cut the connections and forget the sessions: a resume will fail."""

        def lose() -> None:
            self.gateway.forget()
            self.gateway.drop()

        self._do(lose)

    def double(self, events: int = 1) -> None:
        """Tell the next ``events`` events twice."""
        self._do(lambda: setattr(self.gateway, "duplicates", events))

    def swap(self, pairs: int = 1) -> None:
        """Tell the next message after the event that follows it, ``pairs`` times."""
        self._do(lambda: setattr(self.gateway, "swaps", pairs))

    def deny_content(self) -> None:
        """The message content intent is switched off in the portal."""
        self._do(lambda: setattr(self.world, "flags", 0))

    # Serving

    async def _connect(self, request: web.Request) -> web.StreamResponse:
        try:
            return await self.gateway.serve(request)
        finally:
            self._tell()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        path = f"/{request.match_info['path']}"
        name = f"{request.method} {path}"
        self.requests.append(name)
        fault = self._fault(name)
        if fault is not None and fault.kind in (Kind.RESET_BEFORE, Kind.STATUS, *_LIMITS):
            return self._failed(request, fault)
        status, body = self._worked(request, path, await request.text())
        self._tell()
        if fault is not None and fault.kind is Kind.SLOW:
            return await _slowly(request, status, body, fault.seconds)
        return self._failed(request, fault) if fault is not None else _json(status, body)

    def _fault(self, name: str) -> Fault | None:
        fault = next((fault for fault in self._faults if fault.fits(name)), None)
        if fault is not None:
            fault.times -= 1
            return fault
        return self.chaos(name) if self.chaos is not None else None

    def _worked(self, request: web.Request, path: str, text: str) -> tuple[int, Any]:
        name = f"{request.method} {path}"
        try:
            if self.rest.needs_token(path):
                if request.headers.get("Authorization") != f"Bot {self.token}":
                    raise Refused(401, 0, "401: Unauthorized")
                if not request.headers.get("User-Agent", "").startswith("DiscordBot ("):
                    raise Refused(400, 0, "A User-Agent is required")
            body = json.loads(text) if text else None
            query = {key: value for key, value in request.query.items() if key != "with_response"}
            return self.rest.answer(request.method, path, query, body)
        except Refused as refused:
            self.refusals.append((name, refused.status, refused.body))
            return refused.status, refused.body

    def _failed(self, request: web.Request, fault: Fault) -> web.StreamResponse:
        if fault.kind in (Kind.RESET_BEFORE, Kind.RESET_AFTER):
            assert request.transport is not None
            request.transport.abort()
            return web.Response(status=500)
        if fault.kind not in _LIMITS:
            return web.Response(status=fault.status, text="upstream trouble")
        is_global = fault.kind is Kind.LIMIT_GLOBAL
        headers = {"Retry-After": str(fault.seconds), "X-RateLimit-Scope": "user"}
        if fault.kind is not Kind.CLOUDFLARE:
            headers["Via"] = "1.1 google"
        if is_global:
            headers |= {"X-RateLimit-Global": "true", "X-RateLimit-Scope": "global"}
        body = {"message": "You are being rate limited.", "retry_after": fault.seconds}
        return _json(429, body | {"global": is_global}, headers)


_LIMITS = (Kind.LIMIT, Kind.LIMIT_GLOBAL, Kind.CLOUDFLARE)


def _json(status: int, body: Any, headers: dict[str, str] | None = None) -> web.Response:
    if body is None:
        return web.Response(status=status)
    # Discord names no character set, and discord.py compares the whole header.
    return web.Response(
        status=status,
        body=json.dumps(body).encode(),
        headers={"Content-Type": "application/json"} | (headers or {}),
    )


async def _slowly(
    request: web.Request, status: int, body: Any, seconds: float
) -> web.StreamResponse:
    """The body in pieces over ``seconds``."""
    data = json.dumps(body).encode()
    response = web.StreamResponse(status=status, headers={"Content-Type": "application/json"})
    await response.prepare(request)
    for piece in _quarters(data):
        await asyncio.sleep(seconds / 4)
        await response.write(piece)
    await response.write_eof()
    return response


def _quarters(data: bytes) -> Iterable[bytes]:
    step = len(data) // 4 + 1
    return (data[start : start + step] for start in range(0, len(data), step))


def _partial_emoji(emoji: str) -> Payload:
    if not emoji.startswith("<"):
        return {"id": None, "name": emoji}
    _, name, key = emoji.strip("<>").split(":")
    return {"id": key, "name": name}
