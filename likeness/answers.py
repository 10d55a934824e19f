"""What every version answered to the controlled questions: asked once, kept, shown side by side.

``answers/<version>.jsonl`` holds an answer per line, added as they are given: whatever was cut
short is asked again. A question is asked anew of a version when its words, who asks, or the
settings that change replies have changed; the last answer is the one shown.
"""

from __future__ import annotations

import hashlib
import json
import os
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import orjson

from config.settings import Home, Settings
from ingest.archive import Archive
from ingest.chat import Message
from likeness.errors import LikenessError
from likeness.questions import controlled_scenes
from likeness.records import Scene

if TYPE_CHECKING:
    from bot.app import Persona

BASE = "base"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a version said to a question; ``parts`` is empty where it had nothing fit to say.

    ``passages`` counts what memory brought back, ``settings`` is a digest of those that matter.
    """

    question: str
    asker: str
    version: str
    settings: str
    parts: tuple[str, ...]
    passages: int
    seconds: float
    at: datetime

    @property
    def key(self) -> tuple[str, str, str]:
        """What makes asking again pointless."""
        return self.question, self.asker, self.settings

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read a line of the store. Raises KeyError, TypeError or ValueError."""
        at = datetime.fromisoformat(data["at"])
        return cls(**{**data, "parts": tuple(data["parts"]), "at": at})


def answers(home: Home) -> dict[str, dict[str, Answer]]:
    """The last answers, by question and version; questions as they were first asked."""
    found: dict[str, dict[str, Answer]] = {}
    for path in sorted(folder_of(home).glob("*.jsonl"), key=lambda path: version_order(path.stem)):
        for answer in _read(path):
            found.setdefault(answer.question, {})[answer.version] = answer
    return found


def ask(
    home: Home,
    settings: Settings,
    version: str,
    *,
    clock: Callable[[], datetime],
    told: Callable[[int, int], None] = lambda done, total: None,
) -> int:
    """Ask a version (or ``base``) what it was not asked yet; how many questions that were.

    Every question stands alone, with memory and with a seed of its own. ``told`` hears how many
    are done. Raises AtselfError where there is no archive, model, or question.
    """
    with Archive.open(home.archive, pseudonyms=settings.ingest.pseudonyms) as archive:
        scenes = controlled_scenes(home, archive)
    if not scenes:
        raise LikenessError(
            f"{home.archive}: nobody to ask, or nothing: @self talks with no one there, or "
            "questions.txt is empty"
        )
    digest = settings_digest(settings)
    known = {answer.key for answer in _read(_path(home, version))}
    open_ones = [scene for scene in scenes if (*_asked(scene), digest) not in known]
    if open_ones:
        _ask_all(home, settings, version, open_ones, digest, clock, told)
    return len(open_ones)


def drop_answers(home: Home, names: Collection[str]) -> int:
    """Remove the answers that may quote somebody of these names; how many.

    They are those they asked for, those that name them, and those that memory had a part in.
    """
    dropped = 0
    for path in folder_of(home).glob("*.jsonl"):
        known = list(_read(path))
        kept = [answer for answer in known if not _may_quote(answer, names)]
        if len(kept) < len(known):
            part = path.with_name(f"{path.name}.part")
            part.write_bytes(b"".join(map(_line, kept)))
            part.replace(path)
        dropped += len(known) - len(kept)
    return dropped


def _may_quote(answer: Answer, names: Collection[str]) -> bool:
    said = "\n".join((answer.question, *answer.parts, answer.asker)).casefold()
    return answer.passages > 0 or any(name.casefold() in said for name in names)


def folder_of(home: Home) -> Path:
    """Where answers lie."""
    return home.path / "answers"


def settings_digest(settings: Settings) -> str:
    """A digest of what changes replies: sampling, room, memory, what is hidden."""
    generate, recall = settings.generate, settings.recall
    wanted = {
        **generate.sampling,
        "tokens": [generate.context_tokens, generate.max_new_tokens],
        "window": settings.dataset.window_tokens,
        "memory": [recall.enabled, recall.embedder, recall.passages, recall.floor],
        "search": [recall.candidates, recall.reranker, recall.vectors, sorted(recall.shareable)],
        "hidden": [settings.ingest.redact, settings.ingest.pseudonyms],
    }
    text = json.dumps(wanted, sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=6).hexdigest()


def _ask_all(
    home: Home,
    settings: Settings,
    version: str,
    scenes: Sequence[Scene],
    digest: str,
    clock: Callable[[], datetime],
    told: Callable[[int, int], None],
) -> None:
    from bot.app import open_persona

    with open_persona(home, settings, model=version) as persona:
        for done, scene in enumerate(scenes, 1):
            _add(home, _answered(persona, scene, version, digest, clock()))
            told(done, len(scenes))


def _answered(persona: Persona, scene: Scene, version: str, digest: str, now: datetime) -> Answer:
    text, asker = _asked(scene)
    line = scene.before[-1]
    person = next(each for each in persona.archive.people() if each.handle == asker)
    message = Message(line.message_id, scene.chat, person, scene.at, text)
    seed = zlib.crc32(text.encode())
    said = persona.responder.answer([message], now=scene.at, seed=seed, chat=scene.chat)
    seconds = said.timings.prompt_seconds + said.timings.decode_seconds
    return Answer(
        text, asker, version, digest, said.reply.parts, len(said.passages), round(seconds, 3), now
    )


def _asked(scene: Scene) -> tuple[str, str]:
    line = scene.before[-1]
    return line.text, line.handle


def _path(home: Home, version: str) -> Path:
    return folder_of(home) / f"{version}.jsonl"


def _add(home: Home, answer: Answer) -> None:
    """Add a line, behind whatever a killed run left half-written."""
    path = _path(home, answer.version)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as stream:
        if stream.tell() and not path.read_bytes().endswith(b"\n"):
            stream.write(b"\n")
        stream.write(_line(answer))
        stream.flush()
        os.fsync(stream.fileno())


def _line(answer: Answer) -> bytes:
    return orjson.dumps(asdict(answer), option=orjson.OPT_APPEND_NEWLINE)


def _read(path: Path) -> Iterator[Answer]:
    """The answers in a file; a line that was cut short is left out."""
    if not path.is_file():
        return
    with path.open("rb") as stream:
        for line in stream:
            try:
                yield Answer.from_json(orjson.loads(line))
            except (ValueError, KeyError, TypeError):
                continue


def version_order(version: str) -> tuple[int, str]:
    """The base first, then versions by their number."""
    digits = version.removeprefix("v")
    return (int(digits) + 1 if digits.isdigit() else 0), version
