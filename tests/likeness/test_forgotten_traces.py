"""Whoever is forgotten leaves nothing behind, in any file that rehearsals and training make."""

from __future__ import annotations

import asyncio
import tarfile
from contextlib import closing
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest

from bot.forgetting import Forgetting
from bot.guarding.ledger import Ledger
from bot.journal import Journal, Noted
from bot.platforms.base import Address
from config.settings import Home
from ingest.archive import Archive
from ingest.chat import Account, Line
from ingest.feedback import Feedback
from likeness.answers import Answer, answers, folder_of
from likeness.blind.blindtest import read_test
from likeness.blind.codes import Answers
from likeness.blind.results import add, results
from likeness.records import Attempt, Evaluation, Plan, Player, Role, Scene, SceneKind
from registry.artefact import REPORT, REPORT_PAGE
from registry.store import Registry
from tests.ingest.talk import Talk
from tests.likeness.stagehand import dinner, rehearsal_home, run
from tests.registry.made import manifest

NOW = datetime(2026, 6, 1, tzinfo=UTC)
WORDS = ("xylophonic", "zoralinda", "quux", "zz-acc")
FULL = Player(Role.FULL, "v1")
COPIED = {"long": 0.1, "whole": 0.0, "longest_words": 2.0, "replies": 9}
CARD = {
    "verdict": "pass",
    "findings": [],
    "persona": {"nats_per_token": 2.5},
    "samples": [{"asked": ["@zoralinda_quux: xylophonic?"], "persona": ["xylophonic!"]}],
    "copying": {"persona": {**COPIED, "longest": "so xylophonic"}},
    "manners": {"base": {"looping": 0.0, "examples": {"looping": "xylophonic xylophonic"}}},
}


def talk_with_zora() -> Talk:
    """Half of the dinners are asked about by somebody who will leave."""
    talk = dinner(20)
    talk.names["zz-acc"] = "Zoralinda Quux"
    for number in range(20):
        asked = talk.say("zz-acc", f"is place {number} xylophonic?", minutes=60 * 23)
        said = talk.say("kevin", f"the usual one {number}", reply_to=asked)
        talk.say("anna", f"Zoralinda Quux is right {number}", reply_to=said)
    return talk


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """Everything that is ever made of what people say, by the modules that make it."""
    home = rehearsal_home(tmp_path / "persona", talk_with_zora(), has_model=False)
    register(home)
    with Archive.open(home.archive) as archive:
        feedback(archive)
        evaluation(home, archive)
    run(home, "dataset")
    run(home, "export", "messages")
    run(home, "gate")
    run(home, "blind", "make", "--out", str(tmp_path / "friends.html"))
    add(home, Answers(read_test(home).id, "0a0b0c", "Zoralinda Quux", (0,) * 4), now=NOW)
    run(home, "report")
    answered(home)
    contenders(home)
    bots(home)
    run(home, "backup", "make")
    return home


def register(home: Home) -> None:
    """A version whose card shows samples."""
    made = home.path / "made"
    made.mkdir()
    (made / "model.gguf").write_bytes(b"GGUF")
    (made / REPORT).write_bytes(orjson.dumps(CARD))
    (made / REPORT_PAGE).write_text("xylophonic")
    registry = Registry(home.models)
    added = registry.add(made, manifest(card={"verdict": "pass", "findings": []}))
    registry.promote(added.version, "first", now=NOW)
    for path in made.iterdir():
        path.unlink()


def feedback(archive: Archive) -> None:
    """@self corrected what was said to zora."""
    asked, said, other = [
        one for one in archive.messages() if "xylo" in one.text or "usual" in one.text
    ][:3]
    archive.note_feedback(Feedback(asked.id, (said.id,), (asked.id,), NOW, -1, other.id))


def evaluation(home: Home, archive: Archive) -> None:
    """A rehearsal of four scenes; the model repeats what memory told it."""
    every = list(archive.messages())
    scenes = []
    for number in range(4):
        asked = next(one for one in every if one.text == f"is place {number} xylophonic?")
        line = Line(asked.person.handle, asked.text, message_id=asked.id, sent_at=asked.sent_at)
        id = f"held out:{number}"
        real = (f"the usual one {number}",)
        scenes.append(
            Scene(id, SceneKind.HELD_OUT, asked.chat, asked.sent_at, (line,), real, cluster=id)
        )
    made = Evaluation(home.evaluations / "e1")
    made.begin(Plan("e1", NOW, (FULL,), 7, {"held out": 4}, {"v1": {}}, {}), scenes)
    told = ("@zoralinda_quux: xylophonic",)
    made.add(Attempt(one.id, FULL, (f"xylophonic! {one.id}",), passages=told) for one in scenes)
    made.finish({"measures": [], "likeness": {}})


def answered(home: Home) -> None:
    """Answers that name her, that she asked for, that memory had a part in; and one of neither."""
    plain = Answer("soup?", "bob", "v1", "s", ("no idea",), 0, 0.1, NOW)
    kept = [
        plain,
        replace(plain, question="who?", parts=("Zoralinda Quux",)),
        replace(plain, question="hm?", asker="zoralinda_quux"),
        replace(plain, question="what?", parts=("xylophonic",), passages=1),
    ]
    folder_of(home).mkdir()
    lines = (orjson.dumps(asdict(one), option=orjson.OPT_APPEND_NEWLINE) for one in kept)
    (folder_of(home) / "v1.jsonl").write_bytes(b"".join(lines))


def contenders(home: Home) -> None:
    """What a model said in place of @self, and what a killed run was about to register."""
    run_folder = home.runs / "abc"
    (run_folder / "artefact").mkdir(parents=True)
    (run_folder / "contenders.jsonl").write_text('{"window": "w", "said": " xylophonic"}\n')
    (run_folder / "artefact" / REPORT).write_bytes(orjson.dumps(CARD))


def bots(home: Home) -> None:
    """She asked the bot something, and liked a message of its."""
    talk = Talk()
    talk.names["zz-acc"] = "Zoralinda Quux"
    asked = talk.say("zz-acc", "hello?")
    with Journal(home.state) as journal, closing(Ledger(home.state)) as ledger:
        journal.note([Noted(asked.id, asked.chat.id, None, asked.author, NOW, Address.MENTION)])
        ledger.wrote(asked.id, "v1", NOW, (asked.id,))
        ledger.sent("test:chat:b1", asked.id, NOW, None)
        ledger.vote("test:chat:b1", "test:zz-acc", 1, weighs=False)


def traces(home: Home) -> list[str]:
    """Every file that holds a byte of her, packed or not."""
    found = []
    for path in sorted(each for each in home.path.rglob("*") if each.is_file()):
        parts = [path.read_bytes()]
        if path.name.endswith(".tar.gz"):
            with tarfile.open(path) as tar:
                parts = [file.read() for one in tar if (file := tar.extractfile(one))]
        if any(word.encode() in part.lower() for word in WORDS for part in parts):
            found.append(path.relative_to(home.path).as_posix())
    return found


def test_nothing_of_the_forgotten_is_in_any_file(home: Home) -> None:
    before = traces(home)
    for name in ("evaluations/e1/scenes.jsonl", "likeness.html", "answers/v1.jsonl", "bot.sqlite"):
        assert name in before, before
    run(home, "forget", "@zoralinda_quux", "--yes")
    assert traces(home) == []
    assert list(answers(home)) == ["soup?"]
    assert [one.friend for one in results(home)] == ["friend 0a0b0c"]
    card = Registry(home.models).report("v1")
    assert card["copying"] == {"persona": COPIED}
    assert card["persona"] == {"nats_per_token": 2.5}
    assert Registry(home.models).verify("v1").version == "v1"
    run(home, "report")
    run(home, "dataset")
    assert traces(home) == []


def test_who_asks_the_bot_to_be_forgotten_leaves_nothing_either(home: Home) -> None:
    account = Account("test", "zz-acc", "Zoralinda Quux")
    forgetting = Forgetting(home, clock=lambda: NOW)
    forgetting.note(account)
    asyncio.run(forgetting.run(account))
    assert forgetting.open() == []
    assert traces(home) == []
