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
_LONGEST_TITLE = 500
_LONGEST_TEXT = 1 << 20
"""Characters; what goes on longer is no message."""
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_MENTION = re.compile(r"@([\w\-]{1,64})")


def claims(head: bytes) -> bool:
    """Most of the first lines are labelled, and none is JSON."""
    text = head_text(head) or ""
    lines = [line for line in text.splitlines()[:200] if line.strip()]
    labelled = sum(bool(_LINE.match(line) or _scene(line.strip())) for line in lines)
    return labelled * 2 > len(lines) and any(map(_LINE.match, lines))


def _scene(line: str) -> re.Match[str] | None:
    return _SCENE.fullmatch(line) if len(line) < _LONGEST_TITLE else None


def parse(reading: Reading) -> Iterator[RawMessage | Skipped]:
    """Stream the messages; lines without a label continue the message above them."""
    scenes = _Scenes(reading.path.name.split(".")[0], reading.zone)
    for number, line in enumerate(lines_of(reading)):
        bare = line.strip()
        labelled = _LINE.match(bare)
        scene = None if labelled else _scene(bare)
        if labelled or scene:
            yield from scenes.finish()
        if labelled:
            scenes.begin(number, labelled)
        elif scene:
            scenes.start(scene[1])
        elif not scenes.go_on(bare) and bare:
            yield Skipped("line without a speaker", str(number))
    yield from scenes.finish()


PARSER = Parser("plain", "plain log", "plain '@speaker: text' lines", claims, parse)


@dataclass
class _Scenes:
    """The running state of a log: which scene, what time, which lines were seen before."""

    stem: str
    zone: tzinfo
    title: str = ""
    now: datetime = _EPOCH
    chat: Conversation | None = None
    pending: RawMessage | None = None

    def __post_init__(self) -> None:
        self._text: list[str] = []
        self._size = 0
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

    def begin(self, number: int, line: re.Match[str]) -> None:
        """A message begins on this line."""
        speaker, text = line["speaker"].strip(), line["text"].strip()
        told = self._moments.read(line["boxed"] or line["time"] or "")
        if self.chat is None:
            key = digest(f"{self.stem}\n{speaker}\n{text}")
            self.chat = Conversation(
                f"{PLATFORM}:{key}", self.stem, PLATFORM, has_times=told is not None
            )
        self.now = told or self.now + STEP
        author = Account(PLATFORM, speaker, speaker)
        self.pending = RawMessage("", self.chat, author, self.now, "", line=number)
        self._text, self._size = [text], len(text)

    def go_on(self, line: str) -> bool:
        """Whether this line belongs to the message that has begun."""
        if self.pending is None or self._size > _LONGEST_TEXT:
            return False
        self._text.append(line)
        self._size += len(line) + 1
        return True

    def finish(self) -> Iterator[RawMessage | Skipped]:
        """The message that has begun, with its id: what was said in which scene, which time."""
        message, self.pending = self.pending, None
        if message is None:
            return
        text = "\n".join(self._text).strip()
        if not text:
            yield Skipped("empty", str(message.line))
            return
        content = f"{self.title}\n{message.author.key}\n{text}"
        same = digest(content)
        self._seen[same] += 1
        key = digest(f"{content}\n{self._seen[same]}")
        mentions = tuple(Account(PLATFORM, name, name) for name in _MENTION.findall(text))
        yield replace(
            message,
            id=f"{message.chat.id}:{key}",
            text=text,
            mentions=mentions,
            kind=Kind.COMMAND if re.match(r"/[a-z]+\b", text) else Kind.TEXT,
        )
