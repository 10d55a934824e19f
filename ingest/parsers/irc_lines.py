"""One line of an IRC log: who says what, who is called otherwise now, or a notice of the client.

The layouts are those of irssi, WeeChat, mIRC, XChat and HexChat, ZNC, eggdrop, Limnoria,
Konversation, IRCCloud, Textual, ii and the logs that bots publish (irclogs.ubuntu.com; pisg's
docs/FORMATS lists more). They differ in the time they begin with (``STAMPS``) and share most of
what follows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto

from ingest.parsers.irc_clock import STAMPS, Stamp, stamp_of

_LONGEST_NOTICE = 1024
"""Characters; servers send at most 512 bytes a line, and hostile lines are not searched through."""
_FORMATTING = re.compile(r"\x03(?:\d{1,2}(?:,\d{1,2})?)?|\x04[0-9A-Fa-f]{6}|[\x01-\x08\x0e-\x1f]")
"""Colours, bold and the like (https://modern.ircdocs.horse/formatting), and other controls."""
_NICK = r"(?P<nick>[^\s<>](?:[^<>\t]{0,62}[^\s<>])?)"
"""With spaces inside: some bridges write ``<Ana B.>``."""
_SAID = re.compile(rf"<(?:[ .]|[@+%&~!](?=[^\s<>]))?{_NICK}[ ]?>(?:[ \t](?P<text>.*))?$")
_BOUNCED = re.compile(r"\((?P<nick>[^\s()/]{1,64})/[#&][^\s()]+\)[ ](?P<text>.*)$")
_NOTICE = re.compile(
    r"-(?P<nick>[\w\[\]\\`^{}|][^\s<>:/]{0,63}?)(?::[@+]?[#&]\S+?)?-(?:[ \t](?P<text>.*))?$"
)
_COLUMNS = re.compile(r"(?:[@+%&~!])?(?P<nick>[^\s<>*=!:→←-][^\s<>]{0,63})\t(?P<text>.*)$")
_STARRED = re.compile(r"(?:\*|—|•|Action:)[ \t]+[@+%&~]?(?P<nick>\S{1,64})[ ](?P<text>.*)$")
_EQUALS = re.compile(r"===[ ](?P<nick>\S{1,64})[ ](?P<text>.*)$")
_MARK = re.compile(
    r"-!-|\*{3,4}[ \t]|--(?:-|>)?[ \t]|<--?-?[ \t]|===?[ \t]|=!=|-->|[→←⇐⇒⟵]|!\S+[ ]|[*•—][ \t]"
    r"|Topic|Mode|Join\t|Part\t|Quit\t|Nick\t|Notice\t|Topic\t|Mode\t|\[[A-Za-z]+\][ \t]"
)
_RENAMED = re.compile(
    r"(?:-!-|--|=!=|[*=—-]{1,4}|Nick)?[ \t]*(?P<old>[^\s=*](?:.{0,62}?\S)??)[ ]+"
    r"is[ ]now[ ]known[ ]as[ ](?P<new>\S.{0,63}?)\.?$"
    r"|Nick[ ]change:[ ](?P<old2>\S{1,64})[ ]->[ ](?P<new2>\S{1,64})$"
    r"|[*—][ ](?P<old3>\S{1,64})[ ]→[ ](?P<new3>\S{1,64})$"
)
_MINE = re.compile(r"(?:You're|You[ ]are)[ ]now[ ]known[ ]as[ ](?P<new>\S{1,64}?)\.?$")
_GONE = re.compile(
    r"(?P<joins>Joins|Parts|Quits):[ ](?P<named>\S{1,64})"
    r"|(?:^|\s)(?P<nick>\S{1,64})[ ](?:[\[(]\S*[\])][ ])?"
    r"(?:has[ ](?P<verb>joined|left|quit)\b|(?:was|has[ ]been)[ ]kicked\b|(?:joined|left)[ ][#&])"
)
_SERVICE = re.compile(
    r"(?:[\[(]\S+@\S*[\])]|<\S+@\S+>)[ ](?:has[ ])?(?:joined|left|[Qq]uit)\b"
    r"|(?:has[ ])?(?:joined|left)[ ](?:the[ ]channel|this[ ]channel|[#&]\S+)[\s.(]*"
    r"|has[ ](?:joined|left|quit)(?:[ ]\(.*\)|[ ]IRC\b.*|[ ]\[.*\])?$"
    r"|(?:sets?|removes?|gives?)[ ](?:mode|ban|channel|voice|channel[ ]operator)\b"
    r"|(?:changes?|has[ ]changed|changed|set)[ ](?:the[ ])?topic\b"
    r"|(?:was|has[ ]been)[ ]kicked\b|has[ ]kicked\b|^Topic[ ](?:is|for|set)\b|^Set[ ]by\b"
    r"|^(?:Now[ ]talking|Rejoined|Disconnected|Attempting|Retrieving|Joins:|Parts:|Quits:)"
    r"|[ ]sets[ ]mode:|is[ ]now[ ]known[ ]as|[+-][ovhbqaeIklmnpst]+[ ].*[ ]by[ ]\S+$"
)
_OPENING = re.compile(
    r"---[ ]Log[ ]opened|---[ ]Day[ ]changed|\*{2,4}[ ]BEGIN[ ]LOGGING|Session[ ](?:Start|Time)"
    r"|(?:\[[\d:]{5,8}\][ ])?---[ ](?:[A-Z][a-z]{2}[ ]){2}[ ]?\d{1,2}[ ](?:[\d:]+[ ])?\d{4}$"
    r"|Log(?:file|ging)?[ ]started"
)
_CLOSING = re.compile(
    r"---[ ]Log[ ]closed|\*{2,4}[ ]END(?:ING)?[ ]LOGGING|Session[ ](?:Close|Ident)"
)


class Event(Enum):
    """What a line of a log is."""

    SAID = auto()
    ACTED = auto()
    RENAMED = auto()
    LEFT = auto()
    OPENED = auto()
    SERVICE = auto()
    OTHER = auto()


@dataclass(frozen=True, slots=True)
class Entry:
    """A line read: ``nick`` is who acts, ``text`` what was said, the new nick, or the notice.

    ``is_mine`` where the line tells that ``text`` is the nick of the one who keeps the log.
    """

    event: Event
    nick: str = ""
    text: str = ""
    stamp: Stamp | None = None
    is_mine: bool = False


class Reader:
    """Reads the lines of one log; the layout of the line before is tried first."""

    def __init__(self) -> None:
        self._layouts = list(STAMPS)

    def read(self, line: str) -> Entry:
        """What ``line`` is; OTHER where it is nothing that a client writes."""
        bare = _FORMATTING.sub("", line.replace("\x01ACTION ", "/me ")).rstrip(" ")
        if _OPENING.match(bare):
            return Entry(Event.OPENED, text=bare)
        if _CLOSING.match(bare):
            return Entry(Event.SERVICE, text=bare)
        stamp, body, gap = self._stamped(bare)
        if stamp is None:
            return _untimed(bare)
        return _timed(body.lstrip(), stamp, is_tabbed=gap.endswith("\t"))

    def _stamped(self, line: str) -> tuple[Stamp | None, str, str]:
        for number, layout in enumerate(self._layouts):
            match = layout.match(line)
            if match and (stamp := stamp_of(match)) is not None:
                if number:
                    self._layouts.insert(0, self._layouts.pop(number))
                return stamp, line[match.end() :], match["gap"]
        return None, line, ""


def _is_service(body: str) -> bool:
    return _SERVICE.search(body[:_LONGEST_NOTICE].lstrip("*—• \t")) is not None


def _timed(body: str, stamp: Stamp, *, is_tabbed: bool) -> Entry:
    if said := _SAID.match(body) or _BOUNCED.match(body):
        return _said(said, stamp)
    if notice := _NOTICE.match(body):
        is_server = "." in notice["nick"]
        return Entry(Event.SERVICE, text=body, stamp=stamp) if is_server else _said(notice, stamp)
    if event := _about_nicks(body, stamp):
        return event
    if (acted := _STARRED.match(body)) and not _is_service(body):
        return Entry(Event.ACTED, acted["nick"], acted["text"].strip(), stamp)
    if is_tabbed and stamp.year and (said := _COLUMNS.match(body)):
        return _said(said, stamp)
    if _MARK.match(body) or _is_service(body):
        return Entry(Event.SERVICE, text=body, stamp=stamp)
    return Entry(Event.OTHER, text=body, stamp=stamp)


def _untimed(line: str) -> Entry:
    """A line without a time: notices, the actions of logs from 2004, chat that tells no times."""
    if event := _about_nicks(line, None):
        return event
    if said := _SAID.match(line):
        return _said(said, None)
    if (acted := _EQUALS.match(line)) and not _is_service(line[4:]) and "/" not in acted["nick"]:
        return Entry(Event.ACTED, acted["nick"], acted["text"].strip())
    is_service = line.startswith(("===", "***", "---", "-!-", "* ", "[INFO]", "#"))
    return Entry(Event.SERVICE if is_service else Event.OTHER, text=line)


def _said(match: re.Match[str], stamp: Stamp | None) -> Entry:
    text = (match["text"] or "").strip()
    if text.startswith("/me "):
        return Entry(Event.ACTED, match["nick"], text[4:].strip(), stamp)
    return Entry(Event.SAID, match["nick"], text, stamp)


def _about_nicks(body: str, stamp: Stamp | None) -> Entry | None:
    body = body[:_LONGEST_NOTICE]
    if not _MARK.match(body) and not body.startswith("Nick change:"):
        return None
    if mine := _MINE.search(body):
        return Entry(Event.RENAMED, "", mine["new"], stamp, is_mine=True)
    if renamed := _RENAMED.match(body):
        old, new = (value for value in renamed.groups() if value)
        return Entry(Event.RENAMED, old, new, stamp)
    if (gone := _GONE.search(body)) and _is_service(body):
        return Entry(Event.LEFT, gone["named"] or gone["nick"], body, stamp)
    return None
