"""Plain logs: one ``@speaker: text`` a line, ``--- title ---`` between scenes.

A line may begin with its time, ``[2024-01-02 03:04] @speaker: text``. Without, messages get
instants that only keep their order: a scene starts at the ISO date in its title where there is one,
else two hours after the scene before.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo

from ingest.chat import Account, Conversation, Kind, RawMessage
from ingest.parsers.base import Parser, Reading, Skipped, digest
from ingest.parsers.moments import Moments
from ingest.parsers.text import head_text, lines_of

PLATFORM = "plain"
STEP = timedelta(seconds=10)
SCENE_GAP = timedelta(hours=2)
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_TIME = r"\[(?P<boxed>[^\[\]\n@]{5,40})\]|(?P<time>\d{4}[-/.]\d[\d:/. \-+TZ]{3,30})"
_LINE = re.compile(
    rf"(?:(?:{_TIME})[ \t]*[-–]?[ \t]*)?"
    r"@(?P<speaker>[\w .\-]{1,64}?)[ \t]*[:：][ \t]?(?P<text>.*)",
    re.DOTALL,
)
_SCENE = re.compile(r"-{3,}\s*(.*?)\s*-{3,}")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_MENTION = re.compile(r"@([\w\-]{1,64})")


def claims(head: bytes) -> bool:
    """Most of the first lines are labelled, and none is JSON."""
    text = head_text(head) or ""
    lines = [line for line in text.splitlines()[:200] if line.strip()]
    labelled = sum(bool(_LINE.match(line) or _SCENE.fullmatch(line.strip())) for line in lines)
    return labelled * 2 > len(lines) and any(map(_LINE.match, lines))


def parse(reading: Reading) -> Iterator[RawMessage | Skipped]:
    """Stream the messages; lines without a label continue the message above them."""
    pending: RawMessage | None = None
    scenes = _Scenes(reading.path.name.split(".")[0], reading.zone)
    for number, line in enumerate(lines_of(reading)):
        bare = line.strip()
        labelled = _LINE.match(bare)
        if pending and (labelled or _SCENE.fullmatch(bare)):
            yield scenes.finish(pending)
            pending = None
        if labelled:
            pending = scenes.message(number, labelled)
        elif scene := _SCENE.fullmatch(bare):
            scenes.start(scene[1])
        elif pending:
            pending = replace(pending, text=f"{pending.text}\n{bare}")
        elif bare:
            yield Skipped("line without a speaker", str(number))
    if pending:
        yield scenes.finish(pending)


PARSER = Parser("plain", "plain log", "plain '@speaker: text' lines", claims, parse)


@dataclass
class _Scenes:
    """The running state of a log: which scene, what time, which lines were seen before."""

    stem: str
    zone: tzinfo
    title: str = ""
    now: datetime = _EPOCH
    chat: Conversation | None = None

    def __post_init__(self) -> None:
        self._seen: Counter[str] = Counter()
        self._moments = Moments(self.zone)

    def start(self, title: str) -> None:
        self._seen[title] += 1
        self.title = f"{title}#{self._seen[title]}"
        self.now = max(self.now + SCENE_GAP, self._dated(title))

    def _dated(self, title: str) -> datetime:
        date = _DATE.search(title)
        try:
            return datetime.fromisoformat(date[0]).replace(tzinfo=self.zone) if date else _EPOCH
        except ValueError:
            return _EPOCH

    def message(self, number: int, line: re.Match[str]) -> RawMessage:
        speaker, text = line["speaker"].strip(), line["text"].strip()
        told = self._moments.read(line["boxed"] or line["time"] or "")
        if self.chat is None:
            key = digest(f"{self.stem}\n{speaker}\n{text}")
            self.chat = Conversation(
                f"{PLATFORM}:{key}", self.stem, PLATFORM, has_times=told is not None
            )
        self.now = told or self.now + STEP
        author = Account(PLATFORM, speaker, speaker)
        return RawMessage("", self.chat, author, self.now, text, line=number)

    def finish(self, message: RawMessage) -> RawMessage | Skipped:
        """Give a complete message its id: what was said in which scene, and the how-manyth time."""
        text = message.text.strip()
        if not text:
            return Skipped("empty", str(message.line))
        content = f"{self.title}\n{message.author.key}\n{text}"
        self._seen[content] += 1
        key = digest(f"{content}\n{self._seen[content]}")
        mentions = tuple(Account(PLATFORM, name, name) for name in _MENTION.findall(text))
        kind = Kind.COMMAND if re.match(r"/[a-z]+\b", text) else Kind.TEXT
        return replace(
            message, id=f"{message.chat.id}:{key}", text=text, mentions=mentions, kind=kind
        )
