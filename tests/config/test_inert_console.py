"""Whatever people write cannot steer the terminal it is printed on."""

from __future__ import annotations

import json

import pytest

from config.console import emit_json, emit_mapping, emit_table, progress, say, stdout

HOSTILE = "a\x1b[31mb\x1b]0;owned\x07c\x9b2Jd\x7f\r [bold]e[/bold]"
INERT = "a[31mb]0;ownedc2Jd [bold]e[/bold]"
Capture = pytest.CaptureFixture[str]


def test_control_characters_are_not_drawn_and_markup_is_text(capsys: Capture) -> None:
    emit_table((HOSTILE.replace("[", "("), "n"), [(HOSTILE, 1)])
    emit_mapping({"name": HOSTILE})
    stdout().print(HOSTILE, markup=False)
    say(HOSTILE)
    told = capsys.readouterr()
    assert not any(char in told.out + told.err for char in "\x1b\x07\x9b\x7f\r")
    assert told.out.count(INERT) == 3
    assert told.err == f"{INERT}\n"


def test_json_holds_them_escaped_and_whole(capsys: Capture) -> None:
    emit_json({"text": HOSTILE})
    told = capsys.readouterr().out
    assert not any(char in told for char in "\x1b\x07\x9b\x7f\r")
    assert json.loads(told) == {"text": HOSTILE}


def test_line_breaks_tabs_and_other_scripts_stay(capsys: Capture) -> None:
    stdout().print("一\n二 👩‍👩‍👧‍👦 عربي", markup=False)
    assert capsys.readouterr().out == "一\n二 👩‍👩‍👧‍👦 عربي\n"


def test_progress_is_drawn_as_before(capsys: Capture) -> None:
    with progress() as display:
        task = display.add_task("work", total=2, note="")
        display.update(task, completed=2)
        say("a line between")
    assert capsys.readouterr().err == "a line between\n"
