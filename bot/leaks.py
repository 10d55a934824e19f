"""Replies that tell what they should keep: the head of the prompt, or others' words out of memory.

Compared are letters and digits alone, so that spacing, dashes or markup between them hide
nothing; a reply is also read backwards and out of base64. What is told in other words, or another
language, is not found: nothing may be in a prompt that its chat must not know.
"""

from __future__ import annotations

import base64
import binascii
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence

from ingest.chunks import width
from ingest.prompt import SELF

FIXED = 3  # lines of the head before those the owner wrote, which are there to be used
HEAD_RUN = 28
"""Letters in a row, of a fixed line of the head, that tell it was copied: some six words. A
character of a script without spaces counts as three."""
LONG_RUN = 48
"""The same for the owner's own lines and for what others said: some ten words."""
_GRAM = 6  # shorter than the shortest run in Chinese
_ENCODED = re.compile(r"[A-Za-z0-9+/]{24,}={0,2}")
_LINE = re.compile(rf"^(?:\d{{4}}-\d\d-\d\d )?@(?!{SELF}\b)[\w.-]+: ", re.MULTILINE)


def leaks(parts: Sequence[str], head: str, memory: Sequence[str] = ()) -> bool:
    """Whether a reply carries a long stretch of the head, or of what others said in ``memory``."""
    lines = head.split("\n")
    others = [line for line in memory if _LINE.match(line)]
    said = list(_readings("\n".join(parts)))
    return _holds(said, lines[:FIXED], HEAD_RUN) or _holds(
        said, [*lines[FIXED:], *others], LONG_RUN
    )


def _readings(text: str) -> Iterator[str]:
    """The text as it stands, backwards, and what is encoded in it."""
    yield _letters(text)
    yield _letters(text[::-1])
    for found in _ENCODED.findall(text):
        try:
            yield _letters(base64.b64decode(found + "=" * (-len(found) % 4)).decode())
        except (binascii.Error, UnicodeDecodeError):
            continue


def _holds(said: Iterable[str], secrets: Iterable[str], run: int) -> bool:
    """Whether any of ``said`` has ``run`` letters in a row that stand in one of ``secrets``."""
    kept = [_letters(secret) for secret in secrets]
    grams = {secret[i : i + _GRAM] for secret in kept for i in range(len(secret) - _GRAM + 1)}
    return any(_longest(text, grams) >= run for text in said)


def _longest(text: str, grams: set[str]) -> int:
    """The width of the longest stretch of ``text`` all of whose grams are known."""
    longest = start = 0
    for end in range(len(text) - _GRAM + 1):
        if text[end : end + _GRAM] in grams:
            longest = max(longest, width(text[start : end + _GRAM]))
        else:
            start = end + 1
    return longest


def _letters(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(char for char in folded if unicodedata.category(char)[0] in "LN")
