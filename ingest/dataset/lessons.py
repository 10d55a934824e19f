"""Question–answer pairs about @self's own writings as training windows.

``HOME/writings/pairs.jsonl`` (:mod:`ingest.writings.pairs`) holds questions that a model wrote and
answers in the words of the writings. Somebody asks, @self answers; half of the windows show the
passage as memory, where what memory shows of it still supports the answer. Writings have no dates
worth trusting and count as written before training ends; no pair is ever held out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterator
from pathlib import Path

import orjson

from ingest.archive import Archive
from ingest.chat import Line, Message, Thread, Turn, Window, WindowKind
from ingest.chunks import memory_lines, passages_of
from ingest.dataset.silence import draw_of
from ingest.people.handles import handle_for
from ingest.redaction.redact import redact
from ingest.scope import WRITING
from ingest.writings.pairs import why_refused

ASKER = "reader"
SHOWN_SHARE = 0.5


def lessons(
    archive: Archive, pairs: Path, *, seed: int, most: int, counts: Counter[str]
) -> Iterator[Window]:
    """At most ``most`` windows, the same for the same seed; ``counts`` says what became of all."""
    if most <= 0 or not pairs.is_file():
        return
    known = _passages(archive)
    asker = handle_for(ASKER, _taken(archive))
    entries = {draw_of(seed, line): orjson.loads(line) for line in _lines(pairs)}
    used = 0
    for draw, entry in sorted(entries.items()):
        message = known.get(entry["context"])
        if message is None:
            counts["of a passage that is gone"] += 1
        elif used == most:
            counts["beyond dataset.writings_share"] += 1
        else:
            used += 1
            memory = _memory(entry, message) if draw % 1000 < SHOWN_SHARE * 1000 else ()
            counts["with its passage in memory" if memory else "without memory"] += 1
            yield _window(entry, message, asker, memory)


def _lines(path: Path) -> Iterator[str]:
    for line in path.read_text(encoding="utf-8").split("\n"):
        if line.strip():
            yield line


def _passages(archive: Archive) -> dict[str, Message]:
    """The writings' passages by their text, as it stands and as a model was shown it."""
    found: dict[str, Message] = {}
    for chat in archive.chats():
        if chat.platform == WRITING:
            for message in archive.messages(chat.id):
                found[message.text] = found[redact(message.text, Counter())] = message
    return found


def _taken(archive: Archive) -> Container[str]:
    return {person.handle.casefold() for person in archive.people()}


def _memory(entry: dict[str, str], message: Message) -> tuple[str, ...]:
    """The passage as recall shows it, unless what it cuts off is what the answer rests on."""
    lines = memory_lines(passages_of(Thread(message.id, (message,)), is_dated=False))
    supports = not why_refused(entry["instruction"], entry["response"], "\n".join(lines))
    return lines if supports else ()


def _window(entry: dict[str, str], message: Message, asker: str, memory: tuple[str, ...]) -> Window:
    asked = Turn((Line(asker, entry["instruction"]),))
    said = Turn((Line("self", entry["response"], is_self=True),), is_self=True, is_target=True)
    id = f"{message.id}#pair{draw_of(0, entry['instruction']):016x}"
    return Window(id, message.chat, (asked, said), memory, WindowKind.WRITING)
