"""Text as the probes count it: tokens with a weight that means the same in every script."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from itertools import pairwise

Replies = Sequence[tuple[str, ...]]
"""Replies as bursts of messages."""

_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u31f0-\u31ff\u3400-\u9fff"
    "\uf900-\ufaff\U00020000-\U0003ffff"
)
_TOKENS = re.compile(rf"[{_UNSPACED}]|[^\W_{_UNSPACED}]+(?:['’][^\W\d_]+)?")
_IS_UNSPACED = re.compile(rf"[{_UNSPACED}]")
UNSPACED_WEIGHT = 0.5
"""Two Han characters or kana say about as much as one word of a spaced script."""
_LAUGHTER = re.compile(
    r"\b(?:(?:ha|he|hi|ah){2,}h?|l(?:ol|mao)+|lmfao|rofl|xd+|wk(?:wk)+|(?:ja){2,}|k{4,})\b"
    r"|哈{2,}|呵{2,}|嘿{2,}|嘻{2,}|笑死|草{2,}|[wｗ]{3,}|ㅋ{2,}|ㅎ{2,}|ه{2,}|خ{3,}|55{2,}"
    r"|[\U0001f600-\U0001f606\U0001f923]",
    re.IGNORECASE,
)


def tokens(text: str) -> list[str]:
    """Words of spaced scripts and single characters of the others, folded."""
    return _TOKENS.findall(unicodedata.normalize("NFKC", text).casefold())


def reworded(text: str, replace: Callable[[str], str]) -> str:
    """The text with each of its tokens (their case kept) replaced; the rest stays."""
    return _TOKENS.sub(lambda found: replace(found[0]), unicodedata.normalize("NFKC", text))


def weight(token: str) -> float:
    """How many words a token counts for."""
    return UNSPACED_WEIGHT if _IS_UNSPACED.match(token) else 1.0


def words(text: str) -> list[str]:
    """Words, and pairs of characters where a script writes no spaces."""
    found = tokens(text)
    pairs = [one + other for one, other in pairwise(found) if weight(one) < 1 and weight(other) < 1]
    return [token for token in found if weight(token) == 1] + pairs


def trigrams(text: str) -> list[str]:
    """Overlapping runs of three characters, line ends marked."""
    marked = f"\n{text.casefold()}\n"
    return [marked[i : i + 3] for i in range(len(marked) - 2)]


def laughs(text: str) -> bool:
    """Whether somebody laughs in a message, in one of many languages."""
    return bool(_LAUGHTER.search(text))


@cache
def script(character: str) -> str:
    """``latin``, ``han``, ``arabic``…, ``digit``, ``mark`` or ``emoji``; empty for white space."""
    category = unicodedata.category(character)
    if category.startswith("L"):
        return _letter(character)
    if category.startswith("N"):
        return "digit"
    if category in ("So", "Sk"):
        return "emoji"
    return "" if category[0] in "ZCM" else "mark"


def _letter(character: str) -> str:
    name = unicodedata.name(character, "unknown").split()[0].lower()
    known = {"cjk": "han", "hiragana": "kana", "katakana": "kana", "halfwidth": "kana"}
    return known.get(name, name)


def scripts(text: str) -> Counter[str]:
    """Letters by script; a Han character counts for three Latin ones."""
    found: Counter[str] = Counter()
    for character in text:
        name = script(character)
        if name not in ("", "digit", "mark", "emoji"):
            found[name] += 3 if name in ("han", "kana", "hangul") else 1
    return found


def messages(replies: Iterable[tuple[str, ...]]) -> list[str]:
    """All messages of the replies."""
    return [message for reply in replies for message in reply]
