"""``atself writings``: own texts into the archive, and questions and answers about them."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from config.console import emit_json, emit_mapping, home_option, json_option, say, track

ADD_EXAMPLES = """\b
Examples:
  atself writings add essays/ diary.docx thesis.pdf
  atself writings add notes.md --json

Read: .md .txt .html .docx .pdf .epub. Recall finds their passages; datasets leave them out. Adding
a document again replaces it.
"""
PAIRS_EXAMPLES = """\b
Examples:
  atself writings pairs                   with the base model on this machine
  atself writings pairs --count 5 --json

Writes HOME/writings/pairs.jsonl: {"instruction", "response", "context"} a line. With
generate.server_url set, that server is asked instead. A pair is kept only where its passage
supports its answer; small models write few that are. Interrupted, it goes on where it was.
"""


@click.group()
def writings() -> None:
    """Your own texts: add them to the archive, make question–answer pairs of them."""


@writings.command(epilog=ADD_EXAMPLES)
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@home_option
@json_option
def add(paths: tuple[Path, ...], home: Path, as_json: bool) -> None:
    """Read documents you wrote into the archive, passage by passage."""
    from zoneinfo import ZoneInfo

    from config.settings import Home, load
    from ingest.archive import Archive
    from ingest.errors import IngestError
    from ingest.writings import import_writings

    zone = ZoneInfo(load(home).ingest.time_zone)
    with Archive.open(Home(home).archive) as archive:
        report = import_writings(archive, list(paths), zone=zone)
    if as_json:
        emit_json(asdict(report))
    elif report.documents:
        found = asdict(report)
        emit_mapping({key: found[key] for key in found if key != "problems"})
    for problem in report.problems[:-1]:
        say(f"error: {problem}")
    if report.problems:
        raise IngestError(report.problems[-1])


@writings.command(epilog=PAIRS_EXAMPLES)
@click.option("--count", default=3, show_default=True, help="Pairs to ask for about a passage.")
@click.option("--limit", type=int, help="Ask about so many passages at most.")
@home_option
@json_option
def pairs(count: int, limit: int | None, home: Path, as_json: bool) -> None:
    """Have a model write questions and answers about your texts; keep those they support."""
    from bot.asking import open_asking
    from cli.pairing import PAIR_TOKENS, ask_about, passages_of, sift
    from config.settings import Home, load
    from ingest.archive import Archive
    from ingest.errors import IngestError
    from ingest.pairs import LEAD
    from ingest.persona import languages_of

    settings, place = load(home), Home(home)
    with Archive.open(place.archive, pseudonyms=settings.ingest.pseudonyms) as archive:
        passages = list(dict.fromkeys(passages_of(archive, is_redacted=settings.ingest.redact)))
    if not passages:
        raise IngestError("no writings to ask about; first: atself writings add PATH")
    journal, target = place.writings / "journal.jsonl", place.writings / "pairs.jsonl"
    asked = passages[:limit]
    model = settings.generate.server_model or settings.generate.server_url or settings.train.base
    room = count * PAIR_TOKENS
    with open_asking(
        place, settings, languages=languages_of(passages), max_tokens=room, lead=LEAD
    ) as ask:
        ask_about(track(asked, "asking", len(asked)), ask, journal, count=count, model=str(model))
    sieve = sift(journal, asked, target)
    result = {
        "passages": sieve.tally.passages,
        "pairs": sieve.tally.kept,
        "refused": dict(sieve.tally.refused.most_common()),
        "file": str(target),
    }
    if as_json:
        emit_json(result)
    else:
        emit_mapping(result)
