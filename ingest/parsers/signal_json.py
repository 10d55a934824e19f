"""Signal as JSON: ``data.json`` of signal-export, lists of its older forks, Signal Desktop's rows.

signal-export (``sigexport/models.py``) writes one message a line with ``date``, ``sender`` and
``body``; some of its forks a list of ``timestamp``, ``author`` and ``message``. Dumps of Signal
Desktop's database hold its own rows (``type``, ``sent_at``, ``conversationId``): in a list, in
lines, or under ``messages`` (``messsages`` in signal_db_export) beside ``conversations``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from ingest.chat import RawMessage
from ingest.parsers.base import Parser, Reading, Skipped
from ingest.parsers.json_items import around_array, array_items
from ingest.parsers.json_lines import first_object, objects
from ingest.parsers.signal_desktop import Desktop
from ingest.parsers.signal_entries import Chat, Entry, chat_of
from ingest.parsers.text import head_text
from ingest.sources import look

_EXPORTED = {"date", "sender", "body", "reactions", "attachments"}
_LISTED = {"timestamp", "author", "message"}
_ARRAY = re.compile(r'"(messs?ages)"\s*:\s*\[')
_DESKTOP_TYPE = re.compile(r'"type"\s*:\s*"(incoming|outgoing)"')
_DESKTOP_KEY = re.compile(r'"(sent_at|received_at|conversationId)"\s*:')


def claims(head: bytes) -> bool:
    """JSON whose first message has the members of one of these forms."""
    return bool(_form(head))


def parse(reading: Reading) -> Iterator[RawMessage | Skipped]:
    """Stream the messages, of all conversations in the file."""
    reading.stream.seek(0)
    form = _form(look(reading.stream))
    if form in ("lines", "list"):
        yield from _simple(reading, form)
        return
    told = around_array(reading, form) if form.startswith("mess") else {}
    desktop = Desktop(reading, told)
    for value in _rows(reading, form):
        yield desktop.message(value)


PARSER = Parser("signal_json", "Signal JSON", "Signal data.json of signal-export", claims, parse)


def _form(head: bytes) -> str:
    """``lines``, ``list``, ``rows`` (in lines), ``rows list``, the name of an array, or nothing."""
    text = (head_text(head) or "").lstrip()
    if text.startswith("["):
        if set(_first(text)) == _LISTED:
            return "list"
        return "rows list" if _is_desktop(text) else ""
    if not text.startswith("{"):
        return ""
    line = first_object(text)
    if line.keys() >= _EXPORTED:
        return "lines"
    array = _ARRAY.search(text)
    if array and _is_desktop(text[array.start() :]):
        return array[1]
    return "rows" if line and not array and _is_desktop(text.split("\n", 1)[0]) else ""


def _is_desktop(text: str) -> bool:
    return bool(_DESKTOP_TYPE.search(text) and _DESKTOP_KEY.search(text))


def _first(text: str) -> dict[str, Any]:
    """The first object of a list, empty where it is not whole or is none."""
    start = text.find("{")
    try:
        value, _end = json.JSONDecoder().raw_decode(text, start) if start >= 0 else (None, 0)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _rows(reading: Reading, form: str) -> Iterator[Any]:
    if form == "rows":
        return (value for _line, value in objects(reading))
    return array_items(reading, "" if form == "rows list" else form or "messages")


def _simple(reading: Reading, form: str) -> Iterator[RawMessage | Skipped]:
    chat: Chat | None = None
    found = objects(reading) if form == "lines" else enumerate(array_items(reading, ""))
    for number, value in found:
        if not isinstance(value, dict):
            yield Skipped("not a message")
            continue
        entry = _exported(value) if form == "lines" else _listed(value)
        if entry is None:
            yield Skipped("no date")
            continue
        chat = chat or chat_of(reading, entry)
        yield chat.message(entry, line=number if form == "lines" else None)


def _listed(value: dict[str, Any]) -> Entry | None:
    at = _instant(value.get("timestamp"))
    text = str(value.get("message") or "").strip()
    return Entry(at, str(value.get("author") or "").strip(), text) if at else None


def _exported(value: dict[str, Any]) -> Entry | None:
    at = _instant(value.get("date"))
    if at is None or at.year == 1970:  # which signal-export writes for "not known"
        return None
    return Entry(
        at=at,
        sender=str(value.get("sender") or "").strip(),
        text=_trimmed(str(value.get("body") or "")),
        quote=re.sub(r"^> ?", "", str(value.get("quote") or "").strip(), flags=re.MULTILINE),
        sticker=_sticker(value.get("sticker")),
        files=tuple(_files(value.get("attachments"))),
        reactions=tuple(_reactions(value.get("reactions"))),
        is_deleted=value.get("deleted") is True,
        is_call=value.get("call") is True,
    )


def _trimmed(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.split("\n")).strip()


def _instant(value: Any) -> datetime | None:
    """An ISO time, or seconds or thousandths of them since 1970."""
    try:
        if isinstance(value, int | float):
            return datetime.fromtimestamp(value / 1000 if value > 1e11 else value, UTC)
        return datetime.fromisoformat(str(value))
    except (ValueError, OverflowError, OSError):
        return None


def _sticker(value: Any) -> str | None:
    if isinstance(value, dict):
        return str(value.get("emoji") or "")
    return value if isinstance(value, str) and value else None


def _files(value: Any) -> Iterator[tuple[str, str]]:
    for one in value if isinstance(value, list) else ():
        if isinstance(one, dict):
            yield str(one.get("name") or ""), str(one.get("path") or "")


def _reactions(value: Any) -> Iterator[str]:
    """Pairs of a name and an emoji, or objects of both."""
    for one in value if isinstance(value, list) else ():
        emoji = one.get("emoji") if isinstance(one, dict) else None
        if isinstance(one, list) and len(one) == 2:
            emoji = one[1]
        if isinstance(emoji, str) and emoji.strip():
            yield emoji.strip()
