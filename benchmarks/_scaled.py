"""A Telegram export of any size, made from a smaller real one, written as a stream.

The source is read over and over. Each round goes on where the last ended: new ids, later dates, and
after every few rounds a new cast of people. In one message of four the letters are exchanged by a
table of the round, so that the vocabulary grows with the chat, as it does in real ones, and the
index of words is not spared its work.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count, islice
from pathlib import Path
from string import ascii_lowercase, ascii_uppercase
from typing import Any

import ijson
import orjson

from ingest.sources import sources_of

SAMPLE = Path(__file__).parents[1] / "examples" / "midnight-canteen" / "result.json"
ROUNDS_PER_CAST = 4
DIALECT = 4
"""One message of this many is written in the dialect of its round."""
_HAN = range(0x4E00, 0x9FA6)
_TAIL = b"\n ]\n}\n"
Message = dict[str, Any]


def write_export(
    source: Path, target: Path, *, size: int = 0, messages: int = 0, casts: bool = True
) -> int:
    """Write at least ``size`` bytes, or ``messages`` messages, to ``target``; how many it has.

    ``casts`` says whether new people come after every few rounds.
    """
    number = 0
    with target.open("wb", buffering=1 << 20) as file:
        file.write(b'{\n "name": "Scaled",\n "type": "private_supergroup",\n "id": 4242,\n')
        file.write(b' "messages": [\n')
        for message in islice(scaled(source, casts=casts), messages or None):
            file.write((b",\n" if number else b"") + _written(message))
            number += 1
            if size and number % 100 == 0 and file.tell() >= size:
                break
        file.write(_TAIL)
    return number


def append(target: Path, message: Message) -> None:
    """One more message at the end of an export made here."""
    with target.open("r+b") as file:
        file.seek(-len(_TAIL), 2)
        file.write(b",\n" + _written(message) + _TAIL)


def scaled(source: Path, *, casts: bool = True) -> Iterator[Message]:
    """The messages of ``source`` for ever, each round different."""
    start, end, last_id = _extent(source)
    for number in count():
        table = _Dialect(number)
        for message in base_messages(source):
            varied = _varied(message, number, table, number * (end - start), number * last_id)
            yield _recast(varied, number // ROUNDS_PER_CAST) if casts else varied


def base_messages(source: Path) -> Iterator[Message]:
    """The messages of the export itself."""
    with next(sources_of(source)).open() as stream:
        yield from ijson.items(stream, "messages.item", use_float=True)


def _extent(source: Path) -> tuple[int, int, int]:
    """When the chat begins and ends, in seconds since 1970, and its last id."""
    start = end = last = 0
    for message in base_messages(source):
        end, last = _seconds(message), max(last, int(message["id"]))
        start = start or end
    return start, end, last


def _seconds(message: Message) -> int:
    return int(datetime.fromisoformat(message["date"]).replace(tzinfo=UTC).timestamp())


def _varied(message: Message, number: int, table: _Dialect, seconds: int, ids: int) -> Message:
    moment = _seconds(message) + seconds
    varied = {
        **message,
        "id": message["id"] + ids,
        "date": datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%S"),
        "date_unixtime": str(moment),
    }
    if "reply_to_message_id" in message:
        varied["reply_to_message_id"] = message["reply_to_message_id"] + ids
    if number and message["id"] % DIALECT == 0:
        for key in ("text", "text_entities"):
            varied[key] = _translated(message.get(key, ""), table)
    return varied


def _recast(message: Message, cast: int) -> Message:
    if not cast or "from_id" not in message:
        return message
    name = f"{message.get('from') or 'Somebody'} {cast}"
    return {**message, "from_id": f"{message['from_id']}{cast:03d}", "from": name}


def _translated(text: Any, table: _Dialect) -> Any:
    if isinstance(text, str):
        return text.translate(table)
    if isinstance(text, list):
        return [_translated(part, table) for part in text]
    return {**text, "text": text["text"].translate(table)} if "text" in text else text


class _Dialect(dict[int, int]):
    """Exchanges letters and Han characters for others of their kind."""

    def __init__(self, number: int) -> None:
        dice = random.Random(number)
        self._step = 1 + number * 131
        for letters in (ascii_lowercase, ascii_uppercase):
            self.update(zip(map(ord, letters), map(ord, dice.sample(letters, 26)), strict=True))

    def __missing__(self, char: int) -> int:
        other = _HAN[(char - _HAN.start + self._step) % len(_HAN)] if char in _HAN else char
        self[char] = other
        return other


def _written(message: Message) -> bytes:
    return orjson.dumps(message, option=orjson.OPT_INDENT_2)
