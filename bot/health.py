"""`/health` and `/metrics` on loopback, for whoever watches the bots."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Self

import orjson
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

from bot.errors import HealthUnavailable
from bot.metrics import Metrics

HOST = "127.0.0.1"


class Health:
    """The two pages, from :meth:`start` to :meth:`stop`."""

    def __init__(
        self, port: int, status: Callable[[], Mapping[str, object]], metrics: Metrics
    ) -> None:
        """``status`` is that of bot.admin.controls; port 0 takes a free one."""
        self._wanted, self._status, self._metrics = port, status, metrics
        app = web.Application()
        app.add_routes([web.get("/health", self._health), web.get("/metrics", self._figures)])
        self._runner = web.AppRunner(app, access_log=None)

    @property
    def port(self) -> int:
        """Where it listens, once it was started."""
        return int(self._runner.addresses[0][1])

    async def start(self) -> Self:
        """Listen. Raises HealthUnavailable where the port is taken."""
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, HOST, self._wanted).start()
        except OSError as error:
            await self._runner.cleanup()
            reason = os.strerror(error.errno) if error.errno else error
            raise HealthUnavailable(
                f"serve.port: {HOST}:{self._wanted} cannot be listened at ({reason}); "
                "choose another port, or 0 for none"
            ) from error
        return self

    async def stop(self) -> None:
        """Stop listening."""
        await self._runner.cleanup()

    async def _health(self, _request: web.Request) -> web.Response:
        """How each part is; 200 where all are well, else 503."""
        parts = self._status()
        is_well = all(_is_well(part) for part in parts.values())
        body = orjson.dumps({"is_well": is_well, **parts}, default=str)
        status = 200 if is_well else 503
        return web.Response(body=body, status=status, content_type="application/json")

    async def _figures(self, _request: web.Request) -> web.Response:
        headers = {"Content-Type": CONTENT_TYPE_LATEST}
        return web.Response(body=self._metrics.page(), headers=headers)


def _is_well(part: object) -> bool:
    return not isinstance(part, Mapping) or bool(part.get("is_well", True))
