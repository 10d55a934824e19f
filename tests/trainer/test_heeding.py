"""What was thought of the bot's replies, as pairs of token ids."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from ingest.chat import Line, Turn
from ingest.dataset.preferences import Preference
from registry.bases import locate
from tests.trainer.conftest import HEAD, habit_window
from tests.trainer.tiny import tiny_base
from trainer.base_model import LoadedBase, load_base
from trainer.preference.contenders import last_reply_alone
from trainer.preference.feedback import Heeded, heed


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> LoadedBase:
    """A tiny chat model with random weights."""
    folder = tiny_base(tmp_path_factory.mktemp("tiny") / "model")
    return load_base(locate(str(folder), folder.parent))


def heeded(
    base: LoadedBase, *rejected: tuple[str, ...], max_tokens: int = 512
) -> tuple[Heeded, Counter[str]]:
    refused = Counter[str]()
    windows = (last_reply_alone(habit_window(number)) for number in range(len(rejected)))
    known = [
        Preference(replace(window, id=f"feedback:{number}"), texts)
        for number, (window, texts) in enumerate(zip(windows, rejected, strict=True))
    ]
    return heed(known, HEAD, base, max_tokens=max_tokens, refused=refused), refused


def test_a_correction_is_chosen_and_the_bots_text_rejected(base: LoadedBase) -> None:
    found, refused = heeded(base, ("Certainly, let me check the calendar",))
    [pair] = found.corrected
    spoken = base.tokenizer.decode(pair.rejected_ids)
    assert "Certainly, let me check the calendar" in spoken
    reply = last_reply_alone(habit_window(0)).turns[-1].lines[0].text
    assert reply in base.tokenizer.decode(pair.chosen_ids)
    assert (found.counts(), refused) == ({"corrected": 1, "liked": 0}, Counter())


def test_a_liked_reply_waits_for_what_the_model_says_there(base: LoadedBase) -> None:
    found, _ = heeded(base, ())
    [contest] = found.liked
    assert contest.window.id == "feedback:0"
    assert found.corrected == ()


def test_what_says_the_same_or_is_too_long_teaches_nothing(base: LoadedBase) -> None:
    same = last_reply_alone(habit_window(0)).turns[-1].lines[0].text
    found, refused = heeded(base, (same,))
    assert (found.corrected, refused) == ((), {"says the same": 1})
    _, refused = heeded(base, ("something else entirely",), max_tokens=64)
    assert refused == {"too long": 1}


def test_a_long_talk_before_it_is_cut_from_its_beginning(base: LoadedBase) -> None:
    window = last_reply_alone(habit_window(0))
    talk = Turn(tuple(Line("bob", f"line {number} of a long talk") for number in range(90)))
    long = replace(window, turns=(talk, *window.turns))
    refused = Counter[str]()
    known = [Preference(long, ("Certainly, let me check the calendar",))]
    found = heed(known, HEAD, base, max_tokens=400, refused=refused)
    [pair] = found.corrected
    shown = base.tokenizer.decode(pair.prompt_ids)
    assert len(pair.prompt_ids) + len(pair.chosen_ids) <= 400
    assert "line 89 of" in shown
    assert "line 0 of" not in shown
    assert HEAD.splitlines()[0] in shown
    assert refused == {}
