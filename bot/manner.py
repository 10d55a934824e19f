"""How @self types: messages at a time, their lengths and pauses, when quoting; numbers alone.

Read off the archive in one pass (``bot.habits``), kept beside it, and read off again once @self has
written a tenth more. Quantiles throughout: one lunch break must not make a slow writer.
"""

from __future__ import annotations

import bisect
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from ingest.terms import UNSPACED

if TYPE_CHECKING:
    from config.settings import Home
    from ingest.archive import Archive

FORMAT = 1
MOST_PARTS = 8
LIVE = timedelta(minutes=5)
"""How far back a chat is looked at for how live it is."""
LIVE_BORDERS = (2, 9)
"""Messages of others in that time up to which a row of ``delays`` reaches; the last has no end."""
QUOTE_BORDERS = (0, 1, 3, 8)
"""The same for the messages in between and ``quotes``."""
_RELEARN = 0.1
_UNSPACED = re.compile(f"[{UNSPACED}]")
_log = logging.getLogger("atself.manner")


@dataclass(frozen=True, slots=True)
class Typing:
    """Seconds from one message of a burst to the next: ``base``, and ``per_character`` of the next.

    ``spread`` are evenly spaced quantiles of what it really took over what that gives.
    """

    base: float
    per_character: float
    spread: tuple[float, ...] = (0.3, 0.5, 0.65, 0.8, 0.9, 1.0, 1.15, 1.35, 1.7, 2.2, 3.0)

    def seconds(self, characters: int, luck: float) -> float:
        """How long a message takes, ``luck`` in [0, 1)."""
        return (self.base + self.per_character * characters) * drawn(self.spread, luck)


# 36 words a minute on a phone (Palin et al., "How do people type on mobile devices?", MobileHCI
# 2019), a word being five characters with its space; signs are composed of two to four keys.
SPACED = Typing(1.5, 0.3)
UNSPACED_TYPING = Typing(1.5, 0.8)
_DELAYS = (1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 11.0, 15.0, 22.0, 40.0, 120.0)


@dataclass(frozen=True, slots=True)
class Manner:
    """How @self types; the defaults stand where an archive tells too little.

    ``parts`` are the shares of bursts of 1, 2, … messages. ``lengths`` are evenly spaced quantiles
    of characters per message, ``delays`` of the seconds to a first reply, a row per liveliness of
    the chat (:data:`LIVE_BORDERS`). ``quotes`` are the shares of replies that quote, by the
    messages in between (:data:`QUOTE_BORDERS`). ``stops`` is the share of messages that end in a
    full stop. ``bursts`` counts what all this was learned from.
    """

    parts: tuple[float, ...] = (0.7, 0.2, 0.1)
    lengths: tuple[float, ...] = (2, 6, 10, 16, 24, 34, 48, 66, 95, 150, 400)
    spaced: Typing = SPACED
    unspaced: Typing = UNSPACED_TYPING
    delays: tuple[tuple[float, ...], ...] = (_DELAYS,) * (len(LIVE_BORDERS) + 1)
    quotes: tuple[float, ...] = (0.02, 0.1, 0.3, 0.6, 0.9)
    stops: float = 0.3
    bursts: int = 0

    def typing(self, text: str) -> Typing:
        """How fast a text is typed: by the script of most of its letters."""
        return self.unspaced if is_unspaced(text) else self.spaced

    def delay(self, live: int, luck: float, most: float) -> float:
        """Seconds to a first reply among those of at most ``most``, ``live`` messages around."""
        return drawn_below(self.delays[bisect.bisect_left(LIVE_BORDERS, live)], luck, most)

    def quoting(self, between: int) -> float:
        """The share of replies that quote with so many messages in between."""
        return self.quotes[bisect.bisect_left(QUOTE_BORDERS, between)]

    def length(self, share: float) -> float:
        """Characters that ``share`` of the messages do not exceed."""
        return drawn(self.lengths, share)

    def count(self, luck: float) -> int:
        """Messages of a burst, ``luck`` in [0, 1)."""
        reached = 0.0
        for number, share in enumerate(self.parts, 1):
            reached += share
            if luck < reached:
                return number
        return len(self.parts)


def is_unspaced(text: str) -> bool:
    """Whether most letters of a text are of a script that runs words together."""
    unspaced = len(_UNSPACED.findall(text))
    return unspaced > 0 and 2 * unspaced >= sum(map(str.isalpha, text))


def drawn(quantiles: Sequence[float], luck: float) -> float:
    """The value at the quantile ``luck``, between evenly spaced ones."""
    place = min(max(luck, 0.0), 1.0) * (len(quantiles) - 1)
    low = min(int(place), len(quantiles) - 2)
    return quantiles[low] + (quantiles[low + 1] - quantiles[low]) * (place - low)


def drawn_below(quantiles: Sequence[float], luck: float, most: float) -> float:
    """The same of the distribution cut off above ``most``; from half of it on where nothing is."""
    share = _share_below(quantiles, most)
    if share <= 0:
        return max(most, 0.0) * (1 + luck) / 2
    return min(drawn(quantiles, luck * share), most)


def _share_below(quantiles: Sequence[float], most: float) -> float:
    """Which share of a distribution lies below ``most``."""
    steps = len(quantiles) - 1
    low = bisect.bisect_right(quantiles, most) - 1
    if low < 0 or low >= steps:
        return float(low >= steps)
    width = quantiles[low + 1] - quantiles[low]
    return (low + (most - quantiles[low]) / width) / steps


def learn_manner(archive: Archive) -> Manner:
    """What one pass over the archive tells; seconds for a hundred thousand messages."""
    from bot.habits import Habits

    habits = Habits()
    for chat in archive.chats():
        habits.open(has_times=chat.has_times)
        for message in archive.messages(chat.id):
            habits.add(message)
    return habits.manner()


def load_manner(home: Home, archive: Archive) -> Manner:
    """What was learned last, learned again where that is long ago, damaged, or was never done."""
    revision, known = archive.revision, _read(home.manner)
    if known is not None and known["revision"] == revision:
        return _manner(known)
    written = archive.counts().self_messages
    if known is not None and abs(written - known["written"]) <= _RELEARN * known["written"]:
        return _manner(known)
    manner = learn_manner(archive)
    _save(home.manner, {"revision": revision, "written": written, "manner": asdict(manner)})
    return manner


def _save(path: Path, data: Mapping[str, Any]) -> None:
    """Write it; whatever is killed meanwhile, the file is a whole one."""
    partial = path.with_name(f"{path.name}.partial")
    rounded = orjson.dumps({"format": FORMAT, **data}, option=orjson.OPT_APPEND_NEWLINE)
    partial.write_bytes(rounded)
    partial.replace(path)


def _read(path: Path) -> dict[str, Any] | None:
    """The file, whole and of this version, or None."""
    try:
        data = orjson.loads(path.read_bytes())
        if data["format"] != FORMAT:
            return None
        _manner(data)
        return {**data, "revision": int(data["revision"]), "written": int(data["written"])}
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        _log.warning("%s: damaged; learned again", path.name)
        return None


def _manner(data: Mapping[str, Any]) -> Manner:
    """The manner in a file; ValueError, KeyError or TypeError where it is none."""
    told = dict(data["manner"])
    manner = Manner(
        parts=_numbers(told.pop("parts"), least=1),
        lengths=_numbers(told.pop("lengths"), least=2),
        spaced=_typing(told.pop("spaced")),
        unspaced=_typing(told.pop("unspaced")),
        delays=tuple(_numbers(row, least=2) for row in told.pop("delays")),
        quotes=_numbers(told.pop("quotes"), least=len(QUOTE_BORDERS) + 1),
        stops=float(told.pop("stops")),
        bursts=int(told.pop("bursts")),
    )
    if told or len(manner.delays) != len(LIVE_BORDERS) + 1:
        raise ValueError("a manner of another shape")
    return manner


def _typing(data: Mapping[str, Any]) -> Typing:
    spread = _numbers(data["spread"], least=2)
    return Typing(float(data["base"]), float(data["per_character"]), spread)


def _numbers(values: Sequence[Any], *, least: int) -> tuple[float, ...]:
    """Finite numbers from 0 on."""
    found = tuple(map(float, values))
    if len(found) < least or not all(0 <= value < 1e9 for value in found):
        raise ValueError(f"{len(found)} numbers, expected {least} or more")
    return found
