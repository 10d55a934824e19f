"""Limits from the settings and from what admins type."""

from __future__ import annotations

from datetime import time, timedelta

import pytest

from bot.errors import BotError
from bot.gate import Rules
from config.bots import Talk


def test_defaults_are_those_of_the_settings() -> None:
    assert Rules.of(Talk()) == Rules()


def test_a_chat_may_differ() -> None:
    rules = Rules.of(Talk(per_hour=3, names=("Kev",)), {"quiet": "23:00-08:00"}, names=["kevin"])
    assert (rules.per_hour, rules.quiet) == (3, (time(23), time(8)))
    assert rules.names == ("Kev", "kevin")


def test_what_an_admin_types_is_read() -> None:
    changes = Rules.changed("per_hour=6 quiet=23:00-8:00 quiet_answers=yes names='Kev, 小明'")
    assert changes == {
        "per_hour": 6,
        "quiet": "23:00-08:00",
        "quiet_answers": True,
        "names": ["Kev", "小明"],
    }
    assert Rules.of(Talk(), changes).names == ("Kev", "小明")
    assert Rules.of(Talk(), Rules.changed("cooldown_seconds=5")).cooldown == timedelta(seconds=5)
    assert Rules.changed("") == {}


def test_default_goes_back_to_the_settings() -> None:
    changes = Rules.changed("per_hour=default quiet=off")
    assert changes == {"per_hour": None, "quiet": ""}
    assert Rules.of(Talk(per_hour=3, quiet="1:00-2:00"), changes).per_hour == 3
    assert Rules.of(Talk(quiet="1:00-2:00"), changes).quiet is None


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("per_hour", "'per_hour' is no change; write it as per_hour=6"),
        ("per_huor=6", "no setting 'per_huor'; did you mean 'per_hour'?"),
        ("xyzzy=1", "no setting 'xyzzy'; there are threshold, per_hour"),
        ("per_hour=many", "per_hour: input should be a valid integer"),
        ("per_hour=-1", "per_hour: input should be greater than or equal to 0 (is '-1')"),
        ("threshold=2", "threshold: input should be less than or equal to 1 (is '2')"),
        ("quiet=25:00-8:00", "quiet: '25:00-8:00' is no span of hours such as 23:00-08:00"),
        ("quiet=8:00-08:00", "no span of hours"),
        ("time_zone=Mars", "'Mars' is no IANA time zone"),
        ("names='Kev", "close the quotation marks"),
    ],
)
def test_what_cannot_be_is_refused_in_a_line(words: str, said: str) -> None:
    with pytest.raises(BotError) as refused:
        Rules.changed(words)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)
