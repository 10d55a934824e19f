"""What became of each model, as `atself models history` tells it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from registry.commands import models
from registry.retrainings import Journal, Order, Outcome, Retraining, Step
from registry.store import Registry
from tests.registry.made import added

BEGUN = datetime(2026, 2, 1, tzinfo=UTC)
GAIN = {"value": -0.02, "low": -0.05, "high": 0.01, "replies": 60, "clusters": 9}
COMPARED = {
    "differences": {"likeness": GAIN, "leakage": GAIN, "chrf": GAIN},
    "measures": {
        "measures": [{"key": "leakage", "is_guard": True}, {"key": "chrf", "is_guard": False}],
        "likeness": {"trained, with memory (v2)": GAIN},
    },
}


def refused(home: Path, version: str) -> None:
    """A retraining that came to nothing."""
    going = Retraining("20260201-000000", BEGUN.isoformat(), Order())
    going = going.done(Step.TRAIN, BEGUN, {"version": version})
    going = going.done(Step.COMPARISON, BEGUN, COMPARED)
    done = going.ended(Outcome.KEPT_ASIDE, ("no better on likeness",), BEGUN)
    Journal(home / "retrains").write(done)


def run(home: Path, *words: str) -> str:
    result = CliRunner().invoke(models, [*words, "--home", str(home)], catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


def happened(home: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(run(home, "history", "--json"))
    return found


def test_promotions_refusals_and_rollbacks_are_told_in_order(tmp_path: Path) -> None:
    registry = Registry(tmp_path / "models")
    added(registry, tmp_path / "made", count=3)
    registry.promote("v1", "first", now=BEGUN - timedelta(days=3))
    refused(tmp_path, "v2")
    registry.promote("v3", "by the loop: better", now=BEGUN + timedelta(days=1))
    registry.rollback(now=BEGUN + timedelta(days=2), reason="by the live guards: 8 of 10")
    told = happened(tmp_path)
    assert [(each["version"], each["what"], each["reason"]) for each in told] == [
        ("v1", "promoted", "first"),
        ("v2", "kept aside", "no better on likeness"),
        ("v3", "promoted", "by the loop: better"),
        ("v3", "rolled back to v1", "by the live guards: 8 of 10"),
    ]
    assert told[1]["likeness"]["difference"]["value"] == -0.02
    assert list(told[1]["guards"]) == ["leakage"]
    table = run(tmp_path, "history")
    assert "-0.020 (-0.050 to +0.010)" in table
    rows = json.loads(run(tmp_path, "list", "--json"))
    assert [row["why"] for row in rows] == [
        "promoted: first",
        "kept aside: no better on likeness",
        "rolled back to v1: by the live guards: 8 of 10",
    ]


def test_a_journal_of_a_retraining_reads_back_as_it_was_written(tmp_path: Path) -> None:
    refused(tmp_path, "v2")
    [known] = Journal(tmp_path / "retrains").all()
    assert known.order == Order()
    assert replace(known, reasons=()).outcome is Outcome.KEPT_ASIDE
    assert known.likeness["difference"] == GAIN


def test_without_models_nothing_has_happened(tmp_path: Path) -> None:
    assert happened(tmp_path) == []
