"""The contract of a parser, and the choice of the one that fits a file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import tzinfo
from io import BufferedIOBase

from ingest.chat import RawMessage
from ingest.errors import FormatError
from ingest.sources import Source


@dataclass(frozen=True, slots=True)
class Skipped:
    """Something in an export that is not imported, and why; counted, never silent."""

    reason: str
    where: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a parser is given: an open stream, its name, and the zone of times without one."""

    stream: BufferedIOBase
    name: str
    zone: tzinfo


@dataclass(frozen=True, slots=True)
class Parser:
    """One export format.

    ``claims`` looks at the first 64 KiB; ``parse`` streams the messages and everything it leaves
    out, in file order, and raises FormatError (after yielding what came before) where it must stop.
    """

    name: str
    expects: str
    claims: Callable[[bytes], bool]
    parse: Callable[[Reading], Iterator[RawMessage | Skipped]]


def parser_for(source: Source, parsers: Iterable[Parser]) -> Parser:
    """The one parser that claims ``source``; zero or two claimants are a FormatError."""
    head = source.head()
    parsers = tuple(parsers)
    claimants = [parser for parser in parsers if parser.claims(head)]
    if len(claimants) == 1:
        return claimants[0]
    if claimants:
        names = " and ".join(parser.name for parser in claimants)
        raise FormatError(f"{source.name}: claimed by {names}; please report this file's format")
    expected = "; ".join(parser.expects for parser in parsers)
    raise FormatError(f"{source.name}: {_seen(head)}, not a known chat export (known: {expected})")


def _seen(head: bytes) -> str:
    if not head.strip():
        return "an empty file"
    start = head.lstrip()[:40].decode("utf-8", "replace").replace("\n", " ")
    return f"starts with {start!r}"
