"""WeChat as CSV: PyWxDump, WeClone's copies of it, MemoTrace (留痕) and chatlog.

No schema is published; the columns are those of PyWxDump's ``export_csv``, MemoTrace's
``exporter_csv`` and chatlog's ``/api/v1/chatlog?format=csv``. Recognised by their header:

- ``id,MsgSvrID,type_name,is_sender,talker,room_name,msg,src,CreateTime`` in any order;
  ``talker`` is who sent it, ``room_name`` the chat. In a private chat the chat is the other person,
  which counts more than ``talker`` where the two disagree; one's own ``talker`` may be ``我``.
- ``localId,TalkerId,Type,SubType,IsSender,CreateTime,Status,StrContent,StrTime,Remark,NickName,
  Sender``
- ``消息ID,类型,发送人,时间,内容,备注,昵称,更多信息``
- ``Time,SenderName,Sender,TalkerName,Talker,Content``
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from ingest.chat import Account, Conversation, RawMessage
from ingest.parsers.base import Parser, Reading, Repeats, Skipped, kind_of
from ingest.parsers.moments import Moments
from ingest.parsers.named_rows import header_of, rows
from ingest.parsers.wechat_kinds import (
    NUMBERED,
    PLATFORM,
    Quotes,
    content_of,
    is_service,
    mentioned,
)

ME = "我"
_TRUE = ("1", "true", "True", "TRUE")


@dataclass(frozen=True, slots=True)
class _Row:
    """One message, whatever its columns are called; empty where the layout has no such thing."""

    id: str
    kind: str
    chat: str
    sender: str
    time: str
    text: str
    name: str = ""
    chat_name: str = ""
    file: str = ""
    is_self: bool = False
    is_forward: bool = False


def _pywxdump(row: dict[str, str]) -> _Row:
    is_self, chat, talker = row["is_sender"] in _TRUE, row.get("room_name", ""), row["talker"]
    is_private = bool(chat) and not chat.endswith("@chatroom")
    if is_private and not is_self:
        talker = chat
    elif is_self and (talker in (chat, ME)):
        talker = ""
    return _Row(
        id=_server_id(row.get("MsgSvrID", "")) or row.get("id", ""),
        kind=row["type_name"],
        chat=chat or ("" if is_self else talker),
        sender=talker,
        time=row["CreateTime"],
        text=row["msg"],
        file=row.get("src", ""),
        is_self=is_self,
        is_forward=row.get("is_forward", "") in _TRUE,
    )


def _server_id(text: str) -> str:
    """WeChat's id of a message; none where it is 0 or a spreadsheet has rounded it."""
    return "" if text.strip() == "0" or re.search(r"[.,eE+]", text) else text.strip()


def _memotrace(row: dict[str, str]) -> _Row:
    is_self = row["IsSender"] in _TRUE
    sender = row.get("Sender", "") or row.get("", "")
    return _Row(
        id=row["localId"],
        kind=_numbered(row["Type"], row.get("SubType", "")),
        chat=row["TalkerId"],
        sender=sender or ("" if is_self else f"talker{row['TalkerId']}"),
        time=row["CreateTime"] or row.get("StrTime", ""),
        text=row["StrContent"],
        name=row.get("Remark", "") or row.get("NickName", ""),
        is_self=is_self,
    )


def _memotrace_chat(row: dict[str, str]) -> _Row:
    sender = row["发送人"]
    return _Row(
        id=row["消息ID"],
        kind=row["类型"],
        chat="",
        sender="" if sender == ME else f"name:{sender}",
        time=row["时间"],
        text=row["内容"],
        name=sender,
        is_self=sender == ME,
    )


def _chatlog(row: dict[str, str]) -> _Row:
    is_self = row["SenderName"] == ME
    return _Row(
        id="",
        kind="文本",
        chat=row["Talker"],
        sender=row["Sender"],
        time=row["Time"],
        text=row["Content"],
        name="" if is_self else row["SenderName"],
        chat_name=row["TalkerName"],
        is_self=is_self,
    )


_LAYOUTS: tuple[tuple[frozenset[str], Callable[[dict[str, str]], _Row]], ...] = (
    (frozenset(("type_name", "is_sender", "talker", "msg", "CreateTime")), _pywxdump),
    (
        frozenset(("localId", "TalkerId", "Type", "IsSender", "CreateTime", "StrContent")),
        _memotrace,
    ),
    (frozenset(("消息ID", "类型", "发送人", "时间", "内容")), _memotrace_chat),
    (frozenset(("Time", "SenderName", "Sender", "TalkerName", "Talker", "Content")), _chatlog),
)


def _numbered(kind: str, subkind: str) -> str:
    """The name of WeChat's numbers for what a message is."""
    numbers = (int(kind) if kind.isdecimal() else 0, int(subkind) if subkind.isdecimal() else 0)
    return NUMBERED.get(numbers) or NUMBERED.get((numbers[0], 0)) or f"{kind}/{subkind}"


def _layout(names: tuple[str, ...]) -> Callable[[dict[str, str]], _Row] | None:
    return next((read for columns, read in _LAYOUTS if columns <= set(names)), None)


def claims(head: bytes) -> bool:
    """A table with one of the known sets of columns."""
    return _layout(header_of(head)) is not None


def parse(reading: Reading) -> Iterator[RawMessage | Skipped]:
    """Stream the messages."""
    table = _Table(reading)
    read: Callable[[dict[str, str]], _Row] | None = None
    for number, row in rows(reading):
        read = read or _layout(tuple(row))
        if read is None:
            yield Skipped("unknown columns", str(number))
        else:
            yield table.message(number, read(row))


def dumped(reading: Reading, values: Iterable[Any]) -> Iterator[RawMessage | Skipped]:
    """The messages of PyWxDump's JSON: its rows as objects."""
    table = _Table(reading)
    for number, value in enumerate(values):
        row = {key: _cell(cell) for key, cell in value.items()} if isinstance(value, dict) else {}
        if not _LAYOUTS[0][0] <= row.keys():
            yield Skipped("not a message", str(number))
            continue
        item = table.message(number, _pywxdump(row))
        yield item if isinstance(item, Skipped) else replace(item, line=None)


def _cell(value: Any) -> str:
    return str(value) if isinstance(value, str | int) else ""


PARSER = Parser(
    "wechat_csv", "WeChat CSV", "WeChat CSV (PyWxDump, MemoTrace, chatlog)", claims, parse
)


class _Table:
    """The running state of a file: its chats, and what was said in them."""

    def __init__(self, reading: Reading) -> None:
        self._stem = reading.path.name.split(".")[0] or "WeChat"
        self._moments = Moments(reading.zone)
        self._repeats, self._quotes = Repeats(), Quotes()

    def message(self, number: int, row: _Row) -> RawMessage | Skipped:
        where = str(number)
        if is_service(row.kind) or row.text.lstrip().startswith(("<revokemsg", "<sysmsg")):
            return Skipped("service notice", where)
        sent_at = self._moments.read(row.time)
        if sent_at is None:
            return Skipped("no date", where)
        content = content_of(row.kind, row.text, row.file)
        if not content.text and not content.attachments:
            return Skipped("empty", where)
        chat = self._chat(row)
        key = row.id or self._repeats.id(chat.id, sent_at, row.sender, row.text)
        id = f"{chat.id}:{key}"
        quoted = self._quotes.find(content.quoted) if content.quoted else None
        self._quotes.remember(content.text, id)
        return RawMessage(
            id=id,
            chat=chat,
            author=_account(row),
            sent_at=sent_at,
            text=content.text,
            kind=kind_of(content.text),
            reply_to=quoted,
            mentions=mentioned(content.text),
            attachments=content.attachments,
            forwarded_from="unknown" if content.is_forward or row.is_forward else None,
            line=number,
        )

    def _chat(self, row: _Row) -> Conversation:
        key = row.chat or f"name:{self._stem}"
        is_group = key.endswith("@chatroom")
        title = row.chat_name or (row.chat if row.chat and not row.chat.isdecimal() else self._stem)
        is_private = bool(row.chat) and not row.chat.isdecimal() and not is_group
        return Conversation(f"{PLATFORM}:{key}", title, PLATFORM, is_private=is_private)


def _account(row: _Row) -> Account:
    key = row.sender or f"name:{ME}"
    return Account(PLATFORM, key, row.name or row.sender or ME, is_self=row.is_self)
