"""The library's client as we use it: silent about secrets and texts, careful with limits.

PTB's own logs carry texts at DEBUG and CRITICAL, its reprs and some of its errors the token, and
httpx logs the address of every request, which holds the token, at INFO. All three are kept quiet;
what matters of it is logged here, by id.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast

import httpx
from telegram._utils.types import JSONDict
from telegram.error import NetworkError, RetryAfter, TelegramError, TimedOut
from telegram.ext import AIORateLimiter, ExtBot
from telegram.request import HTTPXRequest

LOG = logging.getLogger("atself.telegram")
_CERTAIN = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_COUNTED = "sendMessage"


@dataclass(frozen=True, slots=True)
class Patience:
    """How long is waited for what; all but ``poll`` in seconds and fractions.

    ``first`` and ``longest`` bound the growing waits between tries, ``total`` how long a message is
    tried; ``settle`` passes before it is looked whether one arrived after all; ``read`` is the
    longest wait for an answer, ``poll`` the longest that Telegram holds a poll open.
    """

    first: float = 1.0
    longest: float = 60.0
    total: float = 300.0
    settle: float = 2.0
    read: float = 20.0
    poll: int = 30

    def wait(self, tries: int) -> float:
        """The wait after so many failures in a row."""
        return min(self.longest, self.first * 2.0 ** min(tries, 30))


class Limiter(AIORateLimiter):
    """Telegram's limits (30 a second, 20 a minute in a group), for messages alone.

    "typing…", rewriting and answers to buttons are no messages and take nothing from a group's
    budget. Where the limit is told to be hit, the caller waits: one busy group does not hold up the
    others.
    """

    async def process_request(
        self,
        callback: Callable[..., Coroutine[Any, Any, bool | JSONDict | list[JSONDict]]],
        args: Any,
        kwargs: dict[str, Any],
        endpoint: str,
        data: dict[str, Any],
        rate_limit_args: int | None,
    ) -> bool | JSONDict | list[JSONDict]:
        """See ``telegram.ext.BaseRateLimiter``."""
        if endpoint != _COUNTED:
            return await callback(*args, **kwargs)
        return await super().process_request(
            callback, args, kwargs, endpoint, data, rate_limit_args
        )


class Client(ExtBot[int]):
    """PTB's bot without the token in its repr, and with updates as plain objects."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "Client[telegram]"

    async def fetch(
        self,
        offset: int,
        timeout: int,  # noqa: ASYNC109 (as the API calls it)
        allowed: Sequence[str],
    ) -> list[JSONDict]:
        """The next updates, unparsed: one that cannot be read must not stop the rest.

        https://core.telegram.org/bots/api#getupdates
        """
        data: JSONDict = {"offset": offset, "timeout": timeout, "allowed_updates": list(allowed)}
        read = (self._request[0].read_timeout or 0) + timeout
        return cast("list[JSONDict]", await self._post("getUpdates", data, read_timeout=read))


def client_of(token: str, url: str, patience: Patience, limiter: Limiter) -> Client:
    """A client for the API at ``url``."""
    hush()
    base = url.rstrip("/")
    return Client(
        token,
        base_url=f"{base}/bot",
        base_file_url=f"{base}/file/bot",
        request=_request(patience),
        get_updates_request=_request(patience),
        rate_limiter=limiter,
    )


def _request(patience: Patience) -> HTTPXRequest:
    wait = min(10.0, patience.read)
    return HTTPXRequest(
        read_timeout=patience.read, write_timeout=wait, connect_timeout=wait, pool_timeout=wait
    )


def hush() -> None:
    """Keep tokens and texts out of the logs of the libraries below, and a warning unsaid."""
    os.environ.setdefault("PTB_TIMEDELTA", "true")  # spans are timedeltas in PTB 23; no warning
    logging.getLogger("telegram").setLevel(logging.CRITICAL + 1)
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in ("tornado.access", "tornado.general", "tornado.application"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)


def was_not_sent(error: TelegramError) -> bool:
    """Whether a failed request certainly had no effect."""
    return isinstance(error, RetryAfter) or isinstance(error.__cause__, _CERTAIN)


def seconds(span: timedelta | float) -> float:
    """A span of time as PTB tells it."""
    return span.total_seconds() if isinstance(span, timedelta) else float(span)


def pause_of(error: TelegramError, patience: Patience, tries: int) -> float:
    """How long to wait after a failure: what Telegram says, or longer and longer."""
    if isinstance(error, RetryAfter):
        return seconds(error.retry_after)
    return patience.wait(tries)


def reason(error: BaseException, secret: str = "") -> str:
    """A failure in few words, without the token."""
    name = type(error.__cause__ or error).__name__
    words = str(error) if not isinstance(error, TimedOut) else "timed out"
    if isinstance(error, NetworkError) and words.startswith("httpx."):
        words = "connection failed"
    text = " ".join(f"{words} ({name})".split())[:200]
    return text.replace(secret, "…") if secret else text
