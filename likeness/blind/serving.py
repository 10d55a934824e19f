"""The blind test on this machine's own address: answers come straight into the home folder."""

from __future__ import annotations

import asyncio
import hmac
import os
from collections.abc import Callable
from datetime import datetime
from typing import Self

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from config.settings import Home
from likeness.blind.blindtest import BlindTest
from likeness.blind.codes import decode
from likeness.blind.page import AUTO, page_of
from likeness.blind.results import Added, Result, add
from likeness.errors import LikenessError

LOOPBACK = "127.0.0.1"
MOST_BYTES = 4096
"""Of what is posted: a code has a few hundred."""
_OWN_NAMES = frozenset({"127.0.0.1", "localhost", "[::1]"})
_HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Serving:
    """One test over HTTP, from :meth:`start` to :meth:`stop`.

    Only the page itself can post: it alone knows ``token``, which another site can neither read
    nor send. On loopback only requests to a name of this machine are answered, so that no foreign
    name can be pointed here (DNS rebinding).
    """

    def __init__(
        self,
        home: Home,
        test: BlindTest,
        *,
        token: str,
        clock: Callable[[], datetime],
        told: Callable[[Result, Added], None],
        language: str = AUTO,
        host: str | None = None,
        port: int = 0,
    ) -> None:
        """``host`` is LOOPBACK unless one is named; ``told`` hears of everyone who answered."""
        self._home, self._test, self._token = home, test, token
        self._clock, self._told = clock, told
        self._host, self._wanted = host, port
        self._page = page_of(test, language=language, token=token)
        app = web.Application(client_max_size=MOST_BYTES, middlewares=[self._guarded()])
        app.add_routes([web.get("/", self._show), web.post("/answers", self._take)])
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False)
        self._adding = asyncio.Lock()

    @property
    def url(self) -> str:
        """Where it is, once started."""
        host, port = self._runner.addresses[0][:2]
        return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"

    async def start(self) -> Self:
        """Listen. Raises LikenessError where the port is taken."""
        host = self._host or LOOPBACK
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, host, self._wanted).start()
        except OSError as error:
            await self._runner.cleanup()
            reason = os.strerror(error.errno) if error.errno and error.errno > 0 else error
            raise LikenessError(
                f"{host}:{self._wanted} cannot be listened at ({reason}); choose another --port"
            ) from error
        return self

    async def stop(self) -> None:
        """Stop listening."""
        await self._runner.cleanup()

    async def _show(self, _request: web.Request) -> web.Response:
        return web.Response(text=self._page, content_type="text/html")

    async def _take(self, request: web.Request) -> web.Response:
        """Keep the answers of a code; the score, or in ``reason`` why there is none."""
        given = request.headers.get("X-Atself", "")
        if not hmac.compare_digest(given.encode(), self._token.encode()):
            return _refused("this page is from an earlier start; reload it", 403)
        try:
            answers = decode(await request.text())
            if answers.test != self._test.id:
                raise LikenessError(f"test {answers.test}: is not the one served here")
            async with self._adding:  # two friends of one nickname: the first counts
                result, added = await asyncio.to_thread(add, self._home, answers, now=self._clock())
        except (LikenessError, UnicodeDecodeError, LookupError) as error:
            return _refused(str(error), 400)
        self._told(result, added)
        is_first = added is not Added.KEPT
        return web.json_response({"right": result.right, "of": result.total, "is_first": is_first})

    def _guarded(self) -> Middleware:
        @web.middleware
        async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
            name = request.host.rpartition(":")[0] if _has_port(request.host) else request.host
            if self._host is None and name not in _OWN_NAMES:
                return _refused("not a name of this machine; see --host", 421)
            response = await handler(request)
            response.headers.update(_HEADERS)
            return response

        return guard


def _has_port(host: str) -> bool:
    return host.rpartition(":")[2].isdigit() and not host.endswith("]")


def _refused(reason: str, status: int) -> web.Response:
    return web.json_response({"reason": reason}, status=status)
