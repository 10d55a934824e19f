"""WeChat as JSON: WeFlow (and EchoTrace, whose shape it shares), chatlog and PyWxDump.

WeFlow's ``exportJsonWriter`` writes ``{"weflow", "session", "messages"}``; its arkme form replaces
each sender by a number into ``senders``. chatlog's API answers with one array of messages that have
``seq``, ``talker``, ``sender`` and ``isSelf``. ``isSend`` 1 is one's own message, null WeChat's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from ingest.chat import Account, Attachment, AttachmentKind, Conversation, RawMessage
from ingest.parsers.base import Parser, Reading, Repeats, Skipped, kind_of
from ingest.parsers.json_items import array_items, before_array
from ingest.parsers.moments import Moments
from ingest.parsers.text import head_text
from ingest.parsers.wechat_csv import dumped
from ingest.parsers.wechat_kinds import (
    NUMBERED,
    PLATFORM,
    Content,
    Quotes,
    content_of,
    is_service,
    mentioned,
)
from ingest.sources import look

_WEFLOW = re.compile(r'"(?:weflow|session)"\s*:\s*\{')
_QUOTING = re.compile(r"(?:\[引用|「|【引用)[^\n]*\n(?:(?:-+|—+)[ \t]*\n)?")


def claims(head: bytes) -> bool:
    """An object with a session and Chinese message kinds, or chatlog's array."""
    text = (head_text(head) or "").lstrip()
    if text.startswith("["):
        return _is_chatlog(text) or _is_dump(text)
    return bool(
        text.startswith("{")
        and _WEFLOW.search(text)
        and re.search(r'"messages"\s*:\s*\[', text)
        and re.search(r'"(?:createTime|senderUsername|senderID|wxid)"\s*:', text)
    )


def _is_chatlog(text: str) -> bool:
    start = text[:4000]
    return all(f'"{key}"' in start for key in ("seq", "talker", "sender", "isSelf"))


def _is_dump(text: str) -> bool:
    start = text[:4000]
    return all(f'"{key}"' in start for key in ("type_name", "is_sender", "talker", "CreateTime"))


def parse(reading: Reading) -> Iterator[RawMessage | Skipped]:
    """Stream the messages."""
    text = (head_text(look(reading.stream)) or "").lstrip()
    if text.startswith("[") and _is_dump(text):
        yield from dumped(reading, array_items(reading, ""))
        return
    if text.startswith("["):
        export = _Export(reading, {})
        for number, data in enumerate(array_items(reading, "")):
            yield export.chatlog(number, data)
        return
    export = _Export(reading, before_array(reading, "messages"))
    for number, data in enumerate(array_items(reading, "messages")):
        yield export.weflow(number, data)


PARSER = Parser(
    "wechat_json", "WeChat JSON", "WeChat JSON (WeFlow, chatlog, PyWxDump)", claims, parse
)


class _Export:
    """The running state of a file: who is who, and what was said in which chat."""

    def __init__(self, reading: Reading, around: dict[str, Any]) -> None:
        self._moments = Moments(reading.zone)
        self._repeats, self._quotes = Repeats(), Quotes()
        self._stem = reading.path.name.split(".")[0] or "WeChat"
        self._session = _dict(around.get("session"))
        self._senders = {
            str(sender.get("senderID")): sender
            for sender in map(_dict, _list(around.get("senders")))
        }

    def weflow(self, number: int, data: Any) -> RawMessage | Skipped:
        if not isinstance(data, dict):
            return Skipped("not a message", str(number))
        kind, text = _text(data, "type"), _text(data, "content")
        sender = self._senders.get(_text(data, "senderID"), {})
        key = _text(data, "senderUsername") or _text(sender, "wxid")
        if is_service(kind) or data.get("isSend") is None or key.endswith("@chatroom"):
            return Skipped("service notice", str(number))
        content = _weflow_content(kind, text, data)
        name = _text(data, "senderDisplayName") or _text(sender, "displayName")
        is_self = str(data.get("isSend")) in ("1", "True")
        author = Account(PLATFORM, key or f"name:{name}", name, is_self=is_self)
        sent_at = self._moments.read(data.get("createTime"))
        id = _text(data, "platformMessageId")  # localId counts the messages of one export
        reply_to = _text(data, "replyToMessageId")
        return self._message(number, self._chat(), id, author, sent_at, content, reply_to)

    def chatlog(self, number: int, data: Any) -> RawMessage | Skipped:
        if not isinstance(data, dict):
            return Skipped("not a message", str(number))
        kind = _numbered(data.get("type"), data.get("subType"))
        if is_service(kind):
            return Skipped("service notice", str(number))
        details = _dict(data.get("contents"))
        text = _text(data, "content") or _text(details, "title") or _text(details, "desc")
        content = content_of(kind, text, _text(details, "path"))
        if content.text and (quoted := _dict(details.get("refer"))):
            content = Content(content.text, content.attachments, _text(quoted, "content"))
        is_self = data.get("isSelf") is True
        sender, name = _text(data, "sender"), _text(data, "senderName")
        author = Account(PLATFORM, sender or f"name:{name}", name or sender, is_self=is_self)
        talker = _text(data, "talker") or f"name:{self._stem}"
        title = _text(data, "talkerName") or talker
        is_private = not talker.endswith("@chatroom")
        chat = Conversation(f"{PLATFORM}:{talker}", title, PLATFORM, is_private=is_private)
        sent_at = self._moments.read(data.get("time"))
        return self._message(number, chat, _text(data, "seq"), author, sent_at, content, "")

    def _message(
        self,
        number: int,
        chat: Conversation,
        id: str,
        author: Account,
        sent_at: datetime | None,
        content: Content,
        reply_to: str,
    ) -> RawMessage | Skipped:
        if sent_at is None:
            return Skipped("no date", str(number))
        if not content.text and not content.attachments:
            return Skipped("empty", str(number))
        key = f"{chat.id}:{id or self._repeats.id(chat.id, sent_at, author.key, content.text)}"
        quoted = self._quotes.find(content.quoted) if content.quoted else None
        self._quotes.remember(content.text, key)
        return RawMessage(
            id=key,
            chat=chat,
            author=author,
            sent_at=sent_at,
            text=content.text,
            kind=kind_of(content.text),
            reply_to=f"{chat.id}:{reply_to}" if reply_to else quoted,
            mentions=mentioned(content.text),
            attachments=content.attachments,
            forwarded_from="unknown" if content.is_forward else None,
        )

    def _chat(self) -> Conversation:
        names = ("displayName", "remark", "nickname", "wxid")
        title = next((name for key in names if (name := _text(self._session, key))), self._stem)
        key = _text(self._session, "wxid") or f"name:{title}"
        is_private = "私" in _text(self._session, "type") or not key.endswith("@chatroom")
        return Conversation(f"{PLATFORM}:{key}", title, PLATFORM, is_private=is_private)


def _weflow_content(kind: str, text: str, data: dict[str, Any]) -> Content:
    if "引用" in kind or "quotedContent" in data:
        quoted = _text(data, "quotedContent")
        plain = content_of("引用", text)
        words = plain.text[_quote_end(plain.text) :].strip() if quoted else plain.text
        return Content(words or plain.text, plain.attachments, quoted or plain.quoted)
    if "位置" in kind and (place := _text(data, "locationPoiname")):
        return Content("", (Attachment(AttachmentKind.LOCATION, place),))
    if "表情" in kind and (caption := _text(data, "emojiCaption")):
        return Content("", (Attachment(AttachmentKind.STICKER, caption),))
    is_path = re.fullmatch(r"[^\n]*[/\\][^\n/\\]+\.\w{2,5}", text) is not None
    return content_of(kind, text, text if is_path else "")


def _quote_end(text: str) -> int:
    """Where the words begin behind a quotation of one line."""
    match = _QUOTING.match(text)
    return match.end() if match else 0


def _numbered(kind: Any, subkind: Any) -> str:
    numbers = (kind if isinstance(kind, int) else 0, subkind if isinstance(subkind, int) else 0)
    return NUMBERED.get(numbers) or NUMBERED.get((numbers[0], 0)) or f"{kind}/{subkind}"


def _text(data: dict[str, Any], key: str) -> str:
    value = data.get(key)
    return str(value).strip() if isinstance(value, str | int) else ""


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
