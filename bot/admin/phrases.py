"""Instants, spans and decisions as people read them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta, tzinfo

from bot.chatbook import FOREVER, ChatRules


def span(length: timedelta) -> str:
    """A length of time in its two largest units: ``2 h 5 min``, ``3 d``."""
    seconds = max(0, round(length.total_seconds()))
    units = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))
    parts = []
    for size, name in units:
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count} {name}")
    return " ".join(parts[:2]) or "0 s"


def counted(count: int, thing: str) -> str:
    """So many things: ``1 message``, ``1,204 messages``."""
    return f"{count:,} {thing}{'' if count == 1 else 's'}"


def ago(moment: datetime, now: datetime) -> str:
    """How long ago a moment was, or how far ahead it is."""
    return f"{span(now - moment)} ago" if moment <= now else f"in {span(moment - now)}"


def moment(at: datetime, zone: tzinfo) -> str:
    """A moment by the clock of ``zone``."""
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M}"


def muted(until: datetime | None, now: datetime, zone: tzinfo) -> str:
    """Whether a chat is muted, and until when; empty where it is not."""
    if until is None or until <= now:
        return ""
    return "muted until /unmute" if until >= FOREVER else f"muted until {moment(until, zone)}"


def rules(found: ChatRules, now: datetime, zone: tzinfo) -> str:
    """What holds in a chat."""
    parts = ["allowed" if found.is_allowed else "not allowed"]
    if found.is_allowed:
        parts.append("kept in the archive" if found.is_logged else "not kept")
    parts += [
        word for word in (muted(found.muted_until, now, zone), changes(found.changes)) if word
    ]
    return ", ".join(parts)


def changes(found: Mapping[str, object]) -> str:
    """Settings of [talk] that differ in a chat."""
    return ", ".join(f"{key} {_value(value)}" for key, value in found.items())


def figures(part: Mapping[str, object]) -> str:
    """What else a part of the bot tells of itself: figures by name, but those in its words.

    Nought is told only of what was answered: anything else is worth a word once it happens.
    """
    said = str(part.get("state", ""))
    told = {key: value for key, value in part.items() if key not in ("is_well", "state")}
    shown = {key: _value(value) for key, value in told.items() if value or key == "answered"}
    words = (f"{key.replace('_', ' ')} {value}" for key, value in shown.items())
    return ", ".join(
        word for word, value in zip(words, shown.values(), strict=True) if value not in said
    )


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.1f}"
    if isinstance(value, list | tuple):
        return "–".join(map(str, value)) or "none"
    return str(value) or "none"
