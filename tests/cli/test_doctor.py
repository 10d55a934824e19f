"""``atself doctor``: the machine, the installation, a home."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli.app import run
from cli.checks import State
from cli.checks_home import home_checks
from cli.checks_install import install_checks
from cli.checks_likeness import likeness_checks
from cli.doctor import machine_checks
from cli.machine import Machine, inspect
from config.settings import Home
from ingest.archive import Archive
from registry.store import Registry
from tests.ingest.talk import Talk
from tests.likeness.made import evaluation
from tests.registry.made import added

GIB = 1 << 30


def machine(**changed: object) -> Machine:
    """A roomy machine without a GPU, but for what is ``changed``."""
    facts: dict[str, object] = {
        "python": "3.11.7",
        "cores": 2,
        "processor": "An Ordinary CPU",
        "has_bf16": False,
        "memory": 24 * GIB,
        "free_memory": 20 * GIB,
        "free_disk": 50 * GIB,
        "gpu": None,
    }
    return Machine(**{**facts, **changed})  # type: ignore[arg-type]


def test_this_machine_can_be_inspected(tmp_path: Path) -> None:
    found = inspect(tmp_path / "not" / "there" / "yet")
    assert found.cores >= 1
    assert found.free_disk > 0


def test_a_roomy_machine_has_nothing_missing() -> None:
    assert State.MISSING not in [check.state for check in machine_checks(machine())]


def test_having_no_gpu_is_no_failure() -> None:
    states = {check.name: check.state for check in machine_checks(machine())}
    assert states["gpu"] is State.ABSENT


@pytest.mark.parametrize(("fact", "name"), [("free_disk", "disk"), ("free_memory", "memory")])
def test_too_little_room_is_missing_and_says_how_much_is_needed(fact: str, name: str) -> None:
    checks = {check.name: check for check in machine_checks(machine(**{fact: GIB}))}
    assert checks[name].state is State.MISSING
    assert "GiB" in checks[name].advice


def test_memory_that_cannot_be_told_is_left_out() -> None:
    names = [check.name for check in machine_checks(machine(memory=None, free_memory=None))]
    assert "memory" not in names


def test_every_library_bases_and_embedders_are_looked_at() -> None:
    checks = {check.name: check for check in install_checks()}
    assert {"click", "torch", "chromadb", "llama-cpp-python", "peft"} <= set(checks)
    assert {"smollm2-135m-instruct", "gemma-3-270m", "all-minilm-l6-v2", "converter"} <= set(checks)
    assert checks["torch"].detail.startswith("2.13.0")


def test_tools_for_developers_are_not_asked_for() -> None:
    assert "ruff" not in {check.name for check in install_checks()}


def test_an_empty_home_says_what_comes_next_and_fails_nothing(home: Path) -> None:
    checks = {check.name: check for check in home_checks(Home(home))}
    assert checks["archive"].advice.startswith("atself ingest")
    assert checks["models"].advice == "atself train"
    assert State.MISSING not in {check.state for check in checks.values()}


def test_a_home_that_does_not_exist_is_not_made(tmp_path: Path) -> None:
    (check,) = home_checks(Home(tmp_path / "nowhere"))
    assert check.state is State.ABSENT
    assert not (tmp_path / "nowhere").exists()


def test_a_mistake_in_the_settings_is_found(home: Path) -> None:
    (home / "config.toml").write_text("[train]\nepoch = 1\n", encoding="utf-8")
    checks = {check.name: check for check in home_checks(Home(home))}
    assert checks["settings"].state is State.MISSING
    assert "train.epochs" in checks["settings"].detail


def test_json_holds_every_check(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(["doctor", "--json"])
    shown = json.loads(capsys.readouterr().out)
    assert {"area", "name", "detail", "state", "advice"} == set(shown[0])
    assert {"machine", "core", "training", "base models", "home"} <= {row["area"] for row in shown}


def test_the_exit_code_tells_whether_anything_is_missing(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "config.toml").write_text("[trian]\n", encoding="utf-8")
    assert run(["doctor"]) == 1
    assert "✗ settings" in capsys.readouterr().out


def test_a_shareable_chat_that_is_unknown_or_private_is_named(home: Path) -> None:
    talk = Talk()
    talk.say("lin", "a word")
    with Archive.open(Home(home).archive, create=True) as archive:
        archive.add(talk.messages)
    (home / "config.toml").write_text(f'[recall]\nshareable = ["{talk.chat.id}", "telegram:404"]\n')
    [found] = [check for check in home_checks(Home(home)) if check.name == "shareable chats"]
    assert found.state is State.MISSING
    assert "telegram:404" in found.advice
    assert found.detail.startswith("1 chats lend")


def test_it_says_whether_the_gate_and_the_model_were_measured(tmp_path: Path) -> None:
    place = Home(tmp_path)
    assert not list(likeness_checks(place))
    with Archive.open(place.archive, create=True):
        pass
    found = {check.name: check for check in likeness_checks(place)}
    assert found["gate"].advice == "atself gate"
    assert found["rehearsal"].detail == "no model serves"
    added(Registry(place.models), tmp_path / "scratch", promote=True)
    rehearsed = evaluation(place.evaluations)
    assert [check.advice for check in likeness_checks(place)][1] == "atself evaluate"
    rehearsed.finish({})
    (check,) = [one for one in likeness_checks(place) if one.name == "rehearsal"]
    assert check.detail == "v1: atself evaluate --show e1"
