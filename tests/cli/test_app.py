"""The command line as a whole: lazy, and one line for whatever can be explained."""

from __future__ import annotations

import errno
import os
import subprocess
import sys

import click
import pytest

from cli.app import COMMANDS, app, run
from config.errors import AtselfError, SettingsError
from tests.cli.failing import RAISED

HEAVY = "torch transformers chromadb llama_cpp sentence_transformers numpy sqlite3 rich pydantic"


def test_help_imports_nothing_but_the_command_line() -> None:
    code = f"""
import sys
from cli.app import run
run(["--help"])
sys.exit(", ".join(name for name in {HEAVY.split()!r} if name in sys.modules) or 0)
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stderr == ""
    assert "Commands:" in result.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_every_command_imports_no_model_library(name: str) -> None:
    heavy = [library for library in HEAVY.split() if library not in ("sqlite3", "rich", "pydantic")]
    code = f"""
import sys
from cli.app import run
run(["{name}", "--help"])
sys.exit(", ".join(name for name in {heavy!r} if name in sys.modules) or 0)
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stderr == ""
    assert f"atself {name}" in result.stdout


def test_the_list_of_commands_says_what_their_own_help_says_at_length() -> None:
    context = click.Context(app)
    for name in app.list_commands(context):
        command = app.get_command(context, name)
        assert command is not None
        assert command.help, f"{name} has no help"


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> list[BaseException]:
    """A command ``fail`` that raises what the test puts in the list."""
    monkeypatch.setitem(COMMANDS, "fail", ("tests.cli.failing:fail", "Fail."))
    return RAISED


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (AtselfError("result.json: no messages"), 1, "atself: result.json: no messages\n"),
        (SettingsError("train.epoch: unknown"), 2, "atself: train.epoch: unknown\n"),
        (click.ClickException("no such file"), 1, "atself: no such file\n"),
        (
            ModuleNotFoundError("No module", name="nowhere.at.all"),
            1,
            "atself: nowhere.at.all is not ",
        ),
        (OSError(errno.ENOSPC, "No space left on device", "/x"), 1, "atself: disk full; "),
        (RuntimeError("I/O error: No space left on device (os error 28)"), 1, "atself: disk full"),
        (KeyboardInterrupt(), 130, "atself: interrupted; what was finished is kept"),
    ],
)
def test_what_can_be_explained_is_one_line_and_an_exit_code(
    failing: list[BaseException],
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
    code: int,
    line: str,
) -> None:
    failing.append(error)
    assert run(["fail"]) == code
    shown = capsys.readouterr().err
    assert line in shown
    assert shown.strip().count("\n") == 0


def test_a_bug_is_a_traceback(failing: list[BaseException]) -> None:
    failing.append(ZeroDivisionError("a bug"))
    with pytest.raises(ZeroDivisionError):
        run(["fail"])


@pytest.mark.parametrize("arguments", [["nonsense"], ["init", "--nonsense"], ["--nonsense"]])
def test_wrong_usage_exits_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == 2
    assert "Error: No such" in capsys.readouterr().err


def test_a_reader_that_goes_away_is_no_error() -> None:
    command = f"{sys.executable} -m cli.app doctor --json | head -c 1"
    result = subprocess.run(["bash", "-c", command], capture_output=True, text=True, env=os.environ)
    assert "Traceback" not in result.stderr
    assert "BrokenPipe" not in result.stderr


def test_the_version_is_the_packages() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "cli.app", "--version"], capture_output=True, text=True
    )
    assert result.stdout.startswith("atself 0.")
