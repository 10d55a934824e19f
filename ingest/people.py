"""Accounts to people: one person per account, a readable handle that never changes once given."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container, Mapping

from ingest.chat import Account

MAX_HANDLE = 32
RESERVED = frozenset({"self", "all", "everyone", "here", "channel", "system"})
_NOT_WORD = re.compile(r"[^\w]+")
_CAMEL_BOT = re.compile(r"[a-z]Bot$")


def handle_for(name: str, taken: Container[str]) -> str:
    """A handle for someone displayed as ``name``, unique among ``taken`` (casefolded handles).

    ``Kevin Buzzard`` → kevin_buzzard, 周姐 → 周姐, 🌊 → water_wave, an empty name → someone.
    """
    stem = _slug(name) or _slug(_described(name)) or "someone"
    if stem in RESERVED:
        stem = f"{stem}_"
    handle, number = stem, 1
    while handle.casefold() in taken:
        number += 1
        handle = f"{stem}_{number}"
    return handle


def _slug(name: str) -> str:
    folded = unicodedata.normalize("NFKC", name).lower()
    return _NOT_WORD.sub("_", folded).strip("_")[:MAX_HANDLE].strip("_")


def _described(name: str) -> str:
    """The Unicode names of up to two symbols, for names made of emoji alone."""
    names = (unicodedata.name(char, "") for char in name if unicodedata.category(char) == "So")
    return "_".join([described for described in names if described][:2])


def readdress(text: str, handles: Mapping[str, str]) -> str:
    """``text`` with each ``@old`` of ``handles`` spelled ``@new``.

    Longer names are met first, and ``@Ann`` is not the start of ``@Annapolis``; scripts that run
    words together have no such border.
    """
    if not handles:
        return text
    longest_first = sorted(handles, key=len, reverse=True)
    names = (
        re.escape(name) + (r"(?![A-Za-z0-9_])" if name[-1:].isascii() else "")
        for name in longest_first
    )
    return re.sub(f"@({'|'.join(names)})", lambda found: f"@{handles[found[1]]}", text)


def looks_like_bot(account: Account) -> bool:
    """Whether the platform says so, or the name ends in a separate "bot" as bots' names do."""
    if account.is_bot or _CAMEL_BOT.search(account.name):
        return True
    return bool(re.search(r"(?:^|[\W_])bot$", account.name, re.IGNORECASE))
