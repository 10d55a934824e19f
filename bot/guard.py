"""What may leave as words of @self: nobody else's, not the same again, of a sane length."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence

from ingest.chat import Message
from ingest.prompt import neutralise

MOST_PARTS = 6
MOST_CHARACTERS = 1000
RECENT = 12  # lines of the scene that must not come back
SHORT = 6  # letters; "lol" and 好的 may be said again, though not twice running
_LONG = 16  # letters from which texts are compared for likeness
_NEAR = 0.8  # of pairs; a changed letter costs two
# A label, or a dated one as in recalled passages, which small models like to imitate.
_LABEL = re.compile(r"(?m)^\s*(?:\[?\d{4}-\d\d-\d\d[^@\n]{0,16})?@[\w.-]{1,64}\s*[:：]")
_SENTENCE_END = re.compile(r"[.!?…。！？~～)）\"”](?=\s|$)|[。！？]")


def tidy(parts: Iterable[str], *, is_complete: bool) -> tuple[str, ...]:
    """Clean the parts of a reply; ``is_complete`` is false where it ran into its length limit."""
    kept: list[str] = []
    for part in map(_clean, parts):
        if _LABEL.search(part):  # the reader has cut those; what slips through ends the reply
            break
        if part and _plain(part) not in map(_plain, kept):
            kept.append(part)
    if kept and not is_complete:
        kept = _without_loose_end(kept)
    return _within(kept[:MOST_PARTS], MOST_CHARACTERS)


def fresh(parts: Iterable[str], scene: Sequence[Message]) -> tuple[str, ...]:
    """The parts that repeat neither what @self just said nor the line being answered."""
    lines = [message for message in scene if message.person.is_self][-RECENT:]
    said = {_plain(part) for message in lines for part in message.text.split("\n")}
    said |= {_plain(message.text) for message in (*lines, *scene[-1:])}
    last = _plain(lines[-1].text) if lines else None
    return tuple(part for part in parts if not _is_repeated(_plain(part), said, last))


def sendable(parts: Iterable[str], own_recent: Sequence[str]) -> tuple[str, ...]:
    """The parts worth sending where the bot's latest messages were ``own_recent``, oldest first.

    None that was sent before, be it in slightly other words, among them or each other; short ones
    may come back, though not twice running.
    """
    said = [_plain(text) for text in own_recent]
    kept: list[str] = []
    for part in parts:
        text = _plain(part)
        repeats = _is_repeated(text, set(said), said[-1] if said else None)
        if text and not repeats and not any(_is_near(text, other) for other in said):
            kept.append(part)
            said.append(text)
    return tuple(kept)


def _is_near(text: str, other: str) -> bool:
    """Whether two texts share most pairs of letters, and all figures: about a change in ten."""
    if min(len(text), len(other)) < _LONG or _figures(text) != _figures(other):
        return False
    pairs, others = (Counter(map(str.__add__, one, one[1:])) for one in (text, other))
    return 2 * (pairs & others).total() >= _NEAR * (len(text) + len(other) - 2)


def _figures(text: str) -> list[str]:
    return [char for char in text if char.isdecimal()]


def _is_repeated(text: str, said: set[str], last: str | None) -> bool:
    return text == last or (len(text) > SHORT and text in said)


def _clean(part: str) -> str:
    return neutralise(part).strip()


def _plain(text: str) -> str:
    """Letters, digits and symbols only, for comparison: "Hi!!" and "hi" are the same."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(char for char in folded if unicodedata.category(char)[0] in "LNS") or folded


def _without_loose_end(parts: list[str]) -> list[str]:
    """Drop an unfinished last part, or at least its unfinished sentence or word."""
    *whole, loose = parts
    if whole:
        return whole
    ends = [match.end() for match in _SENTENCE_END.finditer(loose)]
    if ends:
        return [loose[: ends[-1]]]
    words, space, _ = loose.rpartition(" ")
    return [words if space else loose]


def _within(parts: Sequence[str], room: int) -> tuple[str, ...]:
    kept: list[str] = []
    for part in parts:
        if len(part) > room:
            kept.extend([] if kept else _without_loose_end([part[:room]]))
            break
        kept.append(part)
        room -= len(part)
    return tuple(kept)
