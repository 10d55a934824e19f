"""Controlled questions: the list, who asks, and answers of real models kept by version."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner

from bot.voice import Voice
from config.errors import AtselfError
from config.settings import Home, load
from ingest.archive import Archive
from ingest.chat import Account, RawMessage
from likeness.answers import Answer, answers, ask, drop_answers, folder_of, settings_digest
from likeness.errors import LikenessError
from likeness.question_commands import questions as command
from likeness.questions import (
    controlled_scenes,
    defaults,
    questions,
    questions_file,
    write_questions,
)
from likeness.records import Scene, SceneKind
from registry.bases import SMOLLM2
from registry.store import Registry
from tests.bot.conftest import voice_of
from tests.ingest.talk import START, Talk
from tests.registry.made import manifest

NOW = datetime(2026, 4, 1, tzinfo=UTC)


@pytest.fixture
def place(home: Path) -> Home:
    """A group where kevin mostly answers anna, and a private chat where he says more."""
    talk = Talk()
    for number in range(4):
        asked = talk.say("anna", f"are the noodles ready now, number {number}?")
        talk.say("bob", "I am hungry, too")
        talk.say("kevin", f"give me ten more minutes please {number}", reply_to=asked)
    talk.say("bob", "ok")
    talk.say("kevin", "soup is on the table")
    whisper = Talk("test:whisper", "")
    for _ in range(20):
        whisper.say("carl", "psst, and how are you doing today?")
        whisper.say("kevin", "fine thank you, and you my friend?")
    place = Home(home)
    with Archive.open(place.archive, create=True) as archive:
        private = [_privately(message) for message in whisper.messages]
        archive.add([*talk.messages, *private])
        archive.set_self("kevin")
    return place


def _privately(message: RawMessage) -> RawMessage:
    return replace(message, chat=replace(message.chat, is_private=True))


def scenes(place: Home) -> list[Scene]:
    with Archive.open(place.archive) as archive:
        return controlled_scenes(place, archive)


def test_without_a_list_a_dozen_of_ours_are_asked_in_the_languages_of_self() -> None:
    english, chinese = defaults(["en"]), defaults(["zh"])
    assert len(english) == len(chinese) == 12
    assert defaults(["xx"]) == english
    assert defaults(["zh", "en"]) == tuple(
        (chinese, english)[number % 2][number] for number in range(12)
    )


@pytest.mark.parametrize("language", ["zh", "ja", "id", "ru", "es"])
def test_every_language_asks_as_much_as_english(language: str) -> None:
    assert len(set(defaults([language]))) == 12


def test_whoever_talks_with_self_most_in_the_group_asks_right_after_the_last_message(
    place: Home,
) -> None:
    found = scenes(place)
    assert [scene.before[-1].text for scene in found] == list(defaults(["en"]))
    assert {scene.chat for scene in found} == {"test:chat"}
    assert {scene.before[-1].handle for scene in found} == {"anna"}
    assert {scene.kind for scene in found} == {SceneKind.CONTROLLED}
    with Archive.open(place.archive) as archive:
        last = list(archive.messages("test:chat"))[-1].sent_at
    assert {scene.at for scene in found} == {last}
    assert last > START
    assert found == scenes(place)


def test_the_users_list_is_read_line_by_line(place: Home) -> None:
    text = "\ufeff# mine\n\n  what now?  \r\n@bob: 今晚吃什么\nwhat now?\n@bob:\n"
    questions_file(place).write_text(text, encoding="utf-8")
    with Archive.open(place.archive) as archive:
        found = [(one.text, one.asker) for one in questions(place, archive)]
    assert found == [("what now?", ""), ("今晚吃什么", "bob"), ("@bob:", "")]
    assert [scene.before[-1].handle for scene in scenes(place)] == ["anna", "bob", "anna"]


def test_the_file_begins_with_ours_and_is_never_overwritten(place: Home) -> None:
    with Archive.open(place.archive) as archive:
        path = write_questions(place, archive)
        assert [one.text for one in questions(place, archive)] == list(defaults(["en"]))
        path.write_text("mine\n", encoding="utf-8")
        write_questions(place, archive)
        assert path.read_text(encoding="utf-8") == "mine\n"


def test_nobody_asks_who_is_unknown_or_opted_out(place: Home) -> None:
    questions_file(place).write_text("@bob: hi\n", encoding="utf-8")
    with Archive.open(place.archive) as archive:
        archive.withdraw(Account("test", "bob"))
    with pytest.raises(LikenessError, match="@bob opted out"):
        scenes(place)
    questions_file(place).write_text("@zoe: hi\n", encoding="utf-8")
    with pytest.raises(AtselfError, match="nobody in the archive is called 'zoe'"):
        scenes(place)
    questions_file(place).write_bytes(b"\xff\xfe\xff")
    with pytest.raises(LikenessError, match="not readable as UTF-8"):
        scenes(place)


def test_who_opted_out_is_not_the_usual_partner_either(place: Home) -> None:
    with Archive.open(place.archive) as archive:
        archive.withdraw(Account("test", "anna"))
    assert {scene.before[-1].handle for scene in scenes(place)} == {"bob"}


def test_an_archive_in_which_self_talks_with_nobody_has_no_scenes(tmp_path: Path) -> None:
    home = Home(tmp_path / "alone")
    talk = Talk()
    talk.say("kevin", "hello?")
    with Archive.open(home.archive, create=True) as archive:
        talk.recorded(archive)
        assert controlled_scenes(home, archive) == []


def line(version: str, text: str, said: str, *, settings: str = "s") -> Answer:
    return Answer(text, "anna", version, settings, (said,), 0, 0.1, NOW)


def keep(place: Home, *given: Answer) -> None:
    """Write answers as they are kept."""
    for answer in given:
        path = folder_of(place) / f"{answer.version}.jsonl"
        path.parent.mkdir(exist_ok=True)
        with path.open("ab") as stream:
            stream.write(orjson.dumps(asdict(answer), option=orjson.OPT_APPEND_NEWLINE))


def test_the_last_answer_counts_and_what_was_cut_short_does_not(place: Home) -> None:
    keep(place, line("v2", "hi", "old"), line("v10", "hi", "ten"), line("v2", "hi", "new"))
    with (folder_of(place) / "v2.jsonl").open("ab") as stream:
        stream.write(b'{"question": "hi", "as')
    found = answers(place)
    assert {version: one.parts for version, one in found["hi"].items()} == {
        "v2": ("new",),
        "v10": ("ten",),
    }
    assert list(found["hi"]) == ["v2", "v10"]


def test_a_forgotten_persons_questions_go_with_their_answers(place: Home) -> None:
    plain = line("v1", "hi", "a")
    asked = replace(line("v1", "ho", "b"), asker="bob")
    named, remembered = (
        line("v1", "who?", "Bob C. did"),
        replace(line("v1", "when?", "-"), passages=2),
    )
    keep(place, plain, asked, named, remembered)
    assert drop_answers(place, ("bob", "Bob C.")) == 3
    assert list(answers(place)) == ["hi"]


def test_settings_that_change_replies_make_questions_be_asked_anew(place: Home) -> None:
    plain = settings_digest(load(place.path))
    assert settings_digest(load(place.path, generate__threads=1)) == plain
    assert settings_digest(load(place.path, generate__temperature=0.1)) != plain
    assert settings_digest(load(place.path, recall__enabled=False)) != plain


def test_answers_stand_side_by_side_and_on_a_page(place: Home, tmp_path: Path) -> None:
    hostile = "<script>alert(1)</script> 很长的回答" * 3
    keep(place, line("v1", "今晚吃什么？", "面"), line("v2", "今晚吃什么？", hostile))
    keep(place, line("v2", "only v2?", ""))
    page = tmp_path / "q.html"
    runner, home = CliRunner(), ["--home", str(place.path)]
    shown = runner.invoke(command, ["show", "--page", str(page), *home])
    assert shown.exit_code == 0, shown.output
    header, first = shown.stdout.splitlines()[0], shown.stdout.splitlines()[2]
    assert header.split() == ["question", "v1", "v2"]
    assert first.split()[:2] == ["今晚吃什么？", "面"]
    written = page.read_text(encoding="utf-8")
    assert "<script" not in written
    assert "&lt;script&gt;alert(1)" in written
    told = json.loads(runner.invoke(command, ["show", "--model", "v1", "--json", *home]).stdout)
    assert [(one["question"], list(one["answers"])) for one in told] == [("今晚吃什么？", ["v1"])]


@pytest.fixture(scope="module")
def smollm2_voice(tmp_path_factory: pytest.TempPathFactory) -> Voice:
    return voice_of(SMOLLM2, tmp_path_factory.mktemp("bases"))


@pytest.fixture
def spoken(place: Home, smollm2_voice: Voice, tmp_path: Path) -> Home:
    """That home with two versions, both SmolLM2, and a short list."""
    finished = tmp_path / "finished"
    finished.mkdir()
    (finished / "model.gguf").symlink_to(smollm2_voice.model)
    registry = Registry(place.models)
    voice = smollm2_voice
    for _ in range(2):
        registry.add(
            finished,
            manifest(
                renderer=voice.renderer,
                markup=voice.markup.to_json(),
                stops=voice.markup.stops,
                head=voice.head,
                self_handle="kevin",
            ),
        )
    questions_file(place).write_text("what is your name?\n@bob: tea or coffee?\n", encoding="utf-8")
    place.config.write_text(
        "[recall]\nenabled = false\n[generate]\ncontext_tokens = 512\nmax_new_tokens = 12\n"
        "threads = 1\n"
    )
    return place


@pytest.mark.slow
def test_every_version_is_asked_once_and_what_is_new_later(spoken: Home) -> None:
    settings = load(spoken.path)
    told: list[tuple[int, int]] = []
    asked = ask(
        spoken, settings, "v1", clock=lambda: NOW, told=lambda *one: told.append(one)
    )  # fmt: skip
    assert (asked, told) == (2, [(1, 2), (2, 2)])
    assert ask(spoken, settings, "v1", clock=lambda: NOW) == 0
    with questions_file(spoken).open("a", encoding="utf-8") as stream:
        stream.write("are you a bot?\n")
    assert ask(spoken, settings, "v1", clock=lambda: NOW) == 1
    assert ask(spoken, settings, "v2", clock=lambda: NOW) == 3
    found = answers(spoken)
    assert list(found) == ["what is your name?", "tea or coffee?", "are you a bot?"]
    for said in found.values():  # the same weights, question and seed: the same words
        assert said["v1"].parts == said["v2"].parts
    assert found["tea or coffee?"]["v1"].asker == "bob"


@pytest.mark.slow
def test_a_list_cut_short_while_asking_goes_on_where_it_was(spoken: Home) -> None:
    def stop(done: int, _total: int) -> None:
        raise KeyboardInterrupt

    settings = load(spoken.path)
    with pytest.raises(KeyboardInterrupt):
        ask(spoken, settings, "v1", clock=lambda: NOW, told=stop)
    assert list(answers(spoken)) == ["what is your name?"]
    assert ask(spoken, settings, "v1", clock=lambda: NOW) == 1
    assert list(answers(spoken)) == ["what is your name?", "tea or coffee?"]
