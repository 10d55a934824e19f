"""WeChat as text: MemoTrace (留痕), WeFlow and chatlog.

No schema is published; the shapes are those of MemoTrace's ``exporter_txt`` (``time name``, text, a
blank line), WeFlow's ``exportService`` (``time 'name'``) and chatlog's ``Message.PlainText``
(``name(id) time``, with ``[chat(id)]`` between where several chats are shown). Names alone tell who
speaks where there is no id; whoever is called 我 or 你 is the one whose export it is. A time with
something behind it and no text below is WeChat's own notice.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from ingest.chat import Account, Conversation, RawMessage
from ingest.parsers.base import DailyRepeats, Parser, Reading, Skipped, kind_of
from ingest.parsers.moments import Moments
from ingest.parsers.text import head_text, lines_of
from ingest.parsers.wechat_kinds import PLATFORM, Quotes, content_shown, is_service, mentioned

_TIME = r"(?P<time>\d{4}[-/]\d{1,2}[-/]\d{1,2} \d{1,2}:\d{2}:\d{2})"
_LAYOUTS = (
    re.compile(rf"{_TIME} '(?P<name>[^'\n]{{1,80}})'$"),
    re.compile(rf"{_TIME} (?P<name>[^\s<>\[\]*'=\-]((?!: )[^\n]){{0,80}})$"),
    re.compile(
        r"(?:(?P<name>\S[^\n]{0,80}?)?\((?P<id>[^()\s]*[^()\s\d][^()\s]*)\)"
        r"|(?P<bare>我|[A-Za-z][\w\-]{5,63})) "
        rf"(?:\[(?P<chat>[^\n]{{1,80}}?)(?:\((?P<chat_id>[^()\s]{{1,80}})\))?\] )?{_TIME}$"
    ),
)
_OF_QQ = re.compile(r"[(（]\d{4,12}[)）]$|<\S+@\S+>$")
_ME = ("我", "你")
_MAX_TEXT = 1 << 20
"""Characters; what goes on longer is no message."""


def claims(head: bytes) -> bool:
    """Two messages or more in one of the layouts, each behind a blank line."""
    lines = [line.strip() for line in (head_text(head) or "").strip().split("\n")]
    starts = [number for number, line in enumerate(lines) if _header(line)]
    if any(_OF_QQ.search(lines[number]) for number in starts):
        return False
    apart = [number for number in starts if number == 0 or not lines[number - 1]]
    told = [number for number in apart if number + 1 < len(lines) and lines[number + 1]]
    return starts[:1] == [0] and len(apart) == len(starts) and len(told) > 1


def _header(line: str) -> re.Match[str] | None:
    return next(filter(None, (layout.match(line) for layout in _LAYOUTS)), None)


def parse(reading: Reading) -> Iterator[RawMessage | Skipped]:
    """Stream the messages."""
    log = _Log(reading)
    was_blank = True
    for number, raw in enumerate(lines_of(reading)):
        line = raw.strip()
        if was_blank and (header := _header(line)):
            yield from log.finish()
            log.start(number, header)
        elif not log.go_on(raw.rstrip()) and line:
            yield Skipped("line without a speaker", str(number))
        was_blank = not line
    yield from log.finish()


PARSER = Parser(
    "wechat_text", "WeChat text", "WeChat text (MemoTrace, WeFlow, chatlog)", claims, parse
)


@dataclass(slots=True)
class _Open:
    """A message whose text is still being read."""

    line: int
    told: dict[str, str]
    text: list[str] = field(default_factory=list)
    size: int = 0


class _Log:
    """The running state of a file: the message being read, and what was said before."""

    def __init__(self, reading: Reading) -> None:
        self._moments = Moments(reading.zone)
        self._repeats, self._quotes = DailyRepeats(), Quotes()
        self._stem = reading.path.name.split(".")[0] or "WeChat"
        self._open: _Open | None = None

    def start(self, line: int, header: re.Match[str]) -> None:
        """A message begins."""
        self._open = _Open(line, {key: told for key, told in header.groupdict().items() if told})

    def go_on(self, line: str) -> bool:
        """Whether this line belongs to the message that has begun."""
        if self._open is None or self._open.size > _MAX_TEXT:
            return False
        self._open.text.append(line)
        self._open.size += len(line)
        return True

    def finish(self) -> Iterator[RawMessage | Skipped]:
        """The message that was being read, if any."""
        message, self._open = self._open, None
        if message is None:
            return
        where, told = str(message.line), message.told
        quoted, text = _quoted("\n".join(message.text).strip())
        sent_at = self._moments.read(told["time"])
        content = content_shown(text)
        if not text or is_service(text[:12] if text.startswith("[") else ""):
            yield Skipped("service notice", where)
        elif sent_at is None:
            yield Skipped("no date", where)
        else:
            chat, author = self._chat(told), _account(told)
            id = f"{chat.id}:{self._repeats.id(sent_at.date(), chat.id, sent_at, author.key, text)}"
            reply_to = self._quotes.find(quoted) if quoted else None
            self._quotes.remember(content.text, id)
            yield RawMessage(
                id=id,
                chat=chat,
                author=author,
                sent_at=sent_at,
                text=content.text,
                kind=kind_of(content.text),
                reply_to=reply_to,
                mentions=mentioned(content.text),
                attachments=content.attachments,
                forwarded_from="unknown" if content.is_forward else None,
                line=message.line,
            )

    def _chat(self, told: dict[str, str]) -> Conversation:
        title = told.get("chat", self._stem)
        key = told.get("chat_id") or (title if "chat" in told else f"name:{title}")
        return Conversation(f"{PLATFORM}:{key}", title, PLATFORM)


def _account(told: dict[str, str]) -> Account:
    key, name = told.get("id", "") or told.get("bare", ""), told.get("name", "")
    is_self = key in _ME or (not key and name in _ME)
    is_id = bool(key) and key not in _ME
    return Account(PLATFORM, key if is_id else f"name:{name or key}", name or key, is_self=is_self)


def _quoted(text: str) -> tuple[str, str]:
    """What a message quotes, below the line that tells whom, and its own words."""
    lines = text.split("\n")
    count = next((n for n, line in enumerate(lines) if not line.startswith(">")), len(lines))
    if count < 2 or count == len(lines):
        return "", text
    quoted = "\n".join(line.removeprefix(">").strip() for line in lines[1:count])
    return quoted.strip(), "\n".join(lines[count:]).strip()
