"""A retraining step by step: gone on with after a kill, nothing twice, nothing half-promoted."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from registry.errors import RegistryError
from registry.retrainings import Journal, Order, Outcome, Step
from registry.store import Registry
from tests.likeness.retraining import EVEN, PASSING, Scripted, added, loop, served
from tests.registry.made import NOON

WORKS = ["dataset", "train", "rehearsal", "comparison"]
PLACES = (
    *(place for work in WORKS for place in (work, f"{work}!")),
    *(f"write{number}" for number in (2, 3, 5, 8, 13, 14, 15)),
)
FAILING = {**PASSING, "verdict": "fail", "findings": [{"level": "fail", "text": "it recites"}]}


def serving(folder: Path) -> str:
    found = Registry(folder / "models").serving()
    return found.version if found else ""


def killed_at(folder: Path, place: str) -> int:
    served(folder)
    words = [sys.executable, "-m", "tests.likeness.retraining", str(folder), place]
    return subprocess.run(words, capture_output=True, check=False).returncode


def test_a_better_model_serves_and_every_step_is_in_the_journal(tmp_path: Path) -> None:
    served(tmp_path)
    done = loop(tmp_path, Scripted(tmp_path)).run(Order())
    assert (done.outcome, done.version, serving(tmp_path)) == (Outcome.PROMOTED, "v2", "v2")
    reason = Registry(tmp_path / "models").history()[-1].reason
    assert reason.startswith("by the loop: better on likeness: +0.040 (+0.010 to +0.070), 120 rep")
    [kept] = Journal(tmp_path / "retrains").all()
    assert (kept.outcome, kept.version, kept.reasons) == (done.outcome, "v2", done.reasons)
    assert all(kept.is_done(step) for step in Step)
    assert kept.values(Step.DATASET)["hash"] == "fresh"
    assert kept.likeness["difference"]["value"] == pytest.approx(0.04)


def test_whatever_kills_it_the_same_command_goes_on_and_does_nothing_twice(tmp_path: Path) -> None:
    with ThreadPoolExecutor(2) as pool:
        codes = list(pool.map(lambda place: killed_at(tmp_path / place, place), PLACES))
    assert codes == [-9] * len(PLACES)
    for place in PLACES:
        folder, again = tmp_path / place, Scripted(tmp_path / place)
        assert serving(folder) in ("v1", "v2")
        done = loop(folder, again).run(Order())
        assert (done.outcome, serving(folder)) == (Outcome.PROMOTED, "v2"), place
        assert len(Journal(folder / "retrains").all()) == 1, place
        assert len(Registry(folder / "models").versions()) == 2, place
        assert [one.version for one in Registry(folder / "models").history()] == ["v1", "v2"]
        # Only what was cut off between its end and its note is asked again, and finds it done.
        twice = [step for step in set(again.did()) if again.did().count(step) > 1]
        assert twice in ([], [place.removesuffix("!")]) or place.startswith("write"), place
        assert "train" not in twice, place


def test_nothing_new_ends_it_unless_it_is_forced(tmp_path: Path) -> None:
    served(tmp_path)
    old = Scripted(tmp_path, hash="old")
    done = loop(tmp_path, old).run(Order())
    assert (done.outcome, old.did()) == (Outcome.NOTHING_NEW, ["dataset"])
    assert done.reasons == ("nothing new since v1 was made; --force trains all the same",)
    forced = loop(tmp_path, old).run(Order(is_forced=True))
    assert (forced.outcome, forced.version) == (Outcome.PROMOTED, "v2")


def test_a_model_that_was_made_but_never_judged_is_taken_on(tmp_path: Path) -> None:
    served(tmp_path)
    labour = Scripted(tmp_path)
    labour.train(Order(), seed_shift=0)  # as `atself train --no-promote` leaves it
    done = loop(tmp_path, labour).run(Order())
    assert (done.version, labour.did().count("train")) == ("v2", 1)


def test_the_first_model_goes_by_its_card_alone(tmp_path: Path) -> None:
    labour = Scripted(tmp_path)
    done = loop(tmp_path, labour).run(Order())
    assert (done.outcome, serving(tmp_path)) == (Outcome.PROMOTED, "v1")
    assert labour.did() == ["dataset", "train"]
    other = tmp_path / "other"
    other.mkdir()
    refused = loop(other, Scripted(other, card=FAILING)).run(Order())
    assert (refused.outcome, serving(other)) == (Outcome.KEPT_ASIDE, "")
    assert refused.reasons == ("its report card fails: it recites",)


def test_a_failing_card_is_not_rehearsed(tmp_path: Path) -> None:
    served(tmp_path)
    labour = Scripted(tmp_path, card=FAILING)
    done = loop(tmp_path, labour).run(Order())
    assert (done.outcome, serving(tmp_path)) == (Outcome.KEPT_ASIDE, "v1")
    assert labour.did() == ["dataset", "train"]


def test_without_leave_a_better_model_is_judged_and_kept_aside(tmp_path: Path) -> None:
    served(tmp_path)
    done = loop(tmp_path, Scripted(tmp_path)).run(Order(may_promote=False))
    assert (done.outcome, serving(tmp_path)) == (Outcome.KEPT_ASIDE, "v1")
    assert done.values(Step.DECISION)["is_promoted"] is True


def test_a_model_that_is_no_better_is_kept_aside_with_the_reason(tmp_path: Path) -> None:
    served(tmp_path)
    worse = {"likeness": replace(EVEN, value=-0.01), "leakage": EVEN}
    done = loop(tmp_path, Scripted(tmp_path, differences=worse)).run(Order())
    assert (done.outcome, serving(tmp_path)) == (Outcome.KEPT_ASIDE, "v1")
    assert done.reasons[0].startswith("no better on likeness: -0.010")


def test_where_another_model_serves_meanwhile_it_is_rehearsed_beside_that(tmp_path: Path) -> None:
    registry, labour = served(tmp_path), Scripted(tmp_path)
    by_hand = added(tmp_path, b"GGUF by hand", registry.get("v1"))

    def look(step: str, state: str) -> None:
        if (step, state) == ("decision", "end"):
            registry.promote(by_hand.version, "by hand", now=NOON)

    one = loop(tmp_path, labour)
    one.told = look
    done = one.run(Order())
    assert labour.did() == [*WORKS, "rehearsal", "comparison"]
    assert done.values(Step.REHEARSAL)["evaluation"] == "v3-v2"


def test_a_retraining_whose_model_is_gone_is_closed_and_begun_anew(tmp_path: Path) -> None:
    served(tmp_path)
    labour = Scripted(tmp_path, dies_at="rehearsal")
    killed_at(tmp_path / "killed", "rehearsal")
    folder = tmp_path / "killed" / "models" / "v2"
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    labour = Scripted(tmp_path / "killed")
    done = loop(tmp_path / "killed", labour).run(Order())
    outcomes = [one.outcome for one in Journal(tmp_path / "killed" / "retrains").all()]
    assert outcomes == [Outcome.OVERTAKEN, Outcome.PROMOTED]
    assert done.version == "v2"


def test_what_was_taken_back_before_its_promotion_was_noted_stays_back(tmp_path: Path) -> None:
    killed_at(tmp_path, "write15")  # v2 serves, and the journal does not know it
    registry = Registry(tmp_path / "models")
    assert serving(tmp_path) == "v2"
    registry.rollback(now=NOON, reason="by the live guards")
    done = loop(tmp_path, Scripted(tmp_path)).run(Order())
    assert (done.outcome, serving(tmp_path)) == (Outcome.KEPT_ASIDE, "v1")
    assert done.reasons == ("v2 served meanwhile and was taken back",)


def test_where_the_rehearsal_was_removed_it_is_played_again(tmp_path: Path) -> None:
    killed_at(tmp_path, "comparison")
    (tmp_path / "forgotten").touch()
    labour = Scripted(tmp_path)
    one = loop(tmp_path, labour)
    one.told = lambda _step, _state: (tmp_path / "forgotten").unlink(missing_ok=True)
    assert one.run(Order()).outcome is Outcome.PROMOTED
    assert labour.did() == ["dataset", "train", "rehearsal", "rehearsal", "comparison"]


def test_where_somebody_was_forgotten_before_the_rehearsal_it_begins_anew(tmp_path: Path) -> None:
    killed_at(tmp_path, "rehearsal")
    (tmp_path / "hash.txt").unlink()  # forgetting removes the dataset
    done = loop(tmp_path, Scripted(tmp_path, hash="without them")).run(Order())
    [first, last] = Journal(tmp_path / "retrains").all()
    assert (first.outcome, first.version) == (Outcome.OVERTAKEN, "v2")
    assert "the dataset of v2 is gone" in first.reasons[0]
    assert (last.id, done.version, done.outcome) == (done.id, "v3", Outcome.PROMOTED)


def test_two_retrainings_of_a_home_do_not_run_at_once(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "retrains")
    with (
        journal.only_one(),
        pytest.raises(RegistryError, match="another retraining is at work"),
        journal.only_one(),
    ):
        pass


def test_a_damaged_journal_is_named(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    for damaged in ('{"id": "x"}', '{"order": {}, "steps": []}'):
        (tmp_path / "20260301-120000.json").write_text(damaged)
        with pytest.raises(RegistryError, match=r"120000\.json: not readable"):
            journal.all()
