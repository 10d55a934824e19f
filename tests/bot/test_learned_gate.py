"""Learning when to speak: an archive made for it, the gate learned of it, and the bot that asks."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from random import Random

import numpy as np
import pytest
from click.testing import CliRunner

from bot.gate import Rules, Situation, decide
from bot.gate_command import gate
from bot.gating.answered import answered_in
from bot.gating.features import features
from bot.gating.fitting import fit, too_little
from bot.gating.gathering import Rows, gather
from bot.gating.known import Known
from bot.gating.learned import LearnedScorer, Standing, rescaled
from bot.gating.learning import held_out, learn_gate, names_of, rows_of
from bot.gating.model import FEATURES, GateModel, forget_in_gate, read_gate
from bot.gating.replay import in_order, told_again
from config.settings import Home, Settings
from ingest.archive import Archive
from ingest.chat import Account, Conversation, Message, RawMessage
from tests.bot.playing import Play, play
from tests.ingest.talk import START

HALL = Conversation("test:hall", "Hall", "test")
YARD = Conversation("test:yard", "Yard", "test")
LOG = Conversation("test:log", "Log", "test", has_times=False)
MEMBERS = ("ann", "bob", "cat", "dan")
SECRET = "zanzibar"


def through(messages: Iterable[Message], _stage: str, _count: int) -> Iterable[Message]:
    """Nobody watches."""
    return messages


@dataclass
class Chatter:
    """A chat in which @self answers what Ann asks about sails, and little else."""

    chat: Conversation
    seed: int = 1

    def messages(self, rounds: int) -> list[RawMessage]:
        dice, at, found = Random(self.seed), START, list[RawMessage]()

        def say(who: str, text: str, seconds: float, reply_to: str | None = None) -> str:
            nonlocal at
            at += timedelta(seconds=seconds)
            id = f"{self.chat.id}:{len(found)}"
            found.append(
                RawMessage(id, self.chat, Account("test", who, who), at, text, reply_to=reply_to)
            )
            return id

        for number in range(rounds):
            who = dice.choice(("ann", *MEMBERS))
            sails = dice.random() < 0.5
            topic = "the sail and the mast" if sails else "lunch and the weather"
            asked = say(who, f"what about {topic}, number {number}? {SECRET}", 300)
            if who == "ann" and sails and dice.random() < 0.9:
                say("kevin", "the mast holds the sail", 20, asked)
            elif dice.random() < 0.5:
                say(dice.choice(MEMBERS), "no idea at all", 40, asked)
        return found


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home with two chats and the gate learned of them."""
    home = Home(tmp_path_factory.mktemp("gate"))
    with Archive.open(home.archive, create=True) as archive:
        archive.add([*Chatter(HALL).messages(900), *Chatter(YARD, 2).messages(400)])
        archive.set_self("kevin")
        learn_gate(home, archive, Settings(), through)
    return home


def model_of(home: Home) -> GateModel:
    """The model the bot would serve with."""
    known = read_gate(home)
    assert known is not None
    assert known.model is not None
    return known.model


def gathered(archive: Archive) -> Rows:
    """The rows of an archive."""
    return gather(archive, names_of(archive.me(), Settings()), through).rows


def copied(home: Home, folder: Path) -> Home:
    """The learned files in another home."""
    other = Home(folder)
    other.gate.write_bytes(home.gate.read_bytes())
    other.gate_rows.write_bytes(home.gate_rows.read_bytes())
    return other


def test_it_learns_whom_and_what_self_answers(learned: Home) -> None:
    known = read_gate(learned)
    assert known is not None
    ours, *others = known.report["table"]
    assert ours["auc"] > 0.9
    assert ours["balanced"] > 0.85
    best = max(row["balanced"] for row in others if "learned" not in row["name"])
    assert ours["balanced"] > best + 0.1
    told = [each["told"] for each in known.report["calibration"]]
    assert told == sorted(told)


def test_every_later_message_of_others_has_one_row(learned: Home) -> None:
    with Archive.open(learned.archive) as archive:
        every = list(in_order(archive, [HALL.id, YARD.id]))
    later = [m.id for m in every[-(len(every) // 10) :] if not m.person.is_self]
    rows = list(held_out(learned))
    assert [row["id"] for row in rows] == later
    assert all(0 <= row["score"] <= 1 for row in rows)
    assert {row["chat"] for row in held_out(learned, YARD.id)} <= {YARD.id}


def test_the_command_prints_rows_and_a_table(learned: Home) -> None:
    told = CliRunner().invoke(gate, ["--home", str(learned.path), "--json"])
    assert told.exit_code == 0
    rows = [json.loads(line) for line in told.stdout.splitlines()]
    assert rows == list(held_out(learned))
    told = CliRunner().invoke(gate, ["--home", str(learned.path)])
    assert "the learned gate" in told.stdout
    assert "points over " in told.stdout


def test_the_running_bot_sees_what_the_replay_sees(place: Home) -> None:
    heard: list[Situation] = []

    class Noting:
        def score(self, situation: Situation) -> tuple[float, Sequence[str]]:
            heard.append(situation)
            return float(situation.message.text.endswith("4?")), []

    said: list[Message] = []

    async def test(play: Play) -> None:
        for number in range(18):
            await play.say(MEMBERS[number % 3], f"what about sails, number {number}?")
            await play.wait(5 + 60 * (number % 5))
        said.extend(message for room in play.hub.house.rooms for message in room.history)

    play(test, place, scorer=Noting())
    with Archive.open(place.archive) as archive:
        replayed = {message.id: situation for message, situation in told_again(said, archive.me())}
    known = Known()
    assert sum(message.person.is_self for message in said) == 2  # the bot's own are @self's
    assert len({situation.message.id for situation in heard}) == 18
    for situation in heard:
        again = features(replayed[situation.message.id], known, ("me",))
        assert features(situation, known, ("me",)) == again


def test_live_scores_are_the_replayed_ones(learned: Home) -> None:
    with Archive.open(learned.archive) as archive:
        me = archive.me()
        model, names = model_of(learned), names_of(me, Settings())
        scorer = LearnedScorer(model, names)
        last = list(archive.messages(HALL.id))[-40:]
        replayed = dict(told_again(archive.messages(HALL.id), me))
        for message in last:
            if message.person.is_self:
                continue
            before = archive.history(HALL.id, before=message.sent_at, limit=199)
            live = Situation(
                message.sent_at, message, replayed[message].address, (*before, message)
            )
            share = model.probability(
                HALL.id, list(features(replayed[message], model.known, names).values())
            )
            assert scorer.score(live)[0] == pytest.approx(rescaled(share, model.at_rate))


def test_nothing_is_seen_of_the_future(tmp_path: Path) -> None:
    messages = Chatter(HALL).messages(700)
    found = []
    for name, some in (("whole", messages), ("part", messages[: len(messages) * 7 // 10])):
        with Archive.open(tmp_path / name, create=True) as archive:
            archive.add(some)
            archive.set_self("kevin")
            found.append(gathered(archive))
    whole, part = found
    same = int((part.place < 0.9).sum())
    assert whole.ids[:same] == part.ids[:same]
    np.testing.assert_array_equal(whole.seen[:same], part.seen[:same])


def test_an_answer_is_known_only_once_the_linker_has_seen_what_follows(tmp_path: Path) -> None:
    with Archive.open(tmp_path / "archive", create=True) as archive:
        archive.add(Chatter(HALL).messages(300))
        archive.set_self("kevin")
        answers = answered_in(archive.messages(HALL.id))
        replies = {m.reply_to for m in archive.messages(HALL.id) if m.person.is_self}
    assert replies <= answers.keys()
    late = sorted(answers.values(), key=lambda one: one.at)[:-40]
    assert all(one.known_at - one.at > timedelta(minutes=30) for one in late)


def test_nothing_anybody_said_is_stored(learned: Home) -> None:
    stored = learned.gate.read_text() + learned.gate_rows.read_text()
    assert SECRET not in stored
    assert "mast" not in stored
    assert '"ann"' in stored


def test_who_is_forgotten_is_in_it_no_more(learned: Home, tmp_path: Path) -> None:
    home = copied(learned, tmp_path)
    assert forget_in_gate(home, "ann")
    known = read_gate(home)
    assert known is not None
    assert known.revision == 0
    assert '"ann"' not in home.gate.read_text()
    assert not home.gate_rows.exists()
    assert not forget_in_gate(Home(tmp_path / "nowhere"), "ann")


@pytest.mark.parametrize("damage", [None, b"", b"{", b"[]", b'{"format": 1}', b"\xff"])
def test_without_a_whole_file_the_one_that_ships_decides(
    learned: Home, tmp_path: Path, damage: bytes | None
) -> None:
    home = copied(learned, tmp_path)
    home.gate.unlink()
    if damage is not None:
        home.gate.write_bytes(damage)
    told: list[str] = []
    standing = Standing(home, ("kevin",), told.append)
    assert not standing.is_learned
    assert len(told) == 1
    assert "atself gate" in told[0]


def test_a_gate_of_other_features_is_not_used(learned: Home, tmp_path: Path) -> None:
    home = copied(learned, tmp_path)
    data = json.loads(home.gate.read_bytes())
    data["model"]["features"] = data["model"]["features"][:-1]
    home.gate.write_text(json.dumps(data))
    assert read_gate(home) is None


def test_damaged_rows_are_none_and_made_anew(learned: Home, tmp_path: Path) -> None:
    home, whole = copied(learned, tmp_path), list(held_out(learned))
    home.archive.write_bytes(learned.archive.read_bytes())
    known = read_gate(home)
    assert known is not None
    assert rows_of(home, known) == whole
    lines = home.gate_rows.read_bytes()
    for damage in (b"", b"[1]\n", b'{"id": "x"}\n', lines + b"{}\n", lines[:5000]):
        home.gate_rows.write_bytes(damage)
        assert rows_of(home, known) is None
    told = CliRunner().invoke(gate, ["--home", str(home.path), "--json"])
    assert [json.loads(line) for line in told.stdout.splitlines()] == whole


@pytest.mark.parametrize("report", [None, {"table": 3}])
def test_a_gate_with_figures_of_another_version_is_made_anew(
    learned: Home, tmp_path: Path, report: object
) -> None:
    home = copied(learned, tmp_path)
    home.archive.write_bytes(learned.archive.read_bytes())
    data = json.loads(home.gate.read_bytes())
    home.gate.write_text(json.dumps({**data, "report": report}))
    told = CliRunner().invoke(gate, ["--home", str(home.path)])
    assert told.exit_code == 0
    assert "the learned gate" in told.stdout


def test_a_reload_takes_what_was_learned_meanwhile(learned: Home, tmp_path: Path) -> None:
    home = copied(learned, tmp_path)
    kept = home.gate.read_bytes()
    home.gate.unlink()
    standing = Standing(home, ("kevin",), lambda _: None)
    assert not standing.is_learned
    home.gate.write_bytes(kept)
    standing.reload()
    assert standing.is_learned


def test_reasons_are_features_with_what_they_add(learned: Home) -> None:
    with Archive.open(learned.archive) as archive:
        *_, (_, situation) = told_again(archive.messages(HALL.id), archive.me())
    scorer = LearnedScorer(model_of(learned), ("kevin",))
    decision = decide(situation, Rules(names=("kevin",)), scorer, 0.5)
    reasons = decision.reasons if decision.key == "score" else scorer.score(situation)[1]
    assert any(reason.startswith("you would answer ") for reason in reasons)
    assert any(reason.rsplit(" ", 1)[0] in FEATURES for reason in reasons)


def test_too_little_of_self_keeps_the_one_that_ships(home: Path) -> None:
    place = Home(home)
    with Archive.open(place.archive, create=True) as archive:
        archive.add(Chatter(HALL).messages(40))
        archive.set_self("kevin")
    told = CliRunner().invoke(gate, ["--home", str(home)])
    assert told.exit_code == 0
    assert "no gate learned: @self answered" in told.stderr
    standing = Standing(place, (), lambda _: None)
    assert not standing.is_learned


def test_who_answers_everything_leaves_no_silence_to_learn(learned: Home) -> None:
    with Archive.open(learned.archive) as archive:
        rows = gathered(archive)
    always = replace(rows, answered=np.ones(len(rows), np.bool_))
    assert too_little(rows) == ""
    assert "no silence to learn" in too_little(always)


def test_a_log_without_times_is_learned_from(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with Archive.open(home.archive, create=True) as archive:
        archive.add(Chatter(LOG).messages(900))
        archive.set_self("kevin")
        rows = gathered(archive)
        known = learn_gate(home, archive, Settings(), through)
    for name in ("time since @self", "pause before", "@self's hour", "weekday, sine"):
        assert set(rows.column(name).tolist()) == {0.0}
    assert known.report["held_out"]["days"] is None
    assert known.report["table"][0]["auc"] > 0.85


def test_where_self_has_left_the_time_before_counts(tmp_path: Path) -> None:
    messages = Chatter(HALL).messages(300)
    left = len(messages) // 2
    after = [m for m in messages[left:] if m.author.key != "kevin"]
    with Archive.open(tmp_path / "archive", create=True) as archive:
        archive.add([*messages[:left], *after])
        archive.set_self("kevin")
        rows = gathered(archive)
    own = [place for place, m in enumerate(messages[:left]) if m.author.key == "kevin"]
    assert rows.ids[-1] in {m.id for m in messages[own[-3] : own[-1]]}


def test_what_was_judged_is_what_a_bot_would_have_scored(tmp_path: Path) -> None:
    with Archive.open(tmp_path / "archive", create=True) as archive:
        archive.add(Chatter(HALL).messages(900))
        archive.set_self("kevin")
        me, names = archive.me(), names_of(archive.me(), Settings())
        every = {
            message.id: situation
            for message, situation in told_again(in_order(archive, [HALL.id]), me)
        }
        found = gather(archive, names, through)
        fitted = fit(found)
    file = json.loads(json.dumps(fitted.judged.to_json()))
    judged = GateModel.from_json(file)
    for id, told in list(zip(found.rows.ids, fitted.shares.tolist(), strict=True))[-30:]:
        seen = judged.seen(every[id], names)
        assert judged.probability(HALL.id, list(seen.values())) == pytest.approx(told, rel=1e-3)
