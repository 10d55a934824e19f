"""Cron expressions of the settings as APScheduler's triggers."""

from __future__ import annotations

import re
from datetime import tzinfo

from apscheduler.triggers.cron import CronTrigger

from config.errors import SettingsError

_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_FIELDS = 5
_PART = re.compile(r"(?P<first>[a-z]{3}|[0-7]|\*)(?:-(?P<last>[a-z]{3}|[0-7]))?(?:/(?P<step>\d+))?")


def trigger(name: str, expression: str, zone: tzinfo) -> CronTrigger:
    """When ``schedule.name`` runs. Raises SettingsError where that is no cron expression.

    Days of the week are cron's: 0 and 7 are Sunday. APScheduler 3 counts from Monday, see
    https://github.com/agronholm/apscheduler/issues/286, so they are passed on by name.
    """
    fields = expression.split()
    try:
        if len(fields) != _FIELDS:
            raise ValueError("five fields are expected")
        return CronTrigger.from_crontab(" ".join([*fields[:4], _weekdays(fields[4])]), zone)
    except ValueError as error:
        raise SettingsError(
            f"schedule.{name}: {expression!r} is no cron expression such as 30 3 * * * ({error})"
        ) from None


def _weekdays(field: str) -> str:
    if field == "*":
        return field
    days = sorted({day for part in field.lower().split(",") for day in _days(part)})
    return ",".join(_DAYS[day] for day in days)


def _days(part: str) -> list[int]:
    found = _PART.fullmatch(part)
    if found is None:
        raise ValueError(f"day of the week {part!r}")
    step = int(found["step"] or 1)
    if found["first"] == "*":
        return list(range(0, 7, max(step, 1)))
    first = _number(found["first"])
    last = _number(found["last"]) if found["last"] else (6 if found["step"] else first)
    if last < first:  # sat-mon, and 5-7 where 7 is not yet folded
        last += 7
    return [day % 7 for day in range(first, last + 1, max(step, 1))]


def _number(day: str) -> int:
    if day.isdigit():
        return int(day)
    if day not in _DAYS:
        raise ValueError(f"day of the week {day!r}")
    return _DAYS.index(day)
