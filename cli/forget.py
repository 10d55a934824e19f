"""``atself forget``: remove a person from everything that holds their words."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import click

from config.console import emit_json, emit_mapping, home_option, json_option, say

EXAMPLES = """\b
Examples:
  atself forget @nice_guy
  atself forget "Max Lindqvist" --yes --json
"""


@click.command(epilog=EXAMPLES)
@click.argument("who")
@click.option("--yes", is_flag=True, help="Do not ask.")
@home_option
@json_option
def forget(who: str, yes: bool, home: Path, as_json: bool) -> None:
    """Remove a person and all they wrote: archive, search index and dataset.

    A later import does not bring them back. Models trained before keep what they learned: they are
    named, so that you can train anew.
    """
    from config.settings import Home, load
    from ingest.archive import Archive
    from registry.store import Registry

    place, settings = Home(home), load(home)
    with Archive.open(place.archive) as archive:
        person = archive.find_person(who)
        count = archive.message_counts().get(person.id, 0)
        if not yes:
            question = f"Forget @{person.handle} and {count:,} messages for good?"
            click.confirm(question, abort=True, err=True)
        removed = archive.forget(f"@{person.handle}")
        had_dataset = place.dataset.exists()
        shutil.rmtree(place.dataset, ignore_errors=True)
        was_indexed = place.index.exists()
        if was_indexed:
            from rag.indexing import build_index

            build_index(archive, place, settings, now=lambda: datetime.now(UTC))
    result = {
        "handle": person.handle,
        "messages_removed": removed,
        "dataset": "removed; run: atself dataset" if had_dataset else "none",
        "index": "cleaned" if was_indexed else "none",
        "models_that_learned_from_them": [m.version for m in Registry(place.models).versions()],
    }
    if as_json:
        emit_json(result)
    else:
        emit_mapping(result)
    if result["models_that_learned_from_them"]:
        say("train again to have a model that never met them")
