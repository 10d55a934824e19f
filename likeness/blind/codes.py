"""The code a friend sends back: which test, who, and what they chose, in letters hard to misread.

``ATB1-`` and Crockford's base 32 (https://www.crockford.com/base32.html) in groups of five, of::

    4 bytes   the test
    3 bytes   the respondent, drawn by their browser: who answers twice is known as the same
    1 byte    length of the nickname in bytes, then the nickname in UTF-8
    1 byte    number of choices, then four choices to a byte, the first in the lowest two bits
    4 bytes   CRC-32 of all before: a mistyped, swapped or missing character is noticed

blind.js writes the same. Whatever follows the last byte is not read: people add words.
"""

from __future__ import annotations

import unicodedata
import zlib
from dataclasses import dataclass

from likeness.errors import LikenessError

PREFIX = "ATB1"
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LONGEST_NAME = 24
"""Characters of a nickname."""
_MISREAD = str.maketrans("OIL", "011")
_HEAD, _TAIL = 7, 4
_GROUP = 5


@dataclass(frozen=True, slots=True)
class Answers:
    """What a code says; ``choices`` are 0 for the first reply, 1 for the second, 2 for neither."""

    test: str
    respondent: str
    friend: str
    choices: tuple[int, ...]


def encode(answers: Answers) -> str:
    """The code for these answers."""
    name = answers.friend.encode()
    packed = bytearray(-(-len(answers.choices) // 4))
    for place, choice in enumerate(answers.choices):
        packed[place // 4] |= choice << 2 * (place % 4)
    data = bytes.fromhex(answers.test + answers.respondent)
    data += bytes([len(name)]) + name + bytes([len(answers.choices)]) + packed
    text = _letters(data + zlib.crc32(data).to_bytes(_TAIL, "big"))
    groups = (text[start : start + _GROUP] for start in range(0, len(text), _GROUP))
    return "-".join((PREFIX, *groups))


def decode(code: str) -> Answers:
    """Read a code, with whatever words stand around it. LikenessError where it is not whole."""
    text = unicodedata.normalize("NFKC", code).upper()
    _, found, rest = text.partition(PREFIX)
    if not found:
        raise LikenessError(
            f"{_short(code)}: not a code of a blind test (they begin with {PREFIX}); "
            "ask for all of it"
        )
    data = _bytes(rest.translate(_MISREAD))
    size = _size(data)
    if size is None or zlib.crc32(data[:size]) != int.from_bytes(data[size : size + _TAIL], "big"):
        raise LikenessError(
            f"{_short(code)}: mistyped or cut off (its checksum differs); copy the whole code again"
        )
    return _read(data[:size])


def clean_name(name: str) -> str:
    """A nickname to show: one line, nothing invisible, not too long."""
    shown = "".join(" " if c.isspace() else c for c in unicodedata.normalize("NFC", name))
    kept = (c for c in shown if unicodedata.category(c)[0] != "C")
    return " ".join("".join(kept).split())[:LONGEST_NAME]


def _read(data: bytes) -> Answers:
    end = _HEAD + 1 + data[_HEAD]
    count, packed = data[end], data[end + 1 :]
    choices = tuple(packed[place // 4] >> 2 * (place % 4) & 3 for place in range(count))
    name = data[_HEAD + 1 : end].decode("utf-8", "replace")
    return Answers(data[:4].hex(), data[4:_HEAD].hex(), clean_name(name), choices)


def _size(data: bytes) -> int | None:
    """Where the checksum begins; None where the code ends before."""
    if len(data) <= _HEAD or len(data) <= (end := _HEAD + 1 + data[_HEAD]):
        return None
    size = end + 1 + -(-data[end] // 4)
    return size if len(data) >= size + _TAIL else None


def _letters(data: bytes) -> str:
    bits = int.from_bytes(data, "big") << (-len(data) * 8 % 5)
    length = -(-len(data) * 8 // 5)
    return "".join(ALPHABET[bits >> 5 * place & 31] for place in reversed(range(length)))


def _bytes(text: str) -> bytes:
    """What letters stand for, as far as they are whole bytes; all else is skipped."""
    values = [ALPHABET.index(letter) for letter in text if letter in ALPHABET]
    bits = 0
    for value in values:
        bits = bits << 5 | value
    spare = len(values) * 5 % 8
    return (bits >> spare).to_bytes(len(values) * 5 // 8, "big")


def _short(code: str) -> str:
    text = "".join(c for c in " ".join(code.split()) if c.isprintable())
    return text if len(text) <= 16 else f"{text[:15]}…"
