"""What may go wrong with a request, and which requests it happens to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase


class Kind(StrEnum):
    """A way for a request to fail; ``AFTER`` where it took effect all the same."""

    STATUS = "status"
    STATUS_AFTER = "status after"
    LIMIT = "limit"
    LIMIT_GLOBAL = "global limit"
    CLOUDFLARE = "cloudflare"
    RESET_BEFORE = "reset before"
    RESET_AFTER = "reset after"
    SLOW = "slow"


@dataclass(slots=True)
class Fault:
    """``times`` requests that match ``on`` (``POST /channels/*/messages``) fail in this way.

    ``seconds`` is the ``retry_after`` of a limit, or how long a slow body takes.
    """

    kind: Kind
    on: str = "*"
    times: int = 1
    status: int = 500
    seconds: float = 0.05

    def fits(self, request: str) -> bool:
        """Whether ``request`` (method and path without the version) is meant."""
        return self.times > 0 and fnmatchcase(request, self.on)


Chaos = Callable[[str], Fault | None]
"""Decides for each request, by method and path, whether it fails."""


class Refused(Exception):
    """An error Discord answers with: HTTP status, its own code, words."""

    def __init__(self, status: int, code: int, message: str, **errors: object) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"message": message, "code": code} | ({"errors": errors} if errors else {})
