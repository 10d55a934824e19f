"""Accounts to people: one person per account, a readable handle that never changes once given."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container, Mapping

from ingest.chat import Account

MAX_HANDLE = 32
SOMEONE = "someone"
"""What is left where somebody forgotten was mentioned; nobody's handle."""
RESERVED = frozenset({"self", "all", "everyone", "here", "channel", "system", SOMEONE})
_NOT_WORD = re.compile(r"[^\w]+")
_BOT = re.compile(
    r"[a-z]Bot\d*$|(?i:(?:^|[\W_])bot\d*$|^bot[\W_]|\[bot\]|^(?:chan|nick|memo|host)serv$)"
    r"|机器人$|機器人$|ボット$|봇$"
)
# Cyrillic and Greek letters that look like Latin ones (Unicode confusables.txt, lower case), and
# small capitals.
_LOOKALIKES = str.maketrans(
    "аеорсухіјѕԁһӏαορνικᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘʀꜱᴛᴜᴠᴡʏᴢ", "aeopcyxijsdhlaopvikabcdefghijklmnoprstuvwyz"
)


def handle_for(name: str, taken: Container[str]) -> str:
    """A handle for someone displayed as ``name``, unique among ``taken``.

    ``taken`` holds handles casefolded, and their skeletons where look-alikes count as the same.
    ``Kevin Buzzard`` → kevin_buzzard, 周姐 → 周姐, 🌊 → water_wave, an empty name → somebody.
    """
    stem = _slug(name) or _slug(_described(name)) or "somebody"
    if skeleton(stem) in RESERVED:
        stem = f"{stem}_"
    handle, number = stem, 1
    while handle.casefold() in taken or skeleton(handle) in taken:
        number += 1
        handle = f"{stem}_{number}"
    return handle


def skeleton(handle: str) -> str:
    """What a handle looks like: the Cyrillic and the Latin ``anna`` have one skeleton."""
    return handle.casefold().translate(_LOOKALIKES)


def _slug(name: str) -> str:
    folded = unicodedata.normalize("NFKC", name).lower()
    # Vowel signs and accents are no word characters; what is left of the word stays one word.
    folded = "".join(char for char in folded if unicodedata.category(char)[0] != "M")
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
    """Whether the platform says so, or the name is shaped as bots' names are."""
    return account.is_bot or bool(_BOT.search(account.name))
