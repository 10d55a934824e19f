"""A scene at the terminal: who speaks, what is said, what commands do."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import pytest

from bot.errors import SceneError
from bot.platforms.console import Chat
from bot.platforms.display import JsonLines, Screen, label
from bot.platforms.scene import ANY_LABEL, Said, Scene, read_line
from bot.responder import Responder
from bot.voice import Voice
from config.console import stderr
from config.settings import Settings
from ingest.chat import Person
from ingest.markup import transcript_markup
from ingest.prompt import RENDERER
from tests.bot.conftest import HEAD, ME
from tests.bot.scripted import ScriptedGenerator

PEOPLE = (ME, Person(2, "nice_guy", ("Guy", "Nice Guy")), Person(3, "周姐", ("周姐",)))
VOICE = Voice("v7", Path("model.gguf"), RENDERER, transcript_markup(), HEAD, "kevin", 2048)


@pytest.fixture(autouse=True)
def fresh_consoles() -> None:
    """A console binds its stream when made; each test captures its own."""
    stderr.cache_clear()


def ticking() -> Callable[[], datetime]:
    seconds = count()
    return lambda: datetime(2026, 3, 1, 12, tzinfo=UTC).replace(second=next(seconds) % 60)


@pytest.fixture
def scene() -> Scene:
    """An empty scene with three people of the archive."""
    return Scene(PEOPLE, ME, chat="console:scene", clock=ticking())


def chat(scene: Scene, *texts: str, screen: Screen | None = None) -> Chat:
    generator = ScriptedGenerator(*texts)
    responder = Responder(VOICE, generator, Settings())
    return Chat(responder, scene, screen or Screen(), speaker=scene.person("nice_guy"), seed=1)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("hello: you", Said("", "hello: you")),
        ("@nice_guy: hello", Said("nice_guy", "hello")),
        ("@周姐：吃了吗", Said("周姐", "吃了吗")),
        ("+psst", Said("", "psst", is_silent=True)),
        ("+@nice_guy: psst", Said("nice_guy", "psst", is_silent=True)),
        ("@nice_guy are you there?", Said("", "@nice_guy are you there?")),
    ],
)
def test_a_typed_line_says_who_speaks(typed: str, said: Said) -> None:
    assert read_line(typed) == said


def test_a_line_given_as_an_option_needs_no_at_sign() -> None:
    assert read_line("Nice Guy: hi", ANY_LABEL) == Said("Nice Guy", "hi")
    assert read_line("https://example.org", ANY_LABEL).who == ""


def test_people_are_known_by_handle_or_name_and_strangers_become_members(scene: Scene) -> None:
    assert scene.person("@Nice_Guy") is PEOPLE[1]
    assert scene.person("Nice Guy") is PEOPLE[1]
    newcomer = scene.person("Dummy Fox!")
    assert newcomer.handle == "dummy_fox"
    assert scene.person("dummy_fox") is newcomer
    with pytest.raises(SceneError, match=r"answers by itself"):
        scene.person("@self")
    with pytest.raises(SceneError, match=r"answers by itself"):
        scene.person("kevin")


def test_mentions_are_found(scene: Scene) -> None:
    message = scene.say(PEOPLE[1], "@self and @周姐, not mail@kevin or @nobody")
    assert message.mentions == ("kevin", "周姐")


def test_replies_go_to_stdout_and_remarks_to_stderr(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    chat(scene, " yes\nlol", " no").run(["tea?", "+aside", "", "@周姐: 吃了吗"])
    out, err = capsys.readouterr()
    assert out == "@self: yes\n@self: lol\n@self: no\n"
    assert "0 recalled" in err
    said = [(message.person.handle, message.text) for message in scene.messages]
    assert said == [
        ("nice_guy", "tea?"),
        ("kevin", "yes"),
        ("kevin", "lol"),
        ("nice_guy", "aside"),
        ("周姐", "吃了吗"),
        ("kevin", "no"),
    ]
    assert scene.messages[1].reply_to == scene.messages[0].id


def test_commands_work(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    session = chat(scene, " hi")
    session.run(["/why", "/as Dummy Fox", "hello", "/who", "/model", "/help", "/nonsense", "/as"])
    out, err = capsys.readouterr()
    assert session.speaker.handle == "dummy_fox"
    for expected in ("nothing has been answered", "speaking as @dummy_fox", "v7", "/nonsense: no"):
        assert expected in err
    assert "in this scene: @dummy_fox" in out
    assert "in the archive: @nice_guy, @周姐" in out
    session.run(["/why", "/new", "/quit", "never reached"])
    out, err = capsys.readouterr()
    assert f"{HEAD}" in out
    assert "@dummy_fox: hello" in out
    assert "a new scene" in err
    assert scene.messages == []


def test_json_gives_one_line_per_answer(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    chat(scene, " yes\nlol", screen=JsonLines()).run(["tea?", "+x", "really?"])
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert first["speaker"] == "nice_guy"
    assert first["reply"] == ["yes", "lol"]
    assert first["passages"] == []
    assert first["timings"]["ending"] == "stop"
    assert second["text"] == "really?"


def test_a_stopped_reply_ends_the_reply_and_not_the_chat(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    session = chat(scene, " yes")
    calls = count()

    class Impatient(Screen):
        def answer(self, trigger: object, answer: object) -> None:
            if next(calls) == 0:
                raise KeyboardInterrupt

    session = chat(scene, " yes", screen=Impatient())
    session.run(["one", "two"])
    assert "stopped" in capsys.readouterr().err
    assert next(calls) == 2


def test_handles_keep_their_colour() -> None:
    assert label("nice_guy") == label("nice_guy")
    assert label("self").style == "bold green"


def test_nothing_typed_or_said_can_steer_the_terminal(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    chat(scene, " \x1b]0;owned\x07hi [red]x[/red]").run(["\x1b[2Jtea?", "/why"])
    out, err = capsys.readouterr()
    assert "\x1b" not in out + err
    assert "[red]x[/red]" in out
