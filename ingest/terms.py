"""Text to search terms: words where scripts write spaces, pairs of characters where they do not."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator

UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uf900-\ufaff\U00020000-\U0003ffff"
)
"""Han, kana, Thai, Lao, Khmer, Myanmar: scripts that run words together, for use in ``[…]``."""
_RUNS = re.compile(rf"[{UNSPACED}]+|[^\W_{UNSPACED}]+(?:['’][^\W\d_]+)?")
_ACCENTS = re.compile("[\u0300-\u036f]")
_IS_UNSPACED = re.compile(rf"[{UNSPACED}]")
_FIRST_UNSPACED = "\u0e00"
_ASCII_ELISION = re.compile(r"(?<=[A-Za-z0-9])'([A-Za-z]+)'?")


def terms(text: str) -> Iterator[str]:
    """Folded search terms of ``text`` in order; ``"吃片儿川 SQLite"`` → 吃片 片儿 儿川 sqlite."""
    for run in _RUNS.findall(_folded(text)):
        if run[0] < _FIRST_UNSPACED or len(run) == 1 or not _IS_UNSPACED.match(run):
            yield run.replace("'", "").replace("’", "")
        else:
            yield from map(str.__add__, run, run[1:])


def _folded(text: str) -> str:
    """Lower case, one form of each character, and no accents: ``Café`` is found by ``cafe``."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    if folded.isascii():
        return folded
    bare = _ACCENTS.sub("", unicodedata.normalize("NFD", folded))
    return unicodedata.normalize("NFC", bare)


def phrase(text: str) -> str:
    """What the full-text index is given, whose tokenizer finds the terms of ``text`` in it.

    The tokenizer splits and lowers ASCII as :func:`terms` does, but for the apostrophe.
    """
    if not text.isascii():
        return " ".join(terms(text))
    return _ASCII_ELISION.sub(r"\1 ", text) if "'" in text else text


def any_of(wanted: Iterable[str]) -> str:
    """A full-text query that matches any of these terms; empty for none."""
    return " OR ".join(f'"{term}"' for term in wanted)
