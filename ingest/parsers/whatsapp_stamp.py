"""How WhatsApp dates a message, in every locale.

The app writes date and time as the phone's locale does: iOS ``[31/12/2020, 23:59:01] Name: …``,
Android ``12/9/20, 23:55 - Name: …``, before 2018 iOS also ``31/12/16, 23:59:01: Name: …``. Whether
day or month comes first is told nowhere; all dates of the file together show it
(`whatsapp_survey`).
"""

from __future__ import annotations

import re
from collections.abc import Container
from dataclasses import dataclass
from functools import lru_cache

MARKS = "\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069\ufeff"
"""Invisible marks of writing direction, as a class of a regular expression."""
_M, _S = f"[{MARKS}]*", "[ \u00a0\u202f\u2009]"
_AM = (
    rf"a\.?{_S}?m\.?|上午|午前|오전|凌晨|清晨|早上|午夜|半夜|ص|ق\.ظ\.?|π\.μ\.|öö|sa|pg|पूर्वाह्न|म\.पू\.|"
    r"ก่อนเที่ยง|fm|dop\.|de\.|pd|p\.d\."
)
_PM = (
    rf"p\.?{_S}?m\.?|下午|午後|오후|中午|傍晚|晚上|夜晚|م|ب\.ظ\.?|μ\.μ\.|ös|ch|ptg|अपराह्न|म\.उ\.|"
    r"หลังเที่ยง|em|odp\.|du\.|md|m\.d\."
)
_HALF = rf"(?:(?P<{{0}}am>{_AM})|(?P<{{0}}pm>{_PM}))"
_DATE = (
    rf"(?P<a>\d{{1,4}}){_M}(?P<sep>[./\-年]){_S}?{_M}(?P<b>\d{{1,2}}){_M}[./\-月]{_S}?{_M}"
    rf"(?P<era>[RH](?=\d{{1,2}}\b))?(?P<c>\d{{1,4}}){_M}(?:\.|日|{_S}?г\.|{_S}BE)?"
)
_BETWEEN = rf"{_M}(?:[,،、]|{_S}(?:um|klo|kl\.?|at|à|alle|às|a las))?{_S}*{_M}"
_TIME = (
    rf"(?<!\d)(?P<h>\d{{1,2}})(?:[:.]|{_S}?h{_S}?)(?P<m>\d{{2}})(?:[:.](?P<s>\d{{2}}))?"
    rf"(?:{_S}?(?:Uhr|ч\.))?"
)
_WHEN = (
    rf"{_DATE}{_BETWEEN}(?:{_HALF.format('b')}{_S}*{_M})?{_TIME}"
    rf"(?:{_M}{_S}*{_M}{_HALF.format('a')})?{_M}"
)
_TURNED = (
    rf"(?:{_HALF.format('b')}{_S}*{_M})?{_TIME}"
    rf"(?:{_M}{_S}*{_M}{_HALF.format('a')})?{_M},?{_S}{_DATE}"
)
"""Vietnamese iPhones, and copies from WhatsApp Web, write the time first."""
_LINES = (
    ("[", re.compile(rf"{_M}\[{_M}{_WHEN}\]{_S}?(?P<rest>.*)", re.IGNORECASE | re.DOTALL)),
    ("[:", re.compile(rf"{_M}\[{_M}{_TURNED}\]{_S}?(?P<rest>.*)", re.IGNORECASE | re.DOTALL)),
    ("-", re.compile(rf"{_M}{_WHEN}{_S}[-–]{_S}?(?P<rest>.*)", re.IGNORECASE | re.DOTALL)),
    (":", re.compile(rf"{_M}{_WHEN}:{_S}(?P<rest>.*)", re.IGNORECASE | re.DOTALL)),
)
_START = re.compile(rf"{_M}\[?{_M}\d")
_ERAS = {"R": 2018, "H": 1988}
"""The years before the first of Reiwa and of Heisei, for iPhones set to the Japanese calendar."""
_SENDER = re.compile(rf"([^\n]{{1,100}}?):(?:{_S}|(?=\n)|\Z)(.*)", re.DOTALL)
_CLOSE = re.compile(r"([^\n:]{1,100}):(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Style:
    """How the lines of one export are dated: enclosure, separator, place and width of the year."""

    enclosure: str
    separator: str
    first: bool
    wide: bool
    seconds: bool

    def is_like(self, other: Style) -> bool:
        """Whether only the widths of numbers tell them apart, as between versions of the app."""
        return (self.enclosure, self.separator) == (other.enclosure, other.separator)


@dataclass(frozen=True, slots=True)
class Stamp:
    """The start of a line that is dated, and the ``rest`` of it; ``fields`` are its numbers."""

    style: Style
    fields: tuple[int, int, int]
    time: tuple[int, int, int]
    rest: str
    is_padded: bool
    has_latin_half: bool


def stamp_of(line: str) -> Stamp | None:
    """The stamp that ``line`` starts with, or None."""
    if not _START.match(line):
        return None
    is_boxed = "[" in line[:6]
    for enclosure, pattern in _LINES[:2] if is_boxed else _LINES[2:]:
        found = pattern.match(line, 0, 120)
        if found and (enclosure != ":" or found["s"]):
            return _stamp(found, enclosure, line)
    return None


def _stamp(found: re.Match[str], enclosure: str, line: str) -> Stamp:
    first = len(found["a"]) > 2
    wide = first or len(found["c"]) > 2 or bool(found["era"])
    style = Style(enclosure, found["sep"], first, wide, found["s"] is not None)
    half = found["aam"] or found["apm"] or ""
    is_padded = any(len(found[key]) == 2 and found[key][0] in "0٠०" for key in ("a", "b"))
    return Stamp(
        style,
        (
            int(found["a"]),
            int(found["b"]),
            int(found["c"]) + _ERAS.get((found["era"] or "").upper(), 0),
        ),
        (_hour(found), int(found["m"]), int(found["s"] or 0)),
        line[found.start("rest") :],
        is_padded or (len(found["a"]) == 2 and len(found["b"]) == 2),
        half in ("AM", "PM"),
    )


def _hour(found: re.Match[str]) -> int:
    hour = int(found["h"])
    if found["bpm"] or found["apm"]:
        return hour % 12 + 12 if hour <= 12 else hour
    return hour % 12 if (found["bam"] or found["aam"]) and hour <= 12 else hour


def sender_of(rest: str, known: Container[str] = ()) -> tuple[str, str]:
    """Who wrote a dated line, and what; no sender where the app itself did.

    Behind a ``known`` sender the colon needs no blank after it.
    """
    close = _CLOSE.match(rest)
    if close and _cleaned(close[1]) in known:
        return _cleaned(close[1]), close[2].removeprefix(" ")
    found = _SENDER.match(rest)
    return (_cleaned(found[1]), found[2]) if found else ("", rest)


@lru_cache(maxsize=4096)
def _cleaned(name: str) -> str:
    """A name without invisible marks and the ``~`` of people who are no contacts."""
    bare = re.sub(rf"[{MARKS}]", "", name)
    return " ".join(re.sub(rf"^~{_S}*", "", bare.strip()).split())
