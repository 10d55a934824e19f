"""What the model keeps of the conversations it has read."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from bot.states import ANEW, WORTH_COPYING, States, Track

HEAD = list(range(100, 150))


class Tape:
    """Streams that remember their tokens; ``broken`` makes the next read fail."""

    def __init__(self, streams: int, *, can_go_back: bool = True) -> None:
        self.streams, self.context_tokens = streams, 1000
        self.held: dict[int, list[int]] = {number: [] for number in range(streams)}
        self.read_tokens = self.copies = 0
        self.is_broken = False
        self._can_go_back = can_go_back

    def read(
        self, ids: Sequence[int], *, stream: int, position: int, is_scored: bool = False
    ) -> None:
        assert len(self.held[stream]) == position
        self.held[stream] += ids
        if self.is_broken:
            raise RuntimeError("broken")
        self.read_tokens += len(ids)

    def forget(self, stream: int, start: int) -> bool:
        if start and start < len(self.held[stream]) and not self._can_go_back:
            return False
        del self.held[stream][start:]
        return True

    def copy(self, source: int, target: int) -> None:
        assert not self.held[target]
        self.held[target] = list(self.held[source])
        self.copies += 1


def taken(states: States, ids: list[int]) -> tuple[Track, int]:
    """Answer a prompt; how many of its tokens were held."""
    track = states.take(ids)
    held = track.length
    track.read(ids[held:])
    return track, held


def lines(chat: int, count: int) -> list[int]:
    return [*HEAD, *range(1000 * chat, 1000 * chat + count)]


def test_alternating_chats_read_only_what_is_new() -> None:
    tape = Tape(5)
    states = States(tape, head=len(HEAD))
    for length in (100, 120, 140):
        for chat in range(1, 6):
            taken(states, lines(chat, length))
    assert tape.read_tokens == len(HEAD) + 5 * 140
    assert tape.copies == 4
    assert sorted(tape.held.values()) == [lines(chat, 140) for chat in range(1, 6)]


def test_the_least_recently_used_gives_way() -> None:
    states = States(Tape(2), head=len(HEAD))
    for chat in (1, 2, 1, 3):
        taken(states, lines(chat, 100))
    assert taken(states, lines(1, 120))[1] == len(HEAD) + 100
    assert taken(states, lines(2, 101))[1] == len(HEAD)


def test_a_tail_that_does_not_come_again_is_forgotten() -> None:
    tape = Tape(2)
    states = States(tape, head=len(HEAD))
    recalled, reply = list(range(50_000, 50_030)), list(range(60_000, 60_020))
    track, _ = taken(states, lines(1, 100) + recalled)
    track.read(reply)
    again, held = taken(states, lines(1, 100) + reply + recalled)
    assert again is track
    assert held == len(HEAD) + 100
    assert lines(1, 100) + reply + recalled in tape.held.values()


def test_the_same_prompt_again_reads_its_last_tokens() -> None:
    states = States(Tape(2), head=len(HEAD))
    taken(states, lines(1, 100))
    assert taken(states, lines(1, 100))[1] == len(HEAD) + 100 - ANEW


def test_a_short_beginning_is_not_worth_copying() -> None:
    tape = Tape(3)
    states = States(tape, head=WORTH_COPYING // 2)
    for chat in (1, 2):
        taken(states, HEAD[: WORTH_COPYING // 2] + lines(chat, 100)[len(HEAD) :])
    assert tape.copies == 0


def test_a_model_that_cannot_go_back_reads_from_the_start() -> None:
    tape = Tape(1, can_go_back=False)
    states = States(tape, head=len(HEAD))
    taken(states, [*lines(1, 100), 7, 8, 9])
    assert taken(states, lines(1, 110))[1] == 0
    assert tape.held[0] == lines(1, 110)


def test_what_failed_to_be_read_is_not_held() -> None:
    tape = Tape(1)
    states = States(tape, head=len(HEAD))
    track, _ = taken(states, lines(1, 10))
    tape.is_broken = True
    with pytest.raises(RuntimeError):
        track.read([1, 2, 3])
    tape.is_broken = False
    assert tape.held[0] == lines(1, 10)
    assert taken(states, lines(1, 20))[1] == len(HEAD) + 10
