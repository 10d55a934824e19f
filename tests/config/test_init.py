"""``atself init``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli.app import run
from config.settings import Settings, load


def test_init_writes_a_configuration_that_loads(home: Path) -> None:
    assert run(["init"]) == 0
    assert load(home) == Settings()


def test_init_makes_the_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "deep" / "down"
    assert run(["init", "--home", str(folder), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["config"] == str(folder / "config.toml")


def test_init_never_overwrites_a_configuration(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "config.toml").write_text("[train]\nrank = 8\n", encoding="utf-8")
    assert run(["init"]) == 2
    assert "exists already" in capsys.readouterr().err
    assert load(home).train.rank == 8


def test_force_keeps_the_old_configuration_aside(home: Path) -> None:
    (home / "config.toml").write_text("[train]\nrank = 8\n", encoding="utf-8")
    assert run(["init", "--force"]) == 0
    assert load(home).train.rank == 16
    assert "rank = 8" in (home / "config.toml.bak").read_text(encoding="utf-8")
