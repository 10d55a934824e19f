"""Stages of the demo: done once, gone on with after an interruption."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.app import run
from cli.stages import Ledger, Stage, StageFailed, command_line, fingerprint, run_stages


def init_stage(home: Path, made_from: str = "a") -> Stage:
    """A stage that makes a configuration."""
    return Stage(
        "init",
        "Setting up",
        "a home to start from",
        ("init", "--home", str(home)),
        made_from,
        (home / "config.toml").exists,
    )


def test_a_stage_runs_its_command_and_is_remembered(home: Path) -> None:
    ledger = Ledger(home / "demo.json")
    run_stages([init_stage(home)], ledger)
    assert (home / "config.toml").exists()
    assert ledger.read() == {"init": "a"}


def test_a_finished_stage_is_not_repeated(home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    ledger = Ledger(home / "demo.json")
    run_stages([init_stage(home)], ledger)
    run_stages([init_stage(home)], ledger)  # init would refuse to write a second time
    assert "done before" in capfd.readouterr().err


def test_a_stage_whose_product_is_gone_runs_again(home: Path) -> None:
    ledger = Ledger(home / "demo.json")
    run_stages([init_stage(home)], ledger)
    (home / "config.toml").unlink()
    run_stages([init_stage(home)], ledger)
    assert (home / "config.toml").exists()


def test_another_input_runs_the_stage_again(home: Path) -> None:
    ledger = Ledger(home / "demo.json")
    ledger.write({"init": "another chat"})
    run_stages([init_stage(home)], ledger)
    assert ledger.read() == {"init": "a"}


def test_a_stage_that_fails_stops_the_way_with_its_exit_code(
    home: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    ledger = Ledger(home / "demo.json")
    (home / "config.toml").write_text("", encoding="utf-8")
    with pytest.raises(StageFailed) as caught:
        run_stages([init_stage(home)], ledger)
    assert caught.value.exit_code == 2
    assert capfd.readouterr().err.count("exists already") == 1
    assert ledger.read() == {}


def test_a_damaged_ledger_only_repeats_work(home: Path) -> None:
    path = home / "demo.json"
    path.write_text('{"init": ', encoding="utf-8")
    assert Ledger(path).read() == {}


def test_commands_are_shown_as_one_would_type_them() -> None:
    assert command_line(["ingest", "a b.json", "--self", "Me"]) == (
        'atself ingest "a b.json" --self Me'
    )


def test_a_fingerprint_follows_contents_and_words(tmp_path: Path) -> None:
    export = tmp_path / "result.json"
    export.write_text("{}", encoding="utf-8")
    first = fingerprint([export], "Me")
    assert fingerprint([export], "Me") == first
    assert fingerprint([export], "You") != first
    export.write_text("[]", encoding="utf-8")
    assert fingerprint([export], "Me") != first


def test_the_demo_never_mixes_with_a_home_it_did_not_make(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "archive.sqlite").write_bytes(b"")
    assert run(["demo", "--home", str(home)]) == 2
    assert "did not make" in capsys.readouterr().err


def test_the_demo_refuses_a_home_made_from_another_chat(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Ledger(home / "demo.json").write({"source": "another"})
    assert run(["demo", "--home", str(home)]) == 2
    assert "another chat" in capsys.readouterr().err


def test_an_export_of_ones_own_needs_a_self(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    export = tmp_path / "result.json"
    export.write_text("{}", encoding="utf-8")
    assert run(["demo", str(export)]) == 2
    assert "--self" in capsys.readouterr().err
