"""Collection removes what nothing needs, and whatever is killed leaves a registry that serves."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.app import app
from config.locks import held
from registry.checked import CHECKED, hold_model
from registry.errors import RegistryError
from registry.garbage import collect
from registry.store import Registry
from tests.registry.made import NOON, added, manifest

ROOT = Path(__file__).parents[2]
BUSY = """
import sys, itertools
from pathlib import Path
from datetime import datetime, UTC
from registry.garbage import collect
from registry.store import Registry
from tests.registry.made import added
folder = Path(sys.argv[1])
registry = Registry(folder / "models")
print("ready", flush=True)
for turn in itertools.count():
    added(registry, folder / f"scratch{sys.argv[2]}", promote=True)
    collect(registry, folder / "runs", keep=1, now=datetime.now(UTC))
    if turn % 3 == 2:
        registry.rollback(now=datetime.now(UTC))
"""


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "models")


def names(registry: Registry) -> list[str]:
    return [each.version for each in registry.versions()]


def test_what_serves_and_what_rollback_needs_stay(registry: Registry, tmp_path: Path) -> None:
    added(registry, tmp_path / "new", count=2, promote=True)
    added(registry, tmp_path / "new", count=3)
    found = collect(registry, tmp_path / "runs", keep=1, now=NOON)
    assert names(registry) == ["v1", "v2", "v5"]
    assert {Path(each.path).name for each in found} == {"v3", "v4"}
    assert registry.rollback(now=NOON).version == "v1"
    assert not list(registry.folder.glob(".*"))


def test_a_removed_number_is_not_given_again(registry: Registry, tmp_path: Path) -> None:
    added(registry, tmp_path / "new", count=3)
    collect(registry, tmp_path / "runs", keep=0, now=NOON)
    assert names(registry) == []
    assert [entry["version"] for entry in registry.removed()] == ["v1", "v2", "v3"]
    assert registry.add(tmp_path / "new", manifest()).version == "v4"


def test_rollback_passes_over_versions_that_are_gone(registry: Registry, tmp_path: Path) -> None:
    added(registry, tmp_path / "new", count=4, promote=True)
    collect(registry, tmp_path / "runs", keep=0, now=NOON)
    assert names(registry) == ["v3", "v4"]
    registry.rollback(now=NOON)
    with pytest.raises(RegistryError, match="no earlier version"):
        registry.rollback(now=NOON)
    assert len(registry.history()) == 5


def test_a_loaded_model_is_not_collected(registry: Registry, tmp_path: Path) -> None:
    added(registry, tmp_path / "new", count=3, promote=True)
    lease = hold_model(registry.folder / "v1" / "model.gguf")
    assert lease is not None
    collect(registry, tmp_path / "runs", keep=0, now=NOON)
    assert names(registry) == ["v1", "v2", "v3"]
    lease.release()
    collect(registry, tmp_path / "runs", keep=0, now=NOON)
    assert names(registry) == ["v2", "v3"]


def test_a_dry_run_changes_nothing(registry: Registry, tmp_path: Path) -> None:
    added(registry, tmp_path / "new", count=3)
    (registry.folder / ".incoming-x").mkdir()
    before = sorted(registry.folder.rglob("*"))
    found = collect(registry, tmp_path / "runs", keep=0, now=NOON, dry_run=True)
    assert [each.kind for each in found] == ["version"] * 3 + ["leftover"]
    assert sorted(registry.folder.rglob("*")) == before


def test_leftovers_and_scratch_of_finished_runs_go(registry: Registry, tmp_path: Path) -> None:
    added(registry, tmp_path / "new")
    (registry.folder / ".removed-v9").mkdir()
    for name, is_finished in (("done", True), ("going", False)):
        run = tmp_path / "runs" / name
        (run / "merged").mkdir(parents=True)
        (run / "model.f16.gguf").write_bytes(b"GGUF")
        (run / "best").mkdir()
        (run / "state.json").write_text(json.dumps({"is_finished": is_finished}))
    collect(registry, tmp_path / "runs", keep=3, now=NOON)
    kept = {path.name for path in (tmp_path / "runs" / "done").iterdir()}
    assert kept == {"best", "state.json"}
    assert (tmp_path / "runs" / "going" / "merged").is_dir()
    assert not (registry.folder / ".removed-v9").exists()
    assert registry.add(tmp_path / "new", manifest()).version == "v2"


def test_the_scratch_of_a_run_at_work_stays(registry: Registry, tmp_path: Path) -> None:
    run = tmp_path / "runs" / "converting"
    (run / "merged").mkdir(parents=True)
    (run / "state.json").write_text(json.dumps({"is_finished": True}))
    with held(run):
        assert collect(registry, tmp_path / "runs", keep=3, now=NOON) == []
    assert (run / "merged").is_dir()
    collect(registry, tmp_path / "runs", keep=3, now=NOON)
    assert not (run / "merged").exists()


def test_the_command_lists_what_went(registry: Registry, tmp_path: Path) -> None:
    added(registry, tmp_path / "new", count=2)
    words = ["models", "gc", "--keep", "1", "--home", str(tmp_path), "--json"]
    result = CliRunner().invoke(app, words, catch_exceptions=False)
    (row,) = json.loads(result.stdout)
    assert row["kind"] == "version"
    assert row["bytes"] > 2000
    assert names(registry) == ["v2"]


def test_a_good_file_is_read_once_and_again_when_it_changes(
    registry: Registry, tmp_path: Path
) -> None:
    added(registry, tmp_path / "new")
    model = registry.folder / "v1" / "model.gguf"
    assert json.loads((registry.folder / CHECKED).read_text())["v1/model.gguf"]
    (registry.folder / CHECKED).unlink()
    hold_model(model)
    assert (registry.folder / CHECKED).is_file()
    data = bytearray(model.read_bytes())
    data[7] ^= 1
    model.write_bytes(data)
    os.utime(model, ns=(1, 1))
    with pytest.raises(RegistryError, match=r"damaged.*models rollback"):
        hold_model(model)
    model.unlink()
    with pytest.raises(RegistryError, match="missing"):
        hold_model(model)


def test_a_file_outside_a_registry_needs_no_lease(tmp_path: Path) -> None:
    (tmp_path / "base.gguf").write_bytes(b"GGUF")
    assert hold_model(tmp_path / "base.gguf") is None


@pytest.mark.slow
def test_whatever_is_killed_the_registry_serves(registry: Registry, tmp_path: Path) -> None:
    added(registry, tmp_path / "first", count=2, promote=True)
    seen, dice = set(names(registry)), random.Random(7)
    for _ in range(6):
        workers = [busy(tmp_path, number) for number in (1, 2)]
        time.sleep(dice.uniform(0.02, 0.3))
        for worker in workers:
            worker.kill()
            worker.wait()
            assert worker.stdout is not None
            worker.stdout.close()
        serving = registry.serving()
        assert serving is not None
        registry.verify(serving.version)
        assert registry.needed() <= set(names(registry))
        seen |= set(names(registry))
    collect(registry, tmp_path / "runs", keep=1, now=NOON)
    assert not [path for path in registry.folder.iterdir() if path.is_dir() and path.name[0] == "."]
    told = {entry["version"] for entry in registry.removed()}
    assert seen <= told | set(names(registry))


def busy(folder: Path, number: int) -> subprocess.Popen[str]:
    """A process that adds, promotes, rolls back and collects until it is killed."""
    worker = subprocess.Popen(
        [sys.executable, "-c", BUSY, str(folder), str(number)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert worker.stdout is not None
    assert worker.stdout.readline() == "ready\n"
    return worker
