"""What fails is told once, tried again ever more seldom, and told once when it is back."""

from __future__ import annotations

from rag.outage import FIRST_WAIT, LONGEST_WAIT, Outage


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_one_line_when_it_fails_and_one_when_it_is_back() -> None:
    lines: list[str] = []
    outage = Outage("words alone", lines.append, clock=Clock())
    outage.worked()
    outage.failed("server away")
    outage.failed("server away")
    assert lines == ["words alone: server away"]
    outage.worked()
    outage.worked()
    assert lines[1:] == ["words alone: works again"]


def test_it_is_tried_again_ever_more_seldom() -> None:
    clock = Clock()
    outage = Outage("words alone", lambda _line: None, clock=clock)
    waits = []
    for _ in range(8):
        outage.failed("away")
        began = clock.now
        while outage.is_waiting:
            clock.now += 1
        waits.append(clock.now - began)
    assert waits[:3] == [FIRST_WAIT, 2 * FIRST_WAIT, 4 * FIRST_WAIT]
    assert waits[-1] == LONGEST_WAIT
    outage.worked()
    assert not outage.is_waiting
