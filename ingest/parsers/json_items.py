"""Objects of a large JSON array, one at a time, in bounded memory.

The export of a single chat has one such array, which ijson builds in C at 170 MB/s. An account
holds one per chat, and which chat an item is from must be followed: exporters write one member per
line, and a JSON string cannot hold a raw line break, so the items are the runs of lines between an
opening brace and the closing one at its indentation (87 MB/s). Accounts laid out otherwise go
through ijson's events (35 MB/s).

`array_items` and `around_array` serve every format with one array of messages at a known path.
"""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedIOBase
from typing import Any

import ijson
import orjson

from ingest.errors import FormatError
from ingest.parsers.base import Reading

_ARRAY = re.compile(rb'^[ \t]*"messages":[ \t]*\[[ \t]*\r?\n$')
_OBJECT = re.compile(rb"^[ \t]*\{[ \t]*\r?\n$")
_SCALAR = re.compile(rb'^[ \t]*"(name|type|id)":[ \t]*(.+?),?[ \t]*\r?\n$')
_PRETTY = re.compile(rb'"messages":[ \t]*\[[ \t]*\r?\n[ \t]*\{[ \t]*\r?\n')
MAX_ITEM_BYTES = 16 * 1024 * 1024
"""Longer than any message. yajl takes time with the square of a string:
20 s, on a busy machine, for one of 64 MiB."""
MAX_DEPTH = 500
"""Braces and brackets inside each other. ijson keeps the path of each: at 100,000, gigabytes."""
MAX_AROUND = 1_000_000
"""Values beside the messages that are kept."""
_UNSTRUCTURED = bytes(set(range(256)) - set(b'"[]{}'))


@dataclass(frozen=True, slots=True)
class Item:
    """One element of a ``messages`` array, and the scalars of the object that holds the array."""

    value: dict[str, Any]
    chat: dict[str, Any]
    chat_number: int


def items(stream: BufferedIOBase, head: bytes, name: str) -> Iterator[Item]:
    """Every element of every ``messages`` array; ``head`` is a look at the start of ``stream``.

    Raises FormatError where the file is cut short or is not JSON, after what came before.
    """
    chat = _single_chat(head)
    if chat is not None:
        return _of_one_chat(stream, name, chat)
    return (_by_lines if _PRETTY.search(head) else _by_events)(stream, name)


def array_items(reading: Reading, path: str = "messages") -> Iterator[Any]:
    """Every element of the array at ``path``, whatever its type, from the start of the file.

    ``path`` is names joined by dots, ``item`` for an element on the way (``chats.item.messages``)
    and empty for a file that is one array. FormatError, after the elements before, where the file
    is cut short, is not JSON or is nested too deeply.
    """
    _rewind(reading)
    pieces = _Pieces(reading.stream, reading.name)
    with _explained(reading.name):
        prefix = f"{path}.item" if path else "item"
        for value in ijson.items(pieces, prefix, use_float=True):
            pieces.waited = 0
            yield value


def object_members(reading: Reading, path: str) -> Iterator[tuple[str, Any]]:
    """Every member of the object at ``path``, name and value, from the start of the file.

    Raises FormatError as `array_items` does.
    """
    _rewind(reading)
    pieces = _Pieces(reading.stream, reading.name)
    with _explained(reading.name):
        for key, value in ijson.kvitems(pieces, path, use_float=True):
            pieces.waited = 0
            yield key, value


def before_array(reading: Reading, path: str = "messages") -> dict[str, Any]:
    """What stands before the array at ``path``, as `around_array` gives it."""
    return _outside(reading, path, goes_on=False)


def around_array(reading: Reading, path: str = "messages") -> dict[str, Any]:
    """The file's object with its array at ``path`` left empty: what stands before and behind it.

    Reads the whole file in bounded memory. Of a damaged file, what stands before the damage.
    """
    return _outside(reading, path, goes_on=True)


def _outside(reading: Reading, path: str, *, goes_on: bool) -> dict[str, Any]:
    _rewind(reading)
    pieces = _Pieces(reading.stream, reading.name)
    builder = ijson.ObjectBuilder()
    try:
        for count, (event, value) in enumerate(_events_outside(pieces, path, goes_on=goes_on)):
            builder.event(event, value)
            if count > MAX_AROUND:
                raise FormatError(
                    f"{reading.name}: over a million values beside the messages; not a chat export"
                )
    except (ijson.JSONError, UnicodeDecodeError):  # array_items says so after the messages
        pass
    found = getattr(builder, "value", None)
    return found if isinstance(found, dict) else {}


def _events_outside(pieces: _Pieces, path: str, *, goes_on: bool) -> Iterator[tuple[str, Any]]:
    """ijson's events without those inside the array at ``path``; to its start, or to the end."""
    keys: list[str] = []
    inside = 0
    for event, value in ijson.basic_parse(pieces, use_float=True):
        pieces.waited = 0
        opens, closes = event.startswith("start_"), event.startswith("end_")
        if inside:
            inside += opens - closes
            if inside:
                continue
        elif opens:
            inside = event == "start_array" and ".".join(keys) == path
            keys.append("item")
        if closes:
            keys.pop()
        elif event == "map_key":
            keys[-1] = value
        yield event, value
        if inside and not goes_on:
            return


def _rewind(reading: Reading) -> None:
    reading.stream.seek(0)
    if reading.stream.read(len(BOM_UTF8)) != BOM_UTF8:
        reading.stream.seek(0)


def _single_chat(head: bytes) -> dict[str, Any] | None:
    """What stands before the ``messages`` of a file that is one chat, or None where it is not."""
    start = head.find(b'"messages"')
    try:
        found = orjson.loads(head[:start].removeprefix(BOM_UTF8) + b'"messages":0}')
    except orjson.JSONDecodeError:
        return None
    return {key: found[key] for key in ("name", "type", "id") if key in found}


def _of_one_chat(stream: BufferedIOBase, name: str, chat: dict[str, Any]) -> Iterator[Item]:
    pieces = _Pieces(stream, name)
    with _explained(name):
        for value in ijson.items(pieces, "messages.item", use_float=True):
            pieces.waited = 0
            yield Item(value, chat, 0)


def _by_lines(stream: BufferedIOBase, name: str) -> Iterator[Item]:
    lines = enumerate(_short_lines(stream, name), 1)
    chat: dict[str, Any] = {}
    chats, number = -1, 0
    for number, line in lines:
        if _ARRAY.match(line):
            chats += 1
            for value in _elements(lines, name):
                yield Item(value, chat, chats)
        elif _OBJECT.match(line):  # scalars of an earlier object are not this chat's
            chat = {}
        elif scalar := _SCALAR.match(line):
            chat = {**chat, scalar[1].decode(): _loads(scalar[2], name, number)}
    if chats < 0 or line.strip() not in (b"}", b"]"):
        raise _cut_short(name, number)


def _short_lines(stream: BufferedIOBase, name: str) -> Iterator[bytes]:
    while line := stream.readline(MAX_ITEM_BYTES):
        if len(line) == MAX_ITEM_BYTES:
            raise FormatError(f"{name}: a line of 16 MiB; not a chat export")
        yield line


def _elements(lines: Iterator[tuple[int, bytes]], name: str) -> Iterator[dict[str, Any]]:
    """The objects of one array; ends behind its closing bracket."""
    item: list[bytes] = []
    margin, size, number = 0, 0, 0
    for number, line in lines:
        bare = line.rstrip().removesuffix(b",")
        indent = len(bare) - len(bare.lstrip())
        if not item:
            if bare.strip() == b"]":
                return
            margin = indent
        item.append(line)
        size += len(line)
        # Files edited by hand close one column off; what is nested closes two or more inside.
        if bare.endswith(b"}") and bare.strip() in (b"}", b"{}") and indent <= margin + 1:
            text = b"".join(item).rstrip().removesuffix(b",")
            if indent == margin or _is_whole(text):
                yield _loads(text, name, number)
                item, size = [], 0
        elif size > MAX_ITEM_BYTES:
            raise FormatError(f"{name}:{number}: one message is over 16 MiB; not a chat export")
    raise _cut_short(name, number)


def _is_whole(text: bytes) -> bool:
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return True


def _loads(text: bytes, name: str, line: int) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise FormatError(f"{name}:{line}: not valid JSON ({error}); export it again") from error


def _by_events(stream: BufferedIOBase, name: str) -> Iterator[Item]:
    pieces = _Pieces(stream, name)
    with _explained(name):
        for item in _built(ijson.parse(pieces, use_float=True)):
            pieces.waited = 0
            yield item


@contextmanager
def _explained(name: str) -> Iterator[None]:
    try:
        yield
    except (ijson.JSONError, UnicodeDecodeError) as error:
        if "EOF" in str(error):
            raise _cut_short(name, 0) from error
        reason = str(error).replace("\\n", "\n").splitlines()[0]  # below it ijson draws where
        raise FormatError(f"{name}: not valid JSON ({reason}); export it again") from error


class _Pieces:
    """Reads that return what there is, so that nothing before the end of a cut file is lost.

    FormatError where JSON is nested too deeply, or the reader long did not set ``waited`` to 0.
    """

    def __init__(self, stream: BufferedIOBase, name: str) -> None:
        self.waited = 0
        self._stream = stream
        self._name = name
        self._depth = 0
        self._in_string = False
        self._tail = b""

    def read(self, size: int) -> bytes:
        """Up to ``size`` bytes; none at the end of the file."""
        piece = self._stream.read1(size)
        self._depth += self._rise(piece)
        if self._depth > MAX_DEPTH:
            raise FormatError(f"{self._name}: nested over {MAX_DEPTH} deep; not a chat export")
        self.waited += len(piece)
        if self.waited > MAX_ITEM_BYTES:
            raise FormatError(f"{self._name}: 16 MiB without a message; not a chat export")
        return piece

    def _rise(self, piece: bytes) -> int:
        """How much deeper the JSON is after ``piece``, its pairs taken off from the innermost."""
        text = self._tail + piece
        self._tail = b"\\" if (len(text) - len(text.rstrip(b"\\"))) % 2 else b""
        text = text.replace(b"\\\\", b"").replace(b'\\"', b"")
        runs = text.translate(None, _UNSTRUCTURED).split(b'"')
        bare = b"".join(runs[self._in_string :: 2])
        self._in_string ^= len(runs) % 2 == 0
        for _ in range(MAX_DEPTH):
            shorter = bare.replace(b"[]", b"").replace(b"{}", b"")
            if len(shorter) == len(bare):
                break
            bare = shorter
        else:
            return MAX_DEPTH + 1
        opening = bare.count(b"[") + bare.count(b"{")
        return opening - (len(bare) - opening)


def _built(events: Iterator[tuple[str, str, Any]]) -> Iterator[Item]:
    chat: dict[str, Any] = {}
    chats, item_prefix = -1, ""
    builder: Any = None
    for prefix, event, value in events:
        key = prefix.rpartition(".")[2]
        if builder is None and key == "messages" and event == "start_array":
            chats += 1
        elif builder is None and key in ("name", "type", "id") and event in ("string", "number"):
            chat = {**chat, key: value}
        elif builder is None and event == "start_map":
            if prefix.endswith("messages.item"):
                builder, item_prefix = ijson.ObjectBuilder(), prefix
                builder.event(event, value)
            else:
                chat = {}
        elif builder is not None:
            builder.event(event, value)
            if event == "end_map" and prefix == item_prefix:
                yield Item(builder.value, chat, chats)
                builder = None


def _cut_short(name: str, line: int) -> FormatError:
    where = f"{name}:{line}" if line else name
    return FormatError(
        f"{where}: the file ends in the middle; the messages before are kept; export it again"
    )
