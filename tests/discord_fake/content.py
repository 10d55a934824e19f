"""Who is pinged by a message and what is shown as more than text, as Discord resolves it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_USER = re.compile(r"<@!?(\d+)>")
_ROLE = re.compile(r"<@&(\d+)>")
_MASS = re.compile(r"@(everyone|here)")
_SHOWN = re.compile(
    r"<@!?\d+>|<@&\d+>|<#\d+>|</[^<>:\n]{1,200}:\d+>|<id:[a-z]+>|<t:-?\d+(?::[a-zA-Z])?>"
    r"|<a?:\w+:\d+>|@everyone|@here"
)
_MASKED = re.compile(r"\[[^\[\]\n]+\]\(<?https?://[^\s)]+>?\)")


def pings(content: str, allowed: Mapping[str, Any] | None, answered: str | None) -> frozenset[str]:
    """``everyone``, ``here``, ``user:id`` and ``role:id`` that get a notification.

    Without ``allowed_mentions`` everything in the text does, and who is replied to. ``answered`` is
    the author of the message replied to.
    """
    if allowed is None:
        allowed = {"parse": ["everyone", "users", "roles"], "replied_user": True}
    parse = allowed.get("parse", ())
    found = {mass for mass in _MASS.findall(content) if "everyone" in parse}
    for kind, pattern in (("user", _USER), ("role", _ROLE)):
        named = set(map(str, allowed.get(f"{kind}s", ())))
        for key in pattern.findall(content):
            if f"{kind}s" in parse or key in named:
                found.add(f"{kind}:{key}")
    if answered is not None and allowed.get("replied_user"):
        found.add(f"user:{answered}")
    return frozenset(found)


def shown(content: str) -> frozenset[str]:
    """Pieces that people see as a mention, a time, an emoji or a command, and hidden links."""
    return frozenset(_SHOWN.findall(content)) | frozenset(_MASKED.findall(content))


def users_in(content: str) -> list[str]:
    """The ids of the users mentioned, in their order."""
    return list(dict.fromkeys(_USER.findall(content)))
