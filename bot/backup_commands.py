"""`atself backup`: make, list, restore."""

from __future__ import annotations

from pathlib import Path

import click

from config.console import emit_json, emit_mapping, emit_table, home_option, json_option, say

RESTORE_EXAMPLES = """\b
Examples:
  atself backup restore latest --force                       what is there is moved aside
  atself backup restore 20260301T033000Z --force
  atself backup restore /mnt/disk/20260301T033000Z.tar.gz --home ~/personas/new
"""


@click.group(epilog="Example: atself backup make")
def backup() -> None:
    """Back up archive, state and settings, and put them back."""


@backup.command("make", epilog="Example: atself backup make --keep 7")
@click.option("--keep", type=click.IntRange(min=1), help="Remove all but so many of the newest.")
@click.option("--models", is_flag=True, help="With the models that serve or may be returned to.")
@home_option
@json_option
def make_backup(keep: int | None, models: bool, home: Path, as_json: bool) -> None:
    """Write HOME/backups/TIME.tar.gz; a bot may go on running meanwhile.

    In it: archive.sqlite, bot.sqlite, config.toml, writings, and the models' manifests and report
    cards. Not in it: models (see --models), index and dataset, which can be made again.
    """
    from datetime import UTC, datetime

    from bot.backups import make
    from config.settings import Home

    made = make(Home(home), now=datetime.now(UTC), keep=keep, models=models)
    if as_json:
        emit_json(made.to_json())
    else:
        say(f"{made.path}: {made.bytes / 1e6:,.1f} MB")


@backup.command("list", epilog="Example: atself backup list --json")
@home_option
@json_option
def list_backups(home: Path, as_json: bool) -> None:
    """List the backups, oldest first."""
    from bot.backups import listed
    from config.settings import Home

    found = listed(Home(home))
    if as_json:
        emit_json([each.to_json() for each in found])
    elif found:
        emit_table(
            ("name", "made", "bytes"),
            (
                (each.name, f"{each.made_at:%Y-%m-%d %H:%M} UTC", f"{each.bytes:,}")
                for each in found
            ),
        )
    else:
        say(f"{home / 'backups'}: no backups yet; run `atself backup make`")


@backup.command("restore", epilog=RESTORE_EXAMPLES)
@click.argument("name")
@click.option("--force", is_flag=True, help="Move what stands in the way aside first.")
@home_option
@json_option
def restore_backup(name: str, force: bool, home: Path, as_json: bool) -> None:
    """Put a backup (its name, `latest`, or a file) back into a home.

    It is checked whole before anything is touched. Stop the bot first.
    """
    from datetime import UTC, datetime

    from bot.restoring import find, restore
    from config.settings import Home

    place = Home(home)
    done = restore(place, find(place, name), now=datetime.now(UTC), force=force)
    missing = ", ".join(done.missing_models)
    if as_json:
        emit_json({"files": done.files, "aside": done.aside, "missing_models": missing})
        return
    emit_mapping({"files": done.files, "moved aside": done.aside or "nothing"})
    if missing:
        say(f"{missing}: model.gguf is not in the backup; copy it to {place.models}, or train")
    say("next: atself index")
