"""The limits within which a chat is answered: the settings, with what admins changed for it."""

from __future__ import annotations

import difflib
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from bot.errors import BotError
from config.bots import Talk

DEFAULT = "default"
"""As the value of a change: back to what the settings say."""


@dataclass(frozen=True, slots=True)
class Rules:
    """When and how much it may speak in a chat; fields as in ``[talk]``.

    ``quiet`` is the start and end of the quiet hours by the clock of ``zone``. ``names`` are all
    that call @self.
    """

    threshold: float = 0.5
    per_hour: int = 12
    per_day: int = 120
    per_person: int = 8
    cooldown: timedelta = timedelta(minutes=1)
    quiet: tuple[time, time] | None = None
    quiet_answers: bool = False
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    names: tuple[str, ...] = ()
    bots_in_a_row: int = 1
    stale: timedelta = timedelta(minutes=15)
    here: timedelta = timedelta(minutes=20)
    burst: timedelta = timedelta(seconds=4)
    pace: float = 1.0

    @classmethod
    def of(
        cls, talk: Talk, changes: Mapping[str, object] | None = None, names: Iterable[str] = ()
    ) -> Rules:
        """The settings with a chat's ``changes`` over them; ``names`` besides those of both.

        Changes of another version that no longer fit are an error: BotError.
        """
        told = {key: value for key, value in (changes or {}).items() if value is not None}
        talk = _checked({**talk.model_dump(), **told}) if told else talk
        return cls(
            threshold=talk.threshold,
            per_hour=talk.per_hour,
            per_day=talk.per_day,
            per_person=talk.per_person,
            cooldown=timedelta(seconds=talk.cooldown_seconds),
            quiet=_span(talk.quiet),
            quiet_answers=talk.quiet_answers,
            zone=ZoneInfo(talk.time_zone),
            names=tuple(dict.fromkeys((*talk.names, *names))),
            bots_in_a_row=talk.bots_in_a_row,
            stale=timedelta(minutes=talk.stale_minutes),
            here=timedelta(minutes=talk.here_minutes),
            burst=timedelta(seconds=talk.burst_seconds),
            pace=talk.pace,
        )

    @staticmethod
    def changed(words: str) -> Mapping[str, object]:
        """What ``/talk per_hour=6 quiet=23:00-08:00`` changes, checked; BotError in one line.

        ``per_hour=default`` gives None: whoever keeps the changes forgets that key.
        """
        pairs = dict(map(_pair, _split(words)))
        given = {key: value for key, value in pairs.items() if value != DEFAULT}
        checked = _checked({**Talk().model_dump(), **given}).model_dump(mode="json")
        return {key: checked[key] if key in given else None for key in pairs}

    def is_quiet(self, now: datetime) -> bool:
        """Whether ``now`` lies in the quiet hours; their end does not."""
        if self.quiet is None:
            return False
        start, end = self.quiet
        clock = now.astimezone(self.zone).time()
        return start <= clock < end if start < end else clock >= start or clock < end

    @property
    def hours(self) -> str:
        """The quiet hours in words."""
        if self.quiet is None:
            return "none"
        start, end = self.quiet
        return f"{start:%H:%M}-{end:%H:%M} {self.zone}"


def _split(words: str) -> list[str]:
    try:
        return shlex.split(words)
    except ValueError as error:
        raise BotError(f"/talk: {str(error).lower()}; close the quotation marks") from None


def _pair(word: str) -> tuple[str, str]:
    key, sign, value = word.partition("=")
    if not sign:
        raise BotError(f"/talk: {word!r} is no change; write it as per_hour=6")
    if key not in Talk.model_fields:
        raise BotError(f"/talk: no setting {key!r}; {_hint(key)}")
    return key, value


def _hint(key: str) -> str:
    nearest = difflib.get_close_matches(key, Talk.model_fields, n=1)
    return (
        f"did you mean {nearest[0]!r}?" if nearest else f"there are {', '.join(Talk.model_fields)}"
    )


def _checked(values: Mapping[str, Any]) -> Talk:
    try:
        return Talk.model_validate(values)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_context=False)[0]
        reason = problem["msg"].removeprefix("Value error, ").partition(", unable to")[0]
        key = str(problem["loc"][0])
        said = "" if repr(problem["input"]) in reason else f" (is {problem['input']!r})"
        raise BotError(f"/talk: {key}: {reason[:1].lower()}{reason[1:]}{said}") from None


def _span(hours: str) -> tuple[time, time] | None:
    if not hours:
        return None
    start, end = map(time.fromisoformat, hours.split("-"))
    return start, end
