"""QQ as JSON: the exports of QQChatExporter (QCE), versions 3 to 5, whole or in chunks.

No schema is published; the shapes follow its ``JsonExporter``, ``SimpleMessageParser`` and
``ChunkedJsonlWriter`` (github.com/shuakami/qq-chat-exporter): ``metadata``, ``chatInfo``,
``statistics`` and ``messages``; or ``manifest.json`` beside ``chunks/*.jsonl`` of one message a
line, whose chat only the manifest names. Text, media and replies are in ``content.elements``;
without them, ``content.text`` has ``[图片:name]`` and the like. A withdrawn message is left out.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterator
from typing import Any

import orjson

from ingest.chat import Account, Attachment, AttachmentKind, Conversation, RawMessage
from ingest.parsers.base import DailyRepeats, Parser, Reading, Skipped, digest, kind_of
from ingest.parsers.json_items import array_items, before_array
from ingest.parsers.json_lines import objects
from ingest.parsers.moments import Moments
from ingest.parsers.qq_elements import PLATFORM, taken_apart
from ingest.parsers.text import head_text
from ingest.sources import look

_REMEMBERED = 100_000
_MEDIA = {
    "image": AttachmentKind.PHOTO,
    "video": AttachmentKind.VIDEO,
    "audio": AttachmentKind.VOICE,
    "voice": AttachmentKind.VOICE,
    "file": AttachmentKind.FILE,
    "market_face": AttachmentKind.STICKER,
    "giphy": AttachmentKind.GIF,
    "location": AttachmentKind.LOCATION,
}
_OTHER = ("forward", "json", "long_message", "calendar", "tofu_record", "task_top_msg")
_SERVICE = ("system", "av_record")


def claims(head: bytes) -> bool:
    """A QCE export, or a chunk of one."""
    text = (head_text(head) or "").lstrip()
    if not text.startswith("{") or not re.search(r'"sender"\s*:\s*\{', text):
        return False
    if re.search(r'"chatInfo"\s*:\s*\{', text):
        return bool(re.search(r'"messages"\s*:\s*\[', text))
    return _is_chunk(text)


def _is_chunk(text: str) -> bool:
    first = text.split("\n", 1)[0]
    return bool(re.search(r'"content"\s*:\s*\{', first)) and all(
        re.search(rf'"{key}"\s*:', first) for key in ("id", "timestamp", "uid")
    )


def parse(reading: Reading) -> Iterator[RawMessage | Skipped]:
    """Stream the messages."""
    text = (head_text(look(reading.stream)) or "").lstrip()
    if re.search(r'"chatInfo"\s*:\s*\{', text) and not _is_chunk(text):
        path = "chunks.item.messages" if re.search(r'"chunks"\s*:\s*\[', text) else "messages"
        export = _Export(reading, _around(before_array(reading, path)))
        for number, data in enumerate(array_items(reading, path)):
            yield export.message(str(number), data)
        return
    export = _Export(reading, _manifest(reading))
    for number, data in objects(reading):
        yield export.message(str(number), data, line=number)


PARSER = Parser("qq_json", "QQ JSON", "QQChatExporter JSON", claims, parse)


def _around(before: dict[str, Any]) -> dict[str, Any]:
    """What stands before the messages; exports cut to pieces inside one file repeat it in each."""
    pieces = _list(before.get("chunks"))
    return _dict(pieces[0]) if pieces else before


def _manifest(reading: Reading) -> dict[str, Any]:
    for path in ("../manifest.json", "manifest.json"):
        content = reading.beside(path)
        try:
            if content is not None:
                return _dict(orjson.loads(content))
        except orjson.JSONDecodeError:
            continue
    return {}


class _Export:
    """The running state of a file: its chat, and the ids that replies may name."""

    def __init__(self, reading: Reading, around: dict[str, Any]) -> None:
        info = _dict(around.get("chatInfo"))
        self._moments = Moments(reading.zone)
        self._repeats = DailyRepeats()
        self._by_seq: OrderedDict[str, str] = OrderedDict()
        self._mine = {_text(info, "selfUid"), _text(info, "selfUin")} - {""}
        title = _text(info, "name") or reading.path.name.split(".")[0] or "QQ"
        keys = ("peerUin", "groupCode", "peerUid", "uin", "uid")
        key = next((found for name in keys if (found := _text(info, name))), digest(title))
        is_private = _text(info, "type").lower() in ("private", "friend", "c2c", "1")
        self._chat = Conversation(f"{PLATFORM}:{key}", title, PLATFORM, is_private=is_private)

    def message(self, where: str, data: Any, *, line: int | None = None) -> RawMessage | Skipped:
        if not isinstance(data, dict):
            return Skipped("not a message", where)
        if data.get("recalled") is True or data.get("isRecalled") is True:
            return Skipped("withdrawn", where)
        content = _dict(data.get("content"))
        elements = [_dict(element) for element in _list(content.get("elements"))]
        kinds = {_text(element, "type") for element in elements}
        is_system = data.get("system") is True or data.get("isSystemMessage") is True
        if is_system or data.get("type") == "system" or (kinds and kinds <= set(_SERVICE)):
            return Skipped("service notice", where)
        sent_at = self._moments.read(data.get("timestamp")) or self._moments.read(data.get("time"))
        if sent_at is None:
            return Skipped("no date", where)
        text, attachments = _content(elements, _text(content, "text"))
        if not text and not attachments:
            return Skipped("empty", where)
        author = self._author(data)
        id = _text(data, "id") or _text(data, "messageId")
        key = id or self._repeats.id(sent_at.date(), sent_at, author.key, text)
        self._remember(_text(data, "seq"), key)
        return RawMessage(
            id=f"{self._chat.id}:{key}",
            chat=self._chat,
            author=author,
            sent_at=sent_at,
            text=text,
            kind=kind_of(text),
            reply_to=self._reply_to(elements),
            mentions=tuple(_mentions(elements)),
            attachments=attachments,
            forwarded_from=_forwarded(elements),
            line=line,
        )

    def _author(self, data: dict[str, Any]) -> Account:
        sender, raw = _dict(data.get("sender")), _dict(data.get("rawMessage"))
        uin = _text(sender, "uin") or _text(raw, "senderUin")
        uid = _text(sender, "uid") or _text(raw, "senderUid")
        names = (
            _text(sender, "groupCard"),
            _text(raw, "sendMemberName"),
            _text(sender, "name"),
            _text(sender, "nickname"),
            _text(raw, "sendNickName"),
        )
        key = (uin if uin != "0" else "") or uid
        name = next(filter(None, names), key)
        is_self = bool(self._mine & {uin, uid})
        return Account(PLATFORM, key or f"name:{name}", name, is_self=is_self)

    def _remember(self, seq: str, key: str) -> None:
        if seq:
            self._by_seq[seq] = key
            if len(self._by_seq) > _REMEMBERED:
                self._by_seq.popitem(last=False)

    def _reply_to(self, elements: list[dict[str, Any]]) -> str | None:
        """The answered message: newer versions tell its id, older ones its number in the chat."""
        for element in elements:
            if element.get("type") == "reply":
                data = _dict(element.get("data"))
                for name in ("referencedMessageId", "messageId", "replayMsgSeq", "seq"):
                    if (told := _text(data, name)) not in ("", "0"):
                        return f"{self._chat.id}:{self._by_seq.get(told, told)}"
        return None


def _content(elements: list[dict[str, Any]], text: str) -> tuple[str, tuple[Attachment, ...]]:
    if not elements:
        return taken_apart(text)
    words = "".join(map(_words, elements)).strip()
    return words, tuple(filter(None, map(_attachment, elements)))


def _words(element: dict[str, Any]) -> str:
    kind, data = element.get("type"), _dict(element.get("data"))
    if kind == "text":
        return _raw(data, "text")
    if kind == "at":
        return f"@{_text(data, 'name').removeprefix('@')}"
    if kind == "face":
        return f"[{_text(data, 'name').strip('/[]') or '表情'}]"
    if kind == "markdown":
        return _raw(data, "content")
    return ""


def _attachment(element: dict[str, Any]) -> Attachment | None:
    kind, data = str(element.get("type")), _dict(element.get("data"))
    if kind in _OTHER:
        label = _text(data, "title") or _text(data, "summary") or kind
        return Attachment(AttachmentKind.OTHER, label[:80])
    if kind not in _MEDIA:
        return None
    media, name = _MEDIA[kind], _text(data, "filename")
    path = _text(data, "localPath") or _text(data, "url")
    file = "" if "://" in path else path
    if data.get("subType") == "sticker":
        return Attachment(AttachmentKind.STICKER, "", file)
    if media is AttachmentKind.STICKER:
        return Attachment(media, _text(data, "name").strip("[]"), file)
    if media is AttachmentKind.FILE:
        return Attachment(media, name, file)
    return Attachment(media, _length(data.get("duration")), file)


def _length(seconds: Any) -> str:
    is_told = isinstance(seconds, int) and not isinstance(seconds, bool) and 0 < seconds < 86_400
    return f"{seconds // 60}:{seconds % 60:02d}" if is_told else ""


def _mentions(elements: list[dict[str, Any]]) -> Iterator[Account]:
    for element in elements:
        data = _dict(element.get("data"))
        if element.get("type") == "at" and data.get("uid") != "all":
            uin = _text(data, "uin")
            key = (uin if uin != "0" else "") or _text(data, "uid")
            yield Account(
                PLATFORM, "" if key == "unknown" else key, _text(data, "name").lstrip("@")
            )


def _forwarded(elements: list[dict[str, Any]]) -> str | None:
    titles = [_text(_dict(e.get("data")), "title") for e in elements if e.get("type") == "forward"]
    return (titles[0] or "unknown") if titles else None


def _raw(data: dict[str, Any], key: str) -> str:
    value = data.get(key)
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""


def _text(data: dict[str, Any], key: str) -> str:
    return _raw(data, key).strip()


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
