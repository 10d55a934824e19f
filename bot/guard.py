"""What may leave as words of @self: nobody else's, not the same again, of a sane length.

tidy → fresh → own → leaks → discreet; what leaves nothing is tried again, then not given at all.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from bot.leaks import leaks
from ingest.chat import Message
from ingest.prompt import neutralise

MOST_PARTS = 6
MOST_CHARACTERS = 1000
RECENT = 12  # lines of the scene that must not come back
SHORT = 6  # letters; "lol" and 好的 may be said again, though not twice running
_LONG = 16  # letters from which texts are compared for likeness
_NEAR = 0.8  # of pairs; a changed letter costs two
# A label, or a dated one as in recalled passages, which small models like to imitate.
# Whatever a reader takes for one counts: compared is the text in its plainest form (see _bare).
_MARKS = r"[\s>*_`~#|•-]*"
_LABEL = re.compile(
    rf"(?m)^{_MARKS}(?:\[?(?:\d{{0,4}}-)?\d\d?-\d\d[^@\n]{{0,16}})?@\s?[\w.-]{{1,64}}{_MARKS}[:∶︰]"
)
_NAMED = re.compile(rf"(?m)^{_MARKS}([\w .-]{{2,64}}?){_MARKS}[:∶︰]")
# Discord's and Telegram's own spellings of a mention, a command, a channel, a person: @self's words
# in the archive have handles in their place, so that no honest reply holds one.
_RAW = re.compile(r"<(?:[@#][!&]?|/[\w -]+:|t:-?|id:)[\w:-]*>|\btg://\S*", re.IGNORECASE)
_ALL = re.compile(
    r"(?<!\w)[@＠﹫]+(?=(?:everyone|here|channel|all)\b|所有人|全体成员|全員)", re.IGNORECASE
)
_HEAPED = re.compile(
    "([\u0300-\u036f\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff]{2})"
    "[\u0300-\u036f\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff]+"
)
_INERT = str.maketrans("<>", "‹›")
_SENTENCE_END = re.compile(r"[.!?…。！？~～)）\"”](?=\s|$)|[。！？]")


class Withheld(StrEnum):
    """Why nothing of a reply may leave."""

    NOTHING = "nothing"
    """There was nothing in it."""
    LABEL = "label"
    """It went on as somebody else at once."""
    REPEAT = "repeat"
    OTHERS = "others"
    """It spoke for one of the others."""
    LEAK = "leak"


@dataclass(frozen=True, slots=True)
class Kept:
    """What a reply may not tell: the head it was asked with, and what memory showed of others.

    ``redact`` replaces personal data in a text, but what the second one holds as well.
    """

    head: str = ""
    memory: Sequence[str] = ()
    redact: Callable[[str, str], str] = lambda text, _known: text


def checked(
    parts: Iterable[str], scene: Sequence[Message], kept: Kept, *, is_complete: bool
) -> tuple[str, ...]:
    """What of a reply to the last of ``scene`` may leave; ``()`` where nothing may."""
    left = own(fresh(tidy(parts, is_complete=is_complete), scene), scene)
    if leaks(left, kept.head, kept.memory):
        return ()
    return discreet(left, scene, kept.redact)


def why_withheld(
    parts: Sequence[str], scene: Sequence[Message], kept: Kept, *, is_complete: bool
) -> Withheld:
    """Why :func:`checked` left nothing of a reply."""
    clean = tidy(parts, is_complete=is_complete)
    if not clean:
        is_label = any(_LABEL.search(_bare(_clean(part))) for part in parts)
        return Withheld.LABEL if is_label else Withheld.NOTHING
    new = fresh(clean, scene)
    if not new:
        return Withheld.REPEAT
    left = own(new, scene)
    if not left:
        return Withheld.OTHERS
    return Withheld.LEAK if leaks(left, kept.head, kept.memory) else Withheld.NOTHING


def tidy(parts: Iterable[str], *, is_complete: bool) -> tuple[str, ...]:
    """Clean the parts of a reply; ``is_complete`` is false where it ran into its length limit."""
    kept: list[str] = []
    for part in map(_clean, parts):
        if _LABEL.search(
            _bare(part)
        ):  # the reader has cut those; what slips through ends the reply
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


def own(parts: Iterable[str], scene: Sequence[Message]) -> tuple[str, ...]:
    """The parts up to the first that speaks for one of the others, ``anna: I agree``.

    Whoever is answered may be spoken to like that: so people do on IRC.
    """
    asker = scene[-1].person.id if scene else None
    others = {
        _plain(name)
        for message in scene
        if not message.person.is_self and message.person.id != asker
        for name in (message.person.handle, *message.person.names)
    }
    kept: list[str] = []
    for part in parts:
        if any(_plain(found[1]) in others for found in _NAMED.finditer(_bare(part))):
            break
        kept.append(part)
    return tuple(kept)


def discreet(
    parts: Iterable[str], scene: Sequence[Message], redact: Callable[[str, str], str]
) -> tuple[str, ...]:
    """The parts without numbers, addresses and keys that the asker did not write themselves."""
    asker = scene[-1].person.id if scene else None
    asked = "\n".join(message.text for message in scene[-RECENT:] if message.person.id == asker)
    return tuple(redact(part, asked) for part in parts)


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
    """Nothing in it that a template, a terminal or a platform obeys."""
    plain = neutralise(part)
    quiet = _ALL.sub(
        "", _RAW.sub(lambda found: found[0].translate(_INERT).replace("tg:", "tg "), plain)
    )
    return _HEAPED.sub(r"\1", quiet).strip()


def _plain(text: str) -> str:
    """Letters, digits and symbols only, for comparison: "Hi!!" and "hi" are the same."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(char for char in folded if unicodedata.category(char)[0] in "LNS") or folded


def _bare(text: str) -> str:
    """A text in its plainest form: compatible characters as one, invisible ones gone."""
    folded = unicodedata.normalize("NFKC", text)
    return "".join(char for char in folded if unicodedata.category(char) not in ("Cf", "Mn"))


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
