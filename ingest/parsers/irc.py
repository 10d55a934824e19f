"""IRC logs of the common clients, bouncers and log bots, one file per channel or per day.

A nick is not a person: who is called otherwise within a session stays the account that the session
began with. The account's key is the first nick of the chain in lower case (servers do not tell
``Ana`` from ``ana``), or the one taken where that was known before or is the plain form of a spare
one (``ana_`` becomes ``ana``); its name is the nick at that moment. A chain ends when its nick
leaves or joins: whoever takes the nick later is somebody else, unless the two differ by a mark
alone (``ana|away``).

Every line is a message or is counted as skipped, but for blank ones; a message's ``line`` is its
0-based number. ``nick: text`` and ``nick, text`` mention a nick seen so far, and the text keeps it.
An action (``/me waves``) reads as it was typed. Bridged authors stay in the text (``<bob> hi``) for
the people module to unwrap.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

from ingest.chat import Account, Conversation, Kind, RawMessage
from ingest.parsers.base import DailyRepeats, Parser, Reading, Skipped, kind_of
from ingest.parsers.irc_blocks import blocks, is_blocks
from ingest.parsers.irc_clock import Clock, day_in, day_named, without_day
from ingest.parsers.irc_lines import Entry, Event, Reader
from ingest.parsers.irc_text import decoded_lines, start_of
from ingest.parsers.written_dates import DateOrder
from ingest.sources import look

PLATFORM = "irc"
_CHANNEL = re.compile(
    r"(?:joined|left|(?:joined|left) (?:the |this )?channel|[Jj]oined channel|talking (?:on|in)"
    r"|Session Ident:|[Tt]opic (?:for|of|on)|mode/|mode:)[ ]?([#&][^\s,:()\[\]'\"]{1,64})"
)
_SLASHED = re.compile(r"^[\[(]?\d{1,2}/\d{1,2}/\d{4}[\d:@ -]{0,12}(?:[AP]M)?", re.MULTILINE)
_ADDRESSED = re.compile(r"((?:[^\s,:]{1,64},[ ]?){0,3}[^\s,:]{1,64})[ ]?[:,](?=\s|$)")
_AT = re.compile(r"(?<![\w.])@([^\s,:;.!?()]{1,64})")
_SPARE = re.compile(
    r"(?:\|.*|[-_](?:away|afk|brb|busy|gone|home|work|sleep|out|lap|laptop|mobile)|[_`^-]+)$"
)


def claims(head: bytes) -> bool:
    """Most of the first lines are what IRC clients write, or blocks of epoch, nick and text."""
    text = start_of(head)
    if text is None:
        return False
    lines = [line for line in text.split("\n")[:300] if line.strip()]
    if is_blocks(text.split("\n")):
        return True
    reader = Reader()
    entries = [reader.read(line) for line in lines[:200]]
    if lines and "\t" in lines[0] and entries[0].event is Event.OTHER and not entries[0].stamp:
        return False  # the column names of a table
    known = [entry for entry in entries if entry.event is not Event.OTHER]
    told = [entry for entry in known if entry.stamp or entry.event is Event.OPENED]
    return len(known) * 2 > len(entries) and (len(told) * 4 > len(entries) or _is_untimed(lines))


def _is_untimed(lines: list[str]) -> bool:
    said = sum(bool(re.match(r"<[@+ ]?[^\s<>/=!]{1,32}> \S", line)) for line in lines)
    told = sum(line.startswith(("-!- ", "*** ", "* ")) for line in lines)
    is_chat = said * 4 > len(lines) and (said + told) * 3 > len(lines) * 2
    return is_chat and not any("</" in line for line in lines)


def _is_month_first(head: str) -> bool:
    order = DateOrder()
    for date in _SLASHED.finditer(head):
        order.see(date[0])
    return not order.is_day_first


def parse(reading: Reading) -> Iterator[RawMessage | Skipped]:
    """Stream the messages; each line with neither words nor a speaker is counted."""
    head = start_of(look(reading.stream)) or ""
    log = _Log(reading, head)
    lines = enumerate(decoded_lines(reading))
    if is_blocks(head.split("\n")):
        for number, entry in blocks(lines):
            yield log.read(number, entry)
        return
    reader = Reader(month_first=_is_month_first(head))
    for number, line in lines:
        if line.strip():
            yield log.read(number, reader.read(line))


PARSER = Parser("irc", "IRC log", "IRC log lines ('[12:34] <nick> text')", claims, parse)


class _Log:
    """The running state of a log: the moment, who is called what, and what was said in it."""

    def __init__(self, reading: Reading, head: str) -> None:
        self._clock = Clock(day_named(reading.path), reading.zone)
        self._nicks = _Nicks()
        self._repeats = DailyRepeats()
        self._is_opening = False
        title = _channel(reading, head)
        key = title.removeprefix("#").casefold() or "log"
        self._chat = Conversation(f"{PLATFORM}:{key}", title or "log", PLATFORM)

    def read(self, number: int, entry: Entry) -> RawMessage | Skipped:
        if entry.event is Event.OPENED and (day := day_in(entry.text)):
            self._clock.begin(day)
        sent_at = self._clock.at(entry.stamp)
        where = str(number)
        was_opening, self._is_opening = self._is_opening, entry.event is Event.OPENED
        if was_opening and entry.event is Event.ACTED and "#" in entry.text:
            return Skipped("service notice", where)  # "Now talking on #here", in any language
        if entry.event is Event.RENAMED:
            self._nicks.rename(entry.nick, entry.text, is_mine=entry.is_mine)
        elif entry.event is Event.LEFT:
            self._nicks.part(entry.nick)
        elif entry.event in (Event.SAID, Event.ACTED):
            return self._message(number, entry, sent_at) if entry.text else Skipped("empty", where)
        elif entry.event is Event.OTHER:
            return Skipped("line without a speaker", where)
        return Skipped("service notice", where)

    def _message(self, number: int, entry: Entry, sent_at: datetime) -> RawMessage:
        author = self._nicks.account(entry.nick)
        is_action = entry.event is Event.ACTED
        text = f"/me {entry.text}" if is_action else entry.text
        key = self._repeats.id(sent_at.date(), sent_at, entry.nick, text)
        return RawMessage(
            id=f"{self._chat.id}:{key}",
            chat=self._chat,
            author=author,
            sent_at=sent_at,
            text=text,
            kind=Kind.TEXT if is_action else kind_of(text),
            mentions=tuple(self._nicks.mentioned(entry.text, author)),
            line=number,
        )


class _Nicks:
    """Which account a nick is at the moment."""

    def __init__(self) -> None:
        self._keys: dict[str, str] = {}
        self._names: dict[str, str] = {}
        self._mine: set[str] = set()

    def account(self, nick: str) -> Account:
        folded = _folded(nick)
        key = self._keys.setdefault(folded, folded)
        self._names[folded] = nick
        is_bot = folded in ("chanserv", "nickserv", "memoserv", "global")
        return Account(PLATFORM, key, nick, is_bot=is_bot, is_self=key in self._mine)

    def rename(self, old: str, new: str, *, is_mine: bool = False) -> None:
        before, after = _folded(old), _folded(new)
        key = self._keys.get(before, before) if old else self._keys.get(_plain(after), after)
        if after in self._keys or (_plain(before) == _plain(after) == after):
            key = self._keys.get(after, after)
        self._keys[after] = key
        self._names[after] = new
        if old:
            self._keys[before] = key
            self._names.setdefault(before, old)
        if is_mine:
            self._mine.add(key)

    def part(self, nick: str) -> None:
        """The nick's session ends or begins: it stands for itself again."""
        folded = _folded(nick)
        key = self._keys.get(folded)
        if key is not None and _plain(key) != _plain(folded):
            del self._keys[folded]
        self._names.setdefault(folded, nick)

    def mentioned(self, text: str, author: Account) -> Iterator[Account]:
        """The accounts that ``text`` addresses, as it names them."""
        names = _AT.findall(text)
        if addressed := _ADDRESSED.match(text):
            names = [*re.split(r",\s*", addressed[1]), *names]
        for name in dict.fromkeys(names):
            folded = _folded(name)
            key = self._keys.get(folded, folded)
            if folded in self._names and key != author.key:
                yield Account(PLATFORM, key, name)


def _folded(nick: str) -> str:
    """A nick as servers compare it; some logs write a space behind every ``]``."""
    return re.sub(r"\]\s+", "]", nick).strip().lower()


def _plain(nick: str) -> str:
    """A nick without the marks of a spare or absent one: ``ana`` for ``ana_``, ``ana|away``."""
    return _SPARE.sub("", nick) or nick


def _channel(reading: Reading, head: str) -> str:
    """The channel: in the file's name or the first notices, else the name of the file or folder."""
    stem = without_day(
        re.sub(r"(\.(?:txt|log|weechatlog|irc|raw|gz|text))+$", "", reading.path.name)
    )
    if named := re.search(r"[#&].*", stem):
        return named[0]
    if told := _CHANNEL.search(head):
        return told[1].rstrip(".")
    if stem and not stem.isdigit():
        return stem
    folders = (without_day(part) for part in reversed(reading.path.parts[:-1]))
    return next((part for part in folders if re.search(r"[^\W\d]", part)), "log")
