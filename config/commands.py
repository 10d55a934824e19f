"""``atself init``: a home folder to start from."""

from __future__ import annotations

from pathlib import Path

import click

from config.console import emit_json, home_option, json_option, say
from config.errors import SettingsError
from config.reference import home_toml
from config.settings import Home, load


@click.command()
@home_option
@click.option("--force", is_flag=True, help="Write config.toml anew; the old one becomes .bak.")
@json_option
def init(home: Path, force: bool, as_json: bool) -> None:
    """Make a home folder with a commented config.toml.

    \b
    atself init                      in ./persona
    atself init --home ~/personas/me
    """
    path = write_config(Home(home), force=force)
    load(home)
    if as_json:
        emit_json({"home": str(home), "config": str(path)})
    else:
        say(f"wrote {path}; next: atself ingest PATH --self WHO --home {home}")


def write_config(home: Home, *, force: bool = False) -> Path:
    """Write the commented configuration; SettingsError where one exists and force is not set."""
    if home.config.exists() and not force:
        raise SettingsError(f"{home.config}: exists already; --force writes it anew")
    home.path.mkdir(parents=True, exist_ok=True)
    if home.config.exists():
        home.config.replace(home.config.with_suffix(".toml.bak"))
    unfinished = home.config.with_suffix(".toml.part")
    unfinished.write_text(home_toml(), encoding="utf-8")
    unfinished.replace(home.config)
    return home.config
