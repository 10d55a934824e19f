"""The long jobs admins and the schedule start: which commands each is, and how its end is told."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from bot.admin.phrases import counted

FORGET = "forget"


@dataclass(frozen=True, slots=True)
class Step:
    """One ``atself`` command of a job, and what it does in plain words."""

    name: str
    arguments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Work:
    """A job: its commands in order. Two that claim the same thing never run at once."""

    kind: str
    title: str
    steps: tuple[Step, ...]
    claims: tuple[str, ...]

    def to_json(self) -> str:
        """As it is kept while it runs."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what :meth:`to_json` wrote."""
        data = json.loads(text)
        steps = tuple(Step(each["name"], tuple(each["arguments"])) for each in data["steps"])
        return cls(data["kind"], data["title"], steps, tuple(data["claims"]))


def retrain(minutes: float | None = None) -> Work:
    """A new dataset, a model of it, and how it does beside what serves.

    It is judged there and let serve here: only this process can tell that the model speaks.
    """
    budget = () if minutes is None else ("--minutes", f"{minutes:g}")
    step = Step("retraining", ("retrain", "--no-promote", *budget, "--progress-json", "-"))
    return Work("retrain", "Retraining", (step,), ("dataset",))


def index() -> Work:
    """What is new in the archive, into the index."""
    return Work("index", "Indexing", (Step("indexing", ("index", "--json")),), ("index",))


def gate() -> Work:
    """When @self speaks, learned from what is in the archive now."""
    return Work("gate", "Learning when to speak", (Step("learning", ("gate",)),), ("gate",))


def ingest(folder: str) -> Work:
    """What is new in a folder of exports, into the archive."""
    step = Step("reading exports", ("ingest", str(Path(folder).expanduser()), "--json"))
    return Work("ingest", "Reading exports", (step,), ("ingest",))


def export(forms: Sequence[str]) -> Work:
    """The archive's messages, or the dataset in other trainers' forms, as files."""
    step = Step("writing", ("export", *forms, "--json"))
    return Work("export", "Exporting", (step,), ("dataset",))


def forget(handle: str) -> Work:
    """A person out of archive, index, dataset, exports and backups."""
    step = Step("forgetting", ("forget", f"@{handle}", "--yes", "--json"))
    return Work(FORGET, "Forgetting", (step,), ("dataset", "index", "backup"))


def backup(kept: int) -> Work:
    """A backup, and no more than ``kept`` of them."""
    step = Step("backing up", ("backup", "make", "--keep", str(kept), "--json"))
    return Work("backup", "Backing up", (step,), ("backup",))


def told(kind: str, result: Any) -> str:
    """One line about what a finished job made, from what its last command printed."""
    teller = _TELLERS.get(kind)
    try:
        return teller(result) if teller else ""
    except (KeyError, TypeError, IndexError):  # a later version's output
        return ""


def _told_retrain(result: Mapping[str, Any]) -> str:
    if not result["version"]:
        return "; ".join(result["reasons"])
    gain = f"{result['nats/token of base']:.3f} → {result['nats/token']:.3f} nats per token"
    return f"{result['version']} is made; its report card: {result['card']} ({gain})"


def _told_index(result: Mapping[str, Any]) -> str:
    left = result.get("uncut", 0) + result.get("pending", 0)
    more = f", {left:,} left to do" if left else ""
    return f"{counted(result['passages'], 'passage')}, {result['vectors']:,} with a vector{more}"


def _told_ingest(result: Mapping[str, Any]) -> str:
    added = result["added"]
    return f"{counted(added['new'], 'new message')}, {added['changed']:,} changed"


def _told_export(result: Sequence[Mapping[str, Any]]) -> str:
    return "; ".join(f"{row['form']}: {row['folder']}" for row in result)


def _told_forget(result: Mapping[str, Any]) -> str:
    marked = result["models_that_learned_from_them"]
    known = f"; learned by {', '.join(marked)}: /retrain makes one that never met them"
    return f"{counted(result['messages_removed'], 'message')} removed{known if marked else ''}"


def _told_backup(result: Mapping[str, Any]) -> str:
    return f"{result['name']}, {result['bytes'] / 1e6:,.1f} MB"


_TELLERS: dict[str, Callable[[Any], str]] = {
    "retrain": _told_retrain,
    "index": _told_index,
    "ingest": _told_ingest,
    "export": _told_export,
    FORGET: _told_forget,
    "backup": _told_backup,
}
