"""``atself forget``: remove a person from everything that holds their words."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from config.console import emit_json, emit_mapping, home_option, json_option, say

if TYPE_CHECKING:
    from config.settings import Home, Settings
    from ingest.archive import Archive
    from ingest.chat import Account, Person

EXAMPLES = """\b
Examples:
  atself forget @nice_guy
  atself forget "Max Lindqvist" --yes --json
  atself forget telegram:user123456     also where the account never spoke
"""


@click.command(epilog=EXAMPLES)
@click.argument("who")
@click.option("--yes", is_flag=True, help="Do not ask.")
@home_option
@json_option
def forget(who: str, yes: bool, home: Path, as_json: bool) -> None:
    """Remove a person and all they wrote, from everything that quotes them.

    That is archive, index, dataset, exports, evaluations, blind tests, answers and backups.

    A later import does not bring them back. Models trained before keep what they learned: they are
    marked, and named here, so that you can train anew.
    """
    from bot.backups import outdate, renew
    from bot.gating.model import forget_in_gate
    from config.settings import Home, load
    from ingest.archive import Archive
    from likeness.quotes import drop_quotes

    place, settings = Home(home), load(home)
    with Archive.open(place.archive) as archive:
        if stranger := _stranger(archive, who):
            archive.refuse(stranger)
            _clean_if_behind(archive, place, settings)
            _leave_the_bots(place, [stranger])
            renew(place, now=datetime.now(UTC))  # where an earlier forgetting was cut short
            _tell({"account": who, "messages_removed": 0}, as_json)
            return
        person = archive.find_person(who)
        count = archive.message_counts().get(person.id, 0)
        if not yes:
            question = f"Forget @{person.handle} and {count:,} messages for good?"
            click.confirm(question, abort=True, err=True)
        # The archive comes after what is told by it: whenever this is interrupted, the same
        # command can be given again.
        marked = _mark_models(place, person, now=datetime.now(UTC))
        had_dataset = place.dataset.exists()
        had_exports = place.exports.exists()
        shutil.rmtree(place.dataset, ignore_errors=True)
        shutil.rmtree(place.exports, ignore_errors=True)
        had_evaluations = drop_quotes(place, (person.handle, *person.names))
        outdate(place)
        had_gate = forget_in_gate(place, person.handle)
        sent = _clear_hosted(place)
        removed = archive.forget(f"@{person.handle}")
    was_indexed = place.index.exists()
    if was_indexed:
        _clean_index(place, settings)
    _leave_the_bots(place, person.accounts)
    renewed = renew(place, now=datetime.now(UTC))
    result = {
        "handle": person.handle,
        "messages_removed": removed,
        "dataset": "removed; run: atself dataset" if had_dataset else "none",
        "index": "cleaned" if was_indexed else "none",
        "exports": "removed" if had_exports else "none",
        "gate": "without them; learn it again: atself gate" if had_gate else "none",
        "evaluations": "removed; run: atself evaluate" if had_evaluations else "none",
        "backups": f"one without them, {renewed.name}" if renewed else "none",
        "models_that_learned_from_them": marked,
        "sent_to_an_api": sent,
    }
    _tell(result, as_json)
    if marked:
        say("train again to have a model that never met them")
    for run, host in sent.items():
        say(f"{host} still has what was sent there; `atself hosted withdraw {run}` deletes it")


def _leave_the_bots(place: Home, accounts: Sequence[Account]) -> None:
    """Let the bots' own database name none of these; the last of it, which a new backup holds."""
    from bot.forgetting import Forgetting
    from bot.guarding.ledger import Ledger
    from bot.journal import Journal

    if not place.state.exists():
        return
    forgetting = Forgetting(place, clock=lambda: datetime.now(UTC))
    with Journal(place.state) as journal, closing(Ledger(place.state)) as ledger:
        for account in accounts:
            journal.forget(account)
            ledger.forget(f"{account.platform}:{account.key}")
            forgetting.done(account)


def _tell(result: Mapping[str, object], as_json: bool) -> None:
    if as_json:
        emit_json(result)
    else:
        emit_mapping(result)


def _stranger(archive: Archive, who: str) -> Account | None:
    """The account that ``platform:key`` names, where nobody in the archive has it."""
    from ingest.chat import Account

    platform, colon, key = who.strip().partition(":")
    is_account = bool(colon) and platform.isalpha() and bool(key) and " " not in who
    known = any(
        f"{a.platform}:{a.key}" == who.strip() for p in archive.people() for a in p.accounts
    )
    return Account(platform.lower(), key) if is_account and not known else None


def _clean_if_behind(archive: Archive, place: Home, settings: Settings) -> None:
    """The index may know somebody still where an earlier forgetting was cut short."""
    from rag.index.manifest import read_manifest

    manifest = read_manifest(place.index)
    if manifest is not None and manifest.forgets != archive.forgets:
        _clean_index(place, settings)


def _clear_hosted(place: Home) -> dict[str, str]:
    """Remove the copies that hosted runs keep; the host by run of those whose files lie there."""
    from trainer.hosted.state import HostedRun

    sent = {}
    for folder in place.hosted.glob("*/"):
        for copy in folder.glob("*.jsonl"):
            copy.unlink()
        state = HostedRun(folder).state()
        if state is None:
            shutil.rmtree(folder)
        elif state.uploads:
            sent[folder.name] = state.server_url
    return sent


def _mark_models(place: Home, person: Person, *, now: datetime) -> list[str]:
    """Mark the versions that learned from a person, or may have; returns them."""
    from registry.marks import mark_forgotten
    from registry.store import Registry

    registry = Registry(place.models)
    hash, is_in = _dataset_holds(place.dataset, person)
    marked = []
    for manifest in registry.versions():
        is_known = manifest.dataset_hash == hash
        if is_in or not is_known:
            mark_forgotten(registry.folder / manifest.version, now=now, is_certain=is_known)
            marked.append(manifest.version)
    return marked


def _dataset_holds(folder: Path, person: Person) -> tuple[str | None, bool]:
    """The hash of the dataset there, if any, and whether it shows a person or their handle."""
    from ingest.dataset.manifest import read_manifest
    from ingest.errors import DatasetError

    try:
        hash = read_manifest(folder).hash
    except DatasetError:
        return None, True
    wanted = [word.casefold().encode() for word in (person.handle, *person.names)]
    for path in sorted(folder.glob("*.jsonl")):
        with path.open("rb") as lines:
            if any(word in line.decode().casefold().encode() for line in lines for word in wanted):
                return hash, True
    return hash, False


def _clean_index(place: Home, settings: Settings) -> None:
    from ingest.archive import Archive
    from rag.index.building import build_index

    with Archive.open(place.archive, pseudonyms=settings.ingest.pseudonyms) as archive:
        # A bot that is refreshing the index is waited for: who is forgotten must leave it too.
        build_index(archive, place, settings, now=lambda: datetime.now(UTC), is_patient=True)
