"""Members of JSON objects from exports, whose types nothing guarantees."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def string(data: Any, key: str) -> str:
    """The text at ``key``; empty where there is none or it is no text."""
    value = data.get(key) if isinstance(data, dict) else None
    return value if isinstance(value, str) else ""


def mapping(data: Any, key: str) -> dict[str, Any]:
    """The object at ``key``; empty where there is none."""
    value = data.get(key) if isinstance(data, dict) else None
    return value if isinstance(value, dict) else {}


def mappings(data: Any, key: str) -> list[dict[str, Any]]:
    """The objects in the array at ``key``; what is no object is left out."""
    value = data.get(key) if isinstance(data, dict) else None
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def strings(data: Any, key: str) -> list[str]:
    """The texts in the array at ``key``; what is no text is left out."""
    value = data.get(key) if isinstance(data, dict) else None
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def count(data: Any, key: str) -> int:
    """The whole number at ``key``, not below zero; 0 where there is none."""
    value = data.get(key) if isinstance(data, dict) else None
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return min(max(value, 0), 1_000_000_000) if is_number and isinstance(value, int) else 0


def instant(value: Any, *, millis: bool = False) -> datetime | None:
    """Seconds (or milliseconds) since 1970, a number or its digits, as a time in UTC.

    None where the value is neither, or before 1970 or after the year 9999.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        micros = round(float(value) * (1e3 if millis else 1e6))
        return _EPOCH + timedelta(microseconds=micros) if micros >= 0 else None
    except (ValueError, OverflowError):
        return None
