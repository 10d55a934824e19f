"""Whether a message calls somebody by name.

Scripts with spaces need the name as a word of its own. Chinese, Japanese and Thai run words
together, so a name of two characters or more counts anywhere among them, unless it is part of
another member's name or, in katakana, of a longer word; a single character must stand alone. Korean
puts particles behind a name, so there only its beginning is a border.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from ingest.chat import Message, Person
from ingest.clean import own_words
from ingest.people.handles import RESERVED
from ingest.terms import UNSPACED

_LINK = re.compile(
    r"(?:https?://|www\.)\S+|`[^`\n]{0,500}`|[A-Za-z0-9._+-]{1,64}@[A-Za-z0-9-]{1,63}\.[A-Za-z0-9.-]+"
)
_KATAKANA = "\u30a1-\u30fa\u30fc\u31f0-\u31ff"
_HANGUL = "\uac00-\ud7a3"
_COMMAS = tuple(",:，：、")
# Letters, digits, and the vowel signs that Python does not count as word characters.
_WORD = "\\w\u0300-\u036f\u0610-\u061a\u064b-\u065f\u0900-\u0dff\u0e31\u0e34-\u0e3a\u0e47-\u0e4e"
_LEAST_LETTERS = 3
_LEAST_RUNNING = 2


def callnames(person: Person) -> tuple[str, ...]:
    """What others may call a person: handle, names, and the first word of a name with several.

    Names of one or two letters (one character in Chinese) and words such as "self" call nobody;
    settings may name them.
    """
    firsts = [name.split()[0] for name in person.names if len(name.split()) > 1]
    found = [person.handle, *person.names, *firsts]
    telling = (name for name in map(str.strip, found) if _is_telling(name))
    return tuple(dict.fromkeys(name for name in telling if name.casefold() not in RESERVED))


def _is_telling(name: str) -> bool:
    running = re.search(f"[{UNSPACED}{_HANGUL}]", name)
    letters = sum(char.isalnum() for char in name)
    return letters >= (_LEAST_RUNNING if running else _LEAST_LETTERS)


def called_by(text: str, names: Sequence[str], others: Iterable[str] = ()) -> str | None:
    """The first of ``names`` that ``text`` calls, or None.

    Links, code, mail addresses and quoted lines call nobody, nor does a name that is part of one of
    ``others``' longer names ("Kevin" in "Kevin Lacker").
    """
    folded = text.casefold()
    if not any(name.casefold() in folded for name in names):
        return None
    said = _without(_LINK.sub(" ", own_words(text)).casefold(), names, others)
    return next((name for name in names if _pattern(name.casefold()).search(said)), None)


def is_spoken_to(text: str, name: str) -> bool:
    """Whether a name stands where one turns to somebody: first, last, after an @ or at a comma."""
    called = _pattern(name.casefold()).pattern
    place = rf"(?:^\W*|@|[,，、]\s*){called}|{called}\s*(?:[,，、!！?？]|\W*$)"
    return re.search(place, own_words(text).casefold()) is not None


def is_led_by(text: str, names: Iterable[str]) -> bool:
    """Whether a message opens with one of ``names`` as an address: ``name, …``, ``@name …``."""
    start = text.lstrip().casefold()[:80]
    at = start.startswith("@")
    start = start.removeprefix("@")
    called = (name for name in map(str.casefold, names) if start.startswith(name))
    after = [start[len(name) : len(name) + 1] for name in called]
    return any(sign in _COMMAS or (at and not sign.isalnum()) for sign in after)


def names_of_others(history: Iterable[Message]) -> set[str]:
    """Handles and names of those who wrote here and are not @self."""
    people = {message.person.id: message.person for message in history}
    return {
        name
        for person in people.values()
        if not person.is_self
        for name in (person.handle, *person.names)
        if name
    }


def _without(said: str, names: Sequence[str], others: Iterable[str]) -> str:
    """The text without others' names that hold one of ``names``, the longest first."""
    calls = [name.casefold() for name in names]
    folded = {other.casefold() for other in others} - set(calls)
    longer = [other for other in folded if any(name in other for name in calls)]
    for other in sorted(longer, key=len, reverse=True):
        said = said.replace(other, " ")
    return said


@lru_cache(maxsize=256)
def _pattern(name: str) -> re.Pattern[str]:
    return re.compile(_before(name) + re.escape(name) + _after(name))


def _before(name: str) -> str:
    if re.match(f"[{_KATAKANA}]", name):
        return f"(?<![{_KATAKANA}])"
    if re.match(f"[{UNSPACED}]", name):
        return "" if len(name) >= _LEAST_RUNNING else f"(?<![{_WORD}])"
    if re.match(f"[{_HANGUL}]", name):
        return f"(?<![{_HANGUL}])"
    return f"(?:(?<![{_WORD}])|(?<=[{UNSPACED}{_HANGUL}]))"


def _after(name: str) -> str:
    last = name[-1]
    if re.match(f"[{_KATAKANA}]", last):
        return f"(?![{_KATAKANA}])"
    if re.match(f"[{UNSPACED}]", last):
        return "" if len(name) >= _LEAST_RUNNING else f"(?![{_WORD}])"
    if re.match(f"[{_HANGUL}]", last):
        return ""
    return f"(?:(?![{_WORD}])|(?=[{UNSPACED}{_HANGUL}]))"
