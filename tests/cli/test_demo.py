"""The demo from beginning to end, with seconds of training."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from config.settings import Home
from registry.store import Registry

COMMAND = [sys.executable, "-m", "cli.app", "demo", "--minutes", "0.1", "--json", "--home"]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_demo_goes_all_the_way_and_does_not_train_twice(tmp_path: Path) -> None:
    folder = tmp_path / "persona-demo"
    first = subprocess.run([*COMMAND, str(folder)], capture_output=True, encoding="utf-8")
    assert first.returncode == 0, first.stderr
    rows = json.loads(first.stdout)
    assert len({row["speaker"] for row in rows}) >= 5
    assert any(row["persona"] for row in rows)
    assert any(row["recalled"] for row in rows)

    second = subprocess.run([*COMMAND, str(folder)], capture_output=True, encoding="utf-8")
    assert second.returncode == 0, second.stderr
    assert second.stderr.count("done before") == 4
    assert [row["persona"] for row in json.loads(second.stdout)] == [row["persona"] for row in rows]
    assert len(Registry(Home(folder).models).versions()) == 1
