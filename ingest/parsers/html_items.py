"""Elements of a large HTML page, one at a time, in bounded memory.

libxml2's push parser repairs what browsers would; each wanted element is handed on when it ends and
then forgotten with all before it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from io import BufferedIOBase

from lxml import etree

from ingest.errors import FormatError

_PIECE = 1 << 16
_MAX_ELEMENT = 16 * 1024 * 1024
"""Bytes read while waiting for one element to end."""
_MAX_PARSED = 4 * 1024 * 1024
"""Bytes after which a parser is replaced: each keeps a note of every unknown tag it met."""


def elements(
    stream: BufferedIOBase,
    name: str,
    is_wanted: Callable[[etree._Element], bool],
    *,
    tag: str | tuple[str, ...] = "div",
    start: re.Pattern[bytes] | None = None,
) -> Iterator[etree._Element]:
    """Every element of the kind(s) ``tag`` for which ``is_wanted``, when it is complete.

    A wanted element inside a wanted one comes first. ``start`` is what a wanted element starts
    with, where none is inside another, so that the page can be parsed in parts.
    FormatError where no end is in sight.
    """
    parser = _parser(tag)
    waited = parsed = 0
    try:
        while piece := stream.read(_PIECE):
            found = start.search(piece) if start and parsed > _MAX_PARSED else None
            if found:
                parser.feed(piece[: found.start()])
                yield from _ended(parser, is_wanted)
                parser, piece, parsed = _parser(tag), piece[found.start() :], 0
            parser.feed(piece)
            waited += len(piece)
            parsed += len(piece)
            for element in _complete(parser, is_wanted):
                waited = 0
                yield element
            if waited > _MAX_ELEMENT:
                raise FormatError(f"{name}: 16 MiB of HTML without a message; not a chat export")
        yield from _ended(parser, is_wanted)
    except etree.XMLSyntaxError as error:
        reason = str(error).splitlines()[0]
        raise FormatError(f"{name}: not readable as HTML ({reason}); export it again") from error


def _parser(tag: str | tuple[str, ...]) -> etree.HTMLPullParser[etree._Element]:
    return etree.HTMLPullParser(events=("end",), tag=tag, encoding="utf-8", huge_tree=False)


def _complete(
    parser: etree.HTMLPullParser[etree._Element], is_wanted: Callable[[etree._Element], bool]
) -> Iterator[etree._Element]:
    for _event, element in parser.read_events():
        if is_wanted(element):
            yield element
            _forget(element)


def _ended(
    parser: etree.HTMLPullParser[etree._Element], is_wanted: Callable[[etree._Element], bool]
) -> Iterator[etree._Element]:
    """What is complete when the parser is told that no more comes."""
    parser.close()
    yield from _complete(parser, is_wanted)


def text_of(
    element: etree._Element, *, skip: Callable[[etree._Element], bool] | None = None
) -> str:
    """The text a reader sees, ``<br>`` as line breaks, white space at the ends removed."""
    return "".join(_pieces(element, skip)).strip()


def _pieces(
    element: etree._Element, skip: Callable[[etree._Element], bool] | None
) -> Iterator[str]:
    yield element.text or ""
    for child in element:
        if child.tag == "br":
            yield "\n"
        elif isinstance(child.tag, str) and not (skip and skip(child)):
            yield from _pieces(child, skip)
        yield child.tail or ""


def classes(element: etree._Element) -> frozenset[str]:
    """The CSS classes of an element."""
    return frozenset((element.get("class") or "").split())


def _forget(element: etree._Element) -> None:
    """Free an element that was handed on, and what came before it in the page."""
    element.clear(keep_tail=False)
    while element.getprevious() is not None:
        parent = element.getparent()
        if parent is None:
            return
        del parent[0]
