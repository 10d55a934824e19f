"""What is generated from the settings' types."""

from __future__ import annotations

import tomllib
from pathlib import Path

from config.reference import default_toml, entries, home_toml
from config.settings import FOLDER, Settings, load


def test_every_setting_says_what_it_means() -> None:
    assert [entry.key for entry in entries() if not entry.description] == []


def test_every_setting_without_default_has_an_example_unless_it_is_a_secret() -> None:
    lacking = [
        entry.key
        for entry in entries()
        if entry.default is None and entry.example is None and not entry.is_secret
    ]
    assert lacking == []


def test_the_defaults_file_holds_the_defaults() -> None:
    assert Settings.model_validate(tomllib.loads(default_toml())) == Settings()
    assert (FOLDER / "default.toml").read_text(encoding="utf-8") == default_toml()


def test_a_fresh_configuration_changes_nothing(home: Path) -> None:
    (home / "config.toml").write_text(home_toml(), encoding="utf-8")
    assert load(home) == Settings()


def test_every_line_of_a_fresh_configuration_is_valid_once_its_mark_is_taken_away(
    home: Path,
) -> None:
    lines = home_toml().splitlines()
    settings = [line.removeprefix("# ") if " = " in line else line for line in lines]
    (home / "config.toml").write_text("\n".join(settings), encoding="utf-8")
    assert load(home).train.minutes == 20


def test_secrets_are_in_no_file() -> None:
    assert "token =" not in home_toml() + default_toml()
    assert "server_key" not in home_toml() + default_toml()


def test_the_example_environment_is_accepted(home: Path) -> None:
    names = [
        line.partition("=")[0]
        for line in (FOLDER / "example.env").read_text(encoding="utf-8").splitlines()
        if line.startswith("ATSELF_")
    ]
    known = {entry.variable for entry in entries()} | {"ATSELF_HOME"}
    assert set(names) <= known
