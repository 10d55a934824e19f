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
from types import TracebackType
from typing import Any, TypeVar

from aiohttp import web

from tests.discord_fake.faults import Chaos, Fault, Kind, Refused
from tests.discord_fake.gateway import Gateway
from tests.discord_fake.rest import Rest, Sent
from tests.discord_fake.stage import Stage
from tests.discord_fake.world import Payload, World

Result = TypeVar("Result")
TOKEN = "fake.discord.token"


class FakeDiscord(Stage):
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
