"""Controlled questions: a list of the user's own, asked of every model version alike.

``questions.txt`` in the home folder holds one question per line; ``@handle: text`` lets somebody
of the archive ask it, ``#`` begins a comment. Without that file a dozen of ours are asked, in the
languages of @self.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path

from config.settings import Home
from ingest.archive import Archive
from ingest.chat import Line, Message, Person
from ingest.people.refusals import account_digest
from ingest.scope import is_writing
from likeness.errors import LikenessError
from likeness.records import Scene, SceneKind

SHARE = 0.2
"""Of what @self writes, from which a language has its turn in our questions."""
SAMPLE = 5000
_DEFAULTS = Path(__file__).with_name("questions.toml")
_HEADING = """\
# Questions for every version of the model: `atself questions ask --all` asks them.
# One per line. `@handle: text` lets somebody of the archive ask it; else whoever talks with @self
# most does. Answers are kept: only what is new or changed is asked again.
"""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, and by whom where the list says so (a handle)."""

    text: str
    asker: str = ""

    @property
    def id(self) -> str:
        """The same for the same text."""
        return hashlib.blake2b(self.text.encode(), digest_size=6).hexdigest()


@dataclass(frozen=True, slots=True)
class Setting:
    """Where questions are asked: a chat, its last message, and who talks with @self most there."""

    chat: str
    last: Message
    partner: Person


def questions_file(home: Home) -> Path:
    """The user's list."""
    return home.path / "questions.txt"


def questions(home: Home, archive: Archive) -> list[Question]:
    """The list of the user, or ours. Raises LikenessError where it cannot be read."""
    path = questions_file(home)
    if not path.is_file():
        return [Question(text) for text in defaults(_languages(archive))]
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise LikenessError(f"{path}: not readable as UTF-8 text ({error})") from error
    return list(dict.fromkeys(_question(line) for line in lines if _is_question(line)))


def write_questions(home: Home, archive: Archive) -> Path:
    """The file of the list, with our questions in it where there was none."""
    path = questions_file(home)
    if not path.is_file():
        part = path.with_name(f"{path.name}.part")
        text = "\n".join(question.text for question in questions(home, archive))
        part.write_text(f"{_HEADING}\n{text}\n", encoding="utf-8")
        part.replace(path)
    return path


def defaults(languages: Sequence[str]) -> tuple[str, ...]:
    """Our questions in these languages, which take turns; English where we know none of them."""
    known = _ours()
    spoken = [known[code] for code in languages if code in known] or [known["en"]]
    return tuple(
        spoken[number % len(spoken)][number] for number in range(min(len(one) for one in spoken))
    )


def controlled_scenes(home: Home, archive: Archive) -> list[Scene]:
    """A scene for each question: nothing but it, just after the last message of the archive.

    It is asked in the group where @self says most, by whoever talks with @self most there, unless
    the list names somebody. Nothing where @self never said anything. Raises AtselfError for
    somebody who is not in the archive, or opted out.
    """
    asked = questions(home, archive)
    setting = setting_of(archive) if asked else None
    if setting is None:
        return []
    return [_scene(question, setting, archive) for question in asked]


def setting_of(archive: Archive) -> Setting | None:
    """Where @self talks most, and with whom; None where @self talks with nobody."""
    counts: Counter[str] = Counter(message.chat for message in archive.by_self())
    chats = [chat for chat in archive.chats() if counts[chat.id] and not is_writing(chat)]
    for chat in sorted(chats, key=lambda chat: (chat.is_private, -counts[chat.id])):
        partners, last = _partners(archive.messages(chat.id))
        if partners and last:
            people = {person.id: person for person in archive.people()}
            return Setting(chat.id, last, people[partners.most_common(1)[0][0]])
    return None


def _partners(messages: Iterable[Message]) -> tuple[Counter[int], Message | None]:
    """How often @self spoke to each person (an explicit reply, or right after them); the last."""
    partners: Counter[int] = Counter()
    people: dict[str, Person] = {}
    last: Message | None = None
    for message in messages:
        if message.person.is_self and last is not None:
            answered = people.get(message.reply_to or "", last.person)
            if not answered.is_self and not answered.is_bot:
                partners[answered.id] += 1
        people[message.id] = message.person
        last = message
    return partners, last


def _scene(question: Question, setting: Setting, archive: Archive) -> Scene:
    asker = _asker(question, archive) if question.asker else setting.partner
    at = setting.last.sent_at
    line = Line(asker.handle, question.text, message_id=f"controlled:{question.id}", sent_at=at)
    id = f"{SceneKind.CONTROLLED}:{question.id}"
    return Scene(id, SceneKind.CONTROLLED, setting.chat, at, (line,), cluster=question.id)


def _asker(question: Question, archive: Archive) -> Person:
    found = archive.find_person(question.asker)
    withdrawn, _ = archive.refused()
    if any(account_digest(account) in withdrawn for account in found.accounts):
        raise LikenessError(
            f"questions.txt: @{question.asker} opted out and asks nothing; name somebody else"
        )
    return next(person for person in archive.people() if person.id == found.id)


def _is_question(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")


def _question(line: str) -> Question:
    from bot.platforms.scene import LABELLED

    found = LABELLED.fullmatch(line.strip())
    if found and found["text"].strip():
        return Question(found["text"].strip(), found["who"])
    return Question(line.strip())


def _languages(archive: Archive) -> list[str]:
    """What @self writes in, most used first."""
    from ingest.persona import languages_of

    shares = languages_of(message.text for message in islice(archive.by_self(), SAMPLE))
    return [code for code, share in shares.items() if share >= SHARE]


@cache
def _ours() -> dict[str, list[str]]:
    return tomllib.loads(_DEFAULTS.read_text(encoding="utf-8"))
