"""Question–answer pairs over all writings: asked passage by passage, and taken up where it ended.

What a model wrote is kept in a journal, one line a passage, so that a run killed at any moment goes
on with the next passage; the pairs are sifted from the journal at the end, so that a better sieve
needs no model.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import orjson

from ingest.archive import Archive
from ingest.parsers.base import digest
from ingest.redaction.redact import redact
from ingest.scope import WRITING
from ingest.writings.pairs import Pair, Sieve, is_worth_asking, request

PAIR_TOKENS = 64
"""Room for a question and its answer."""
Ask = Callable[[str, str], str]


def passages_of(archive: Archive, *, is_redacted: bool) -> Iterator[str]:
    """The passages of all writings that say enough to be asked about."""
    for chat in archive.chats():
        if chat.platform != WRITING:
            continue
        for message in archive.messages(chat.id):
            if is_worth_asking(message.text):
                yield redact(message.text, Counter()) if is_redacted else message.text


def ask_about(passages: Iterable[str], ask: Ask, journal: Path, *, count: int, model: str) -> None:
    """Have a model write ``count`` pairs about each passage that is not in the journal yet."""
    journal.parent.mkdir(parents=True, exist_ok=True)
    done = {entry["key"] for entry in read_journal(journal)}
    _mend(journal)
    with journal.open("ab") as file:
        for passage in passages:
            key = digest(model, count, passage)
            if key in done:
                continue
            done.add(key)
            entry = {
                "key": key,
                "passage": passage,
                "written": ask(*request(passage, count)),
            }
            file.write(orjson.dumps(entry, option=orjson.OPT_APPEND_NEWLINE))
            file.flush()


def read_journal(journal: Path) -> Iterator[dict[str, str]]:
    """The whole lines of a journal; none where there is no journal."""
    if not journal.exists():
        return
    with journal.open("rb") as lines:
        for line in lines:
            if line.endswith(b"\n"):
                yield orjson.loads(line)


def sift(journal: Path, passages: Iterable[str], target: Path) -> Sieve:
    """Write the supported pairs about ``passages`` to ``target``; the sieve with its counts."""
    sieve, current = Sieve(), set(passages)
    part = target.with_name(f"{target.name}.part")
    with part.open("wb") as file:
        for pair in _kept(journal, current, sieve):
            file.write(orjson.dumps(pair.to_json(), option=orjson.OPT_APPEND_NEWLINE))
    part.replace(target)
    return sieve


def _kept(journal: Path, current: set[str], sieve: Sieve) -> Iterator[Pair]:
    for entry in read_journal(journal):
        if entry["passage"] in current:  # writings may have changed since
            yield from sieve.pairs(entry["passage"], entry["written"])


def _mend(journal: Path) -> None:
    """Cut off a line that a killed run left unfinished."""
    if journal.exists():
        content = journal.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            with journal.open("r+b") as file:
                file.truncate(whole)
