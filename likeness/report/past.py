"""What became of every version and why, as the history of models tells it."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any

from config.settings import Home
from registry.store import Promotion, Registry


@dataclass(frozen=True, slots=True)
class Event:
    """What happened to which version, when (ISO 8601) and why; ``gain`` in likeness, in words."""

    at: str
    what: str
    version: str
    reason: str
    gain: str = ""


def past_of(home: Home, registry: Registry) -> list[Event]:
    """Everything that happened, oldest first: served, kept aside, taken back."""
    try:
        past = import_module("registry.past").past
    except ModuleNotFoundError:
        return [_promoted(each) for each in registry.history()]
    journal = import_module("registry.retrainings").Journal.of(home)
    return [_happened(each) for each in past(registry, journal.all())]


def _happened(each: Any) -> Event:
    return Event(each.at, each.what, each.version, each.reason, each.gain)


def _promoted(each: Promotion) -> Event:
    what = f"rolled back to {each.version}" if each.is_rollback else "promoted"
    overruled = ", overruling its card" if each.is_overruled else ""
    return Event(each.at, f"{what}{overruled}", each.version, each.reason)
