"""What the demo asks."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

from cli.app import run
from cli.demo import SAMPLE, SAMPLE_SELF
from cli.scenes import prompts_of
from config.settings import Home


def test_prompts_written_beside_an_export_are_asked(home: Path) -> None:
    prompts = prompts_of(Home(home), SAMPLE)
    assert len({prompt.speaker for prompt in prompts}) == len(prompts) == 6
    assert all(prompt.text and prompt.at is None for prompt in prompts)


def test_held_out_prompts_come_with_the_moment_before_which_recall_must_look(home: Path) -> None:
    assert run(["ingest", str(SAMPLE), "--self", SAMPLE_SELF, "--home", str(home)]) == 0
    assert run(["dataset", "--home", str(home)]) == 0
    border = json.loads((home / "dataset" / "manifest.json").read_text())["borders"]["test"]
    prompts = prompts_of(Home(home), home / "result.json")
    assert prompts
    for prompt in prompts:
        assert prompt.real
        assert prompt.at is not None
        assert prompt.at >= datetime.fromisoformat(border)
