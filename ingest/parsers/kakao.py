"""KakaoTalk's exports: text of computers and phones in Korean, English or Japanese, and CSV.

Computers write a ruled line for each day and ``[name] [오후 3:04] text``; phones the whole date
in each line, ``2023년 5월 6일 오후 3:04, name : text`` (Android), ``2023. 5. 6. 오후 3:04, …``
(iOS) or ``May 6, 2023 at 3:04 PM, …``; Macs a table ``Date,User,Message``. Files hold neither ids
nor a time zone, and the number of members in the heading changes. Android calls the phone's owner
회원님, "the member".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from ingest.chat import Conversation, RawMessage
from ingest.errors import FormatError
from ingest.parsers.base import Parser, Reading, Skipped, digest
from ingest.parsers.kakao_words import is_notice, is_withdrawn, media_of, title_in
from ingest.parsers.named_log import MAX_LINES, NamedLog, titled
from ingest.parsers.tables import header_of, rows_of
from ingest.parsers.text import head_text, lines_of
from ingest.parsers.written_dates import DateOrder

PLATFORM = "kakao"
_COLUMNS = ["Date", "User", "Message"]
_OWNER = "회원님"
_HALF = r"(?:오전|오후|午前|午後|上午|下午|[AaPp]\.?[Mm]\.?)"
_TIME = rf"(?:{_HALF}\s)?\d{{1,2}}:\d\d(?::\d\d)?(?:\s?{_HALF})?"
_DATE = (
    r"(?:\d{4}(?:[년年./-])\s?\d{1,2}(?:[월月./-])\s?\d{1,2}[일日.]?"
    r"|[A-Z][a-z]{2,8}\.? \d{1,2}, \d{4},?(?: at)?|\d{1,2} [A-Z][a-z]{2,8}\.? \d{4},?(?: at)?)"
)
_STAMPED = re.compile(rf"(?P<stamp>{_DATE}\s+{_TIME})(?:(?P<gap>, |: ?)(?P<rest>.*)|\s*)")
_BRACKETED = re.compile(rf"\[(?P<name>.+?)\] \[(?P<time>{_TIME})\](?: (?P<text>.*))?")
_TIMED = re.compile(rf"(?P<time>{_TIME}), (?P<rest>.+? : .*)")
_DAY = re.compile(
    rf"(?:-{{5,}}\s*)?(?P<day>(?:[A-Z][a-z]+day, )?{_DATE})"
    r"(?:\s*[월화수목금토일月火水木金土日](?:요일|曜日)?)?"
    r"(?:,? [A-Z][a-z]+day)?(?:\s*-{5,})?"
)
_RULE = re.compile(r"-{20,}\s*")
_SAVED = re.compile(
    r"\s*(저장한 날짜|Date Saved|Saved Date|保存した日付|保存日時)\s*:.*", re.IGNORECASE
)
_FILE = re.compile(r"KakaoTalk_Chat_(.+?)_\d{4}-\d\d-\d\d.*")


def claims(head: bytes) -> bool:
    """The Mac's columns, or lines with the times and separators that only KakaoTalk writes."""
    text = head_text(head)
    if text is None:
        return False
    if header_of(text)[1] == _COLUMNS:
        return True
    lines = [line for line in text.splitlines()[:80] if line.strip()]
    if any((found := _STAMPED.fullmatch(line)) and _said(found)[0] for line in lines):
        return True
    is_ruled = any(_DAY.fullmatch(line) for line in lines)
    return is_ruled and any(_BRACKETED.fullmatch(line) or _TIMED.fullmatch(line) for line in lines)


def parse(reading: Reading) -> Iterator[RawMessage | Skipped]:
    """Stream the messages of the chat."""
    reading.stream.seek(0)
    head = head_text(reading.stream.read(4096)) or ""
    yield from (_table if header_of(head)[1] == _COLUMNS else _text)(reading)


PARSER = Parser("kakao", "KakaoTalk", "KakaoTalk text or CSV", claims, parse)


def _table(reading: Reading) -> Iterator[RawMessage | Skipped]:
    log: NamedLog | None = None
    for line, row in rows_of(reading, ","):
        if not line or not any(row):
            continue
        log = log or NamedLog(_untitled(reading, *row))
        if len(row) < 3:
            yield Skipped("incomplete row", f"{reading.name}:{line + 1}")
            continue
        sent_at = DateOrder().read(row[0], reading.zone)
        if row[2].startswith(f"{row[1]}님") and is_notice(row[2]):
            yield Skipped("service notice", f"{reading.name}:{line + 1}")
            continue
        yield _message(log, reading, _Draft(line, sent_at, row[1].strip(), [row[2]]))


def _untitled(reading: Reading, *first: str) -> Conversation:
    """A chat without a heading: the file's name as the Mac gives it, or its first message."""
    stem = reading.path.stem
    if found := _FILE.fullmatch(stem):
        return titled(PLATFORM, found[1])
    return Conversation(f"{PLATFORM}:{digest(*first)}", stem, PLATFORM)


@dataclass
class _Draft:
    """A message that may go on in the next line."""

    line: int
    sent_at: datetime | None
    name: str
    body: list[str] = field(default_factory=list)

    def go_on(self, line: str, name: str) -> None:
        """Take one more line in."""
        self.body.append(line)
        if len(self.body) > MAX_LINES:
            raise FormatError(f"{name}:{self.line + 1}: a message of over 20,000 lines")


def _text(reading: Reading) -> Iterator[RawMessage | Skipped]:
    log: NamedLog | None = None
    draft: _Draft | None = None
    title, day = "", ""
    for number, line in enumerate(lines_of(reading)):
        started, day, is_layout = _started(reading, number, line, day)
        if draft and not started and not is_layout and not is_notice(line):
            draft.go_on(line, reading.name)
            continue
        if draft and log:
            yield _message(log, reading, draft)
        draft = started
        if started:
            log = log or NamedLog(titled(PLATFORM, title) if title else _untitled(reading, line))
        elif not is_layout and line.strip():
            found = None if title or log else title_in(line)
            title = found or title
            if not found and (title or log or number > 1):
                yield Skipped("service notice", f"{reading.name}:{number + 1}")
    if draft and log:
        yield _message(log, reading, draft)


def _started(reading: Reading, number: int, line: str, day: str) -> tuple[_Draft | None, str, bool]:
    """The message that starts here, the day it is, and whether the line is but layout."""
    order = DateOrder()
    if found := _STAMPED.fullmatch(line.rstrip()):
        if found["gap"] is None:
            return None, found["stamp"], True
        name, text = _said(found)
        sent_at = order.read(found["stamp"], reading.zone)
        return _Draft(number, sent_at, name, [text]), day, False
    if found := _BRACKETED.fullmatch(line):
        sent_at = order.read(f"{day} {found['time']}", reading.zone)
        return _Draft(number, sent_at, found["name"].strip(), [found["text"] or ""]), day, False
    if day and (found := _TIMED.fullmatch(line)):
        name, _, text = found["rest"].partition(" : ")
        sent_at = order.read(f"{day} {found['time']}", reading.zone)
        return _Draft(number, sent_at, name.strip(), [text]), day, False
    if found := _DAY.fullmatch(line.strip()):
        return None, found["day"], True
    return None, day, bool(_SAVED.fullmatch(line) or _RULE.fullmatch(line))


def _said(found: re.Match[str]) -> tuple[str, str]:
    """Who says what; nobody where it is a system message."""
    name, gap, text = (found["rest"] or "").partition(" : ")
    is_said = gap and found["gap"] == ", " and len(name) <= 80
    return (name.strip(), text) if is_said else ("", found["rest"] or "")


def _message(log: NamedLog, reading: Reading, draft: _Draft) -> RawMessage | Skipped:
    where = f"{reading.name}:{draft.line + 1}"
    text = "\n".join(draft.body).strip()
    if not draft.name:
        return Skipped("service notice", where)
    if draft.sent_at is None:
        return Skipped("no date", where)
    if not text:
        return Skipped("empty", where)
    if is_withdrawn(text):
        return Skipped("deleted", where)
    attachments, text = media_of(text)
    return log.message(
        draft.sent_at, draft.name, text, attachments, draft.line, is_self=draft.name == _OWNER
    )
