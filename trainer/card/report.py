"""The card itself: figures, findings, verdict, and the files that carry them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from ingest.pages.writing import write_whole
from registry.artefact import MODEL, REPORT, REPORT_PAGE, write_json
from trainer.card.exam import Exam
from trainer.card.hearing import hear
from trainer.card.page import render
from trainer.card.rules import judge, verdict_of
from trainer.card.speaking import Voice
from trainer.converting.artefacts import Made
from trainer.run import RunFolder

FORMAT = 1
MOST_STEPS = 300
"""Of a run, in its picture."""
IN_MANIFEST = (
    "verdict", "findings", "replies", "base", "persona", "serving", "learning", "trained_until",
    "preference", "seconds",
)  # fmt: skip
"""What `models list` and the next training need; the rest, with its chat text, is in the report."""


def complete(exam: Exam, made: Made, stages: Mapping[str, float], now: datetime) -> dict[str, Any]:
    """The second part of the exam, on the GGUF that is to serve, and the finished report."""
    base, job = exam.base, exam.job
    head, stored = job.dataset.head, made.files[MODEL]
    hear(exam, Voice(stored, head, base.markup, base.context_tokens))
    figures = {**exam.figures, "parity": dict(made.parity)}
    figures["curve"] = {**figures["curve"], **curve_of(job.run)}
    findings = judge(figures)
    return {
        "format": FORMAT,
        "made_at": now.isoformat(timespec="seconds"),
        "run": job.run.id,
        "base_model": job.files.base.id,
        "quantization": job.recipe.quantization,
        "self_name": job.dataset.self_name,
        "dataset_hash": job.dataset.hash,
        "trained_until": job.dataset.borders.get("validation", ""),
        "verdict": verdict_of(findings),
        "findings": [asdict(finding) for finding in findings],
        **figures,
        **preference_of(job.run),
        "seconds": {**stages, **{f"card: {name}": s for name, s in exam.seconds.items()}},
    }


def write_report(report: Mapping[str, Any], folder: Path) -> None:
    """Write ``report.json`` and ``report.html`` to ``folder``."""
    write_json(folder / REPORT, dict(report))
    write_whole(folder / REPORT_PAGE, render(report))


def summary_of(report: Mapping[str, Any]) -> dict[str, Any]:
    """The part of the report that stands in the manifest."""
    return {name: report[name] for name in IN_MANIFEST if name in report}


def preference_of(run: RunFolder) -> dict[str, Any]:
    """How preference tuning ended, and how much of what was thought of replies it heeded."""
    if not run.preference.is_file():
        return {}
    return {"preference": json.loads(run.preference.read_text(encoding="utf-8"))}


def curve_of(run: RunFolder) -> dict[str, Any]:
    """The run as it went, for its picture; of many steps some."""
    if not run.curve.is_file():
        return {}
    events = list(run.events())
    steps = [event for event in events if event.get("event") == "step"]
    shown = {id(event) for event in steps[:: len(steps) // MOST_STEPS + 1]}
    return {"events": [e for e in events if e.get("event") != "step" or id(e) in shown]}
