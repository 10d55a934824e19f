"""The contract of a parser, and the choice of the one that fits a file."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, tzinfo
from io import BufferedIOBase
from pathlib import PurePath

from ingest.chat import Kind, RawMessage
from ingest.errors import FormatError, UnknownFormat
from ingest.sources import Source

_COMMAND = re.compile(r"/[A-Za-z]\w{0,31}(@\w+)?(\s|$)")


@dataclass(frozen=True, slots=True)
class Skipped:
    """Something in an export that is not imported, and why; counted, never silent."""

    reason: str
    where: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a parser is given: an open stream, its name, and the zone of times without one.

    The stream is seekable, so that a parser may look at the whole file before it parses.
    ``beside`` reads another file of the same export by its path from this one (``../users.json``),
    whatever the case of its letters; None where there is none.
    """

    stream: BufferedIOBase
    name: str
    zone: tzinfo
    beside: Callable[[str], bytes | None] = lambda _path: None

    @property
    def path(self) -> PurePath:
        """Where the file lies, inside its archive where it is in one."""
        return PurePath(self.name.rpartition("!")[2])


@dataclass(frozen=True, slots=True)
class Parser:
    """One export format; ``key`` names it in listings and is the folder of its test samples.

    ``claims`` looks at the first 64 KiB; ``parse`` streams the messages and everything it leaves
    out, in file order, and raises FormatError (after yielding what came before) where it must stop.
    """

    key: str
    name: str
    expects: str
    claims: Callable[[bytes], bool]
    parse: Callable[[Reading], Iterator[RawMessage | Skipped]]


def parser_for(source: Source, parsers: Iterable[Parser]) -> Parser:
    """The one parser that claims ``source``; UnknownFormat for none, FormatError for two."""
    head = source.head()
    claimants = [parser for parser in parsers if parser.claims(head)]
    if len(claimants) == 1:
        return claimants[0]
    if claimants:
        names = " and ".join(parser.name for parser in claimants)
        raise FormatError(f"{source.name}: claimed by {names}; please report this file's format")
    raise UnknownFormat(
        f"{source.name}: {_seen(head)}, not a known chat export; "
        "for what is: atself ingest --formats"
    )


def _seen(head: bytes) -> str:
    if not head.strip():
        return "an empty file"
    start = head.lstrip()[:40].decode("utf-8", "replace").replace("\n", " ")
    return f"starts with {start!r}"


def digest(*parts: object) -> str:
    """16 hexadecimal digits that stand for ``parts``; for ids where an export has none."""
    text = "\n".join(map(str, parts))
    return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8).hexdigest()


class Repeats:
    """Ids for messages without one: a digest of what they are, and the how-manyth time.

    The same export read again, or a longer one of the same chat, gives the same ids.
    """

    def __init__(self) -> None:
        self._seen: Counter[str] = Counter()

    def id(self, *parts: object) -> str:
        """The id of the next message that is made of ``parts``."""
        key = digest(*parts)
        self._seen[key] += 1
        return key if self._seen[key] == 1 else digest(*parts, self._seen[key])


class DailyRepeats:
    """`Repeats` that start anew with each day: bounded memory for exports in order of time."""

    def __init__(self) -> None:
        self._day: date | None = None
        self._repeats = Repeats()

    def id(self, day: date, *parts: object) -> str:
        """The id of the next message, sent on ``day``, that is made of ``parts``."""
        if day != self._day:
            self._day, self._repeats = day, Repeats()
        return self._repeats.id(*parts)


def kind_of(text: str) -> Kind:
    """What a message with this text (and perhaps attachments) is."""
    if not text:
        return Kind.MEDIA
    return Kind.COMMAND if _COMMAND.match(text) else Kind.TEXT
