"""The annotated Ubuntu IRC logs of Kummerfeld et al. (ACL 2019), read as any other log.

``NAME.raw.txt`` is the log; each line ``A B -`` of ``NAME.annotation.txt`` says that line B answers
line A (0-based), ``A A`` that it starts a conversation. Lines from 1000 on are annotated.
https://github.com/jkkummerfeld/irc-disentanglement (CC BY 4.0)
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path

from ingest.chat import RawMessage
from ingest.linker.columns import Utterance
from ingest.parsers.base import Reading
from ingest.parsers.irc import parse
from ingest.sources import sources_of
from ingest.threads import heard


@dataclass(frozen=True)
class Log:
    """One log: its messages, the line of each, and which lines each annotated line answers."""

    name: str
    messages: list[Utterance]
    lines: list[int]
    links: Mapping[int, frozenset[int]]


def read_logs(folder: Path) -> Iterator[Log]:
    """The logs in ``folder``, by name."""
    for path in sorted(folder.glob("*.raw.txt")):
        source = next(sources_of(path))
        with source.open() as stream:
            items = parse(Reading(stream, source.name, UTC, source.beside))
            messages = [item for item in items if isinstance(item, RawMessage)]
        name = path.name.removesuffix(".raw.txt")
        lines = [message.line for message in messages if message.line is not None]
        yield Log(name, [heard(m) for m in messages], lines, read_links(folder, name))


def read_links(folder: Path, name: str) -> dict[int, frozenset[int]]:
    """Annotated line → the lines it answers, itself where it starts a conversation."""
    links: dict[int, set[int]] = defaultdict(set)
    text = (folder / f"{name}.annotation.txt").read_text(encoding="utf-8")
    for line in text.splitlines():
        numbers = [int(part) for part in line.split() if part != "-"]
        links[max(numbers)].add(min(numbers))
    return {source: frozenset(targets) for source, targets in links.items()}
