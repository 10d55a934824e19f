"""The fake server on the wire: requests, long polling, webhooks, faults."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any

import orjson
from aiohttp import ClientError, ClientSession, web

from tests.telegram_fake.checks import Refused, bad, checked
from tests.telegram_fake.faults import Call, Fault, Hook, Planned
from tests.telegram_fake.methods import Methods
from tests.telegram_fake.world import Json

TOKEN = "7000000001:AAFakeTokenForTestsOnlyNotARealOne0"
_BATCH = 100


class FakeTelegram(Methods):
    """Use as a context manager; ``url`` is what ``telegram.url`` is to be set to.

    ``hook`` is asked before every request but ``getUpdates`` polls that wait; ``plan`` adds faults
    for the next calls. ``deliver`` may double or reorder what ``getUpdates`` answers.
    """

    def __init__(self, *, clock: Callable[[], float] = time.time, port: int = 0) -> None:
        super().__init__(clock)
        self.token = TOKEN
        self.hook: Hook = lambda _call: None
        self.deliver: Callable[[list[Json]], list[Json]] = lambda updates: updates
        self.counts: Counter[str] = Counter()
        self.webhook_answers: list[int] = []
        self.port = port
        self._planned: deque[Planned] = deque()
        self._number = 0
        self._poll = 0
        self._loop = asyncio.new_event_loop()
        self._arrived = asyncio.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="fake-telegram", daemon=True)
        self.wake = self._wake

    @property
    def url(self) -> str:
        """Address of the API."""
        return f"http://127.0.0.1:{self.port}"

    def plan(self, fault: Fault, *, method: str | None = None, times: int = 1) -> None:
        """This fault for the next ``times`` calls of ``method``."""
        with self.lock:
            self._planned.append(Planned(fault, method, times))

    def __enter__(self) -> FakeTelegram:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _wake(self) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._arrived.set)

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        runner = self._loop.run_until_complete(self._start())
        delivery = self._loop.create_task(self._deliver_webhook())
        self._ready.set()
        self._loop.run_forever()
        delivery.cancel()
        self._loop.run_until_complete(runner.cleanup())
        self._loop.run_until_complete(_end(asyncio.all_tasks(self._loop)))
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()

    async def _start(self) -> web.AppRunner:
        app = web.Application()
        app.router.add_route("*", "/bot{token}/{method}", self._handle)
        runner = web.AppRunner(
            app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True
        )
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", self.port)
        await site.start()
        self.port = runner.addresses[0][1]
        return runner

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        if request.match_info["token"] != self.token:
            return _refusal(Refused(401, "Unauthorized"))
        method = request.match_info["method"]
        try:
            params = checked(method, await _given(request))
        except Refused as refused:
            return _refusal(refused)
        self._number += 1
        self.counts[method] += 1
        call = Call(self._number, method, params)
        return await self._answer(request, call, self._fault(call))

    def _fault(self, call: Call) -> Fault | None:
        with self.lock:
            for planned in self._planned:
                if planned.method in (None, call.method):
                    planned.times -= 1
                    if planned.times == 0:
                        self._planned.remove(planned)
                    return planned.fault
        return self.hook(call)

    async def _answer(
        self, request: web.Request, call: Call, fault: Fault | None
    ) -> web.StreamResponse:
        if fault is None:
            return await self._carried_out(call)
        answer = await self._carried_out(call) if fault.has_effect else None
        await asyncio.sleep(fault.seconds)
        if fault.is_reset:
            if request.transport:
                request.transport.abort()
            return web.Response(status=500)
        if fault.status:
            more = {"retry_after": fault.retry_after} if fault.retry_after is not None else {}
            return _refusal(Refused(fault.status, fault.description, **more))
        return answer or await self._carried_out(call)

    async def _carried_out(self, call: Call) -> web.Response:
        try:
            params = dict(call.params)
            if call.method == "getUpdates":
                return _result(await self._updates(**params))
            if call.method in ("setWebhook", "deleteWebhook", "getWebhookInfo"):
                return _result(self._set_webhook(call.method, params))
            return _result(self.call(call.method, params))
        except Refused as refused:
            return _refusal(refused)

    async def _updates(
        self,
        offset: int = 0,
        limit: int = _BATCH,
        timeout: int = 0,  # noqa: ASYNC109 (as the API calls it)
        allowed_updates: list[str] | None = None,
    ) -> list[Json]:
        if self.webhook:
            raise Refused(
                409,
                "Conflict: can't use getUpdates method while webhook is active; "
                "use deleteWebhook to delete the webhook first",
            )
        if not 1 <= limit <= _BATCH:
            raise bad("limit must be between 1 and 100")
        self._acknowledge(offset, allowed_updates)
        self._poll += 1
        mine = self._poll
        self._wake()
        end = self._loop.time() + timeout
        while not self.updates and (left := end - self._loop.time()) > 0:
            self._arrived.clear()
            await _within(self._arrived.wait(), left)
            if mine != self._poll:
                raise Refused(409, Fault.conflict().description)
        with self.lock:
            return self.deliver(list(self.updates)[:limit])

    def _acknowledge(self, offset: int, allowed: list[str] | None) -> None:
        with self.lock:
            self.allowed = self.allowed if allowed is None else tuple(allowed)
            while offset < 0 and len(self.updates) > -offset:
                self.updates.popleft()
            while self.updates and offset > 0 and self.updates[0]["update_id"] < offset:
                self.updates.popleft()
            self.lock.notify_all()

    def _set_webhook(self, method: str, params: Json) -> Any:
        with self.lock:
            if method == "getWebhookInfo":
                return self._webhook_info()
            if params.get("drop_pending_updates"):
                self.updates.clear()
            if "allowed_updates" in params:
                self.allowed = tuple(params["allowed_updates"])
            self.webhook = params if params.get("url") else {}
            self.changed()
            return True

    def _webhook_info(self) -> Json:
        count = len(self.updates)
        url = self.webhook.get("url", "")
        return {"url": url, "has_custom_certificate": False, "pending_update_count": count}

    async def _deliver_webhook(self) -> None:
        async with ClientSession() as session:
            while True:
                if not (self.webhook and self.updates):
                    self._arrived.clear()
                    await self._arrived.wait()
                elif not await self._delivered(session, self.updates[0]):
                    await asyncio.sleep(0.05)

    async def _delivered(self, session: ClientSession, update: Json) -> bool:
        secret = self.webhook.get("secret_token", "")
        headers = {"Content-Type": "application/json"}
        headers |= {"X-Telegram-Bot-Api-Secret-Token": secret} if secret else {}
        try:
            url, body = self.webhook["url"], orjson.dumps(update)
            async with session.post(url, data=body, headers=headers) as response:
                self.webhook_answers.append(response.status)
                is_taken = 200 <= response.status < 300
        except (ClientError, OSError):
            return False
        with self.lock:
            if is_taken and self.updates and self.updates[0] is update:
                self.updates.popleft()
                self.lock.notify_all()
        return is_taken


async def _end(tasks: Iterable[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _within(waited: Any, seconds: float) -> None:
    try:
        await asyncio.wait_for(waited, seconds)
    except TimeoutError:
        return


async def _given(request: web.Request) -> Json:
    if request.content_type == "application/json":
        body = await request.json()
        if not isinstance(body, dict):
            raise bad("can't parse JSON")
        return {**request.query, **body}
    return {**request.query, **(await request.post())}


def _result(result: Any) -> web.Response:
    return web.Response(
        body=orjson.dumps({"ok": True, "result": result}), content_type="application/json"
    )


def _refusal(refused: Refused) -> web.Response:
    body: Json = {"ok": False, "error_code": refused.status, "description": refused.description}
    body |= {"parameters": refused.parameters} if refused.parameters else {}
    return web.Response(
        status=refused.status, body=orjson.dumps(body), content_type="application/json"
    )
