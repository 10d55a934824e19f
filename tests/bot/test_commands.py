"""`atself chat` and `atself run`, as people call them, on a real archive and model."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bot.commands import chat, run
from bot.errors import ModelUnusable, NoPlatform, SceneError, ServerFailed
from bot.voice import Voice
from bot.voices import find_voice
from config.console import stderr
from config.errors import AtselfError
from config.settings import Home, load
from ingest.archive import Archive
from ingest.chat import Account, Conversation, RawMessage
from registry.artefact import BaseRecord, ModelManifest
from registry.errors import RegistryError
from registry.store import Registry
from tests.bot.conftest import HEAD

NOW = datetime(2026, 3, 1, tzinfo=UTC)
TEA = Conversation("test:tea", "Tea Club", "test")
LINES = [
    ("kevin", "my cat is called Doudou"),
    ("nice_guy", "cute"),
    ("nice_guy", "tea?"),
    ("dummy_fox", "coffee"),
]


def manifest(voice: Voice, renderer: str) -> ModelManifest:
    return ModelManifest(
        created_at=NOW,
        base=BaseRecord(voice.name, "Apache-2.0"),
        renderer=renderer,
        markup=voice.markup.to_json(),
        stops=voice.markup.stops,
        context_tokens=voice.context_tokens,
        head=HEAD,
        self_handle="kevin",
        languages={"en": 1.0},
        dataset_hash="",
        recipe={},
        quantization="Q4_1",
    )


@pytest.fixture
def archived(home: Path) -> Path:
    """A home with a small archive and no memory."""
    with Archive.open(Home(home).archive, create=True) as archive:
        archive.add(
            RawMessage(f"m{n}", TEA, Account("test", who, who), NOW + timedelta(minutes=n), text)
            for n, (who, text) in enumerate(LINES)
        )
        archive.set_self("kevin")
    Home(home).config.write_text(
        "[recall]\nenabled = false\n[generate]\ncontext_tokens = 512\nmax_new_tokens = 24\n"
        "threads = 1\n"
    )
    return home


@pytest.fixture
def persona(archived: Path, smollm2_voice: Voice, tmp_path: Path) -> Path:
    """That home with a serving model: SmolLM2, standing for a trained one."""
    finished = tmp_path / "finished"
    finished.mkdir()
    (finished / "model.gguf").symlink_to(smollm2_voice.model)
    registry = Registry(Home(archived).models)
    stored = registry.add(finished, manifest(smollm2_voice, smollm2_voice.renderer))
    registry.promote(stored.version, "test", now=NOW)
    return archived


@pytest.fixture(autouse=True)
def fresh_consoles() -> None:
    """A console binds its stream when made; each call captures its own."""
    stderr.cache_clear()


def called(*arguments: str, typed: str = "") -> Result:
    return CliRunner().invoke(chat, arguments, input=typed, catch_exceptions=False)


@pytest.mark.slow
def test_one_shot_answers_as_json_the_same_way_twice(persona: Path) -> None:
    say = ["--say", "nice_guy: what is your cat called?", "--say", "Dummy Fox: and its colour?"]
    first = called("--home", str(persona), "--seed", "5", "--json", *say)
    answers = [json.loads(line) for line in first.stdout.splitlines()]
    assert [answer["speaker"] for answer in answers] == ["nice_guy", "dummy_fox"]
    assert answers[0]["timings"]["prompt_tokens"] > 20
    assert answers[1]["timings"]["reused_tokens"] > 20
    assert first.stderr == ""
    again = called("--home", str(persona), "--seed", "5", "--json", *say)
    replies = [json.loads(line)["reply"] for line in again.stdout.splitlines()]
    assert replies == [answer["reply"] for answer in answers]


@pytest.mark.slow
def test_a_scene_can_be_piped_in_and_leaves_the_archive_alone(persona: Path) -> None:
    typed = "+@dummy_fox: coffee is better\ntea?\n/why\n/quit\n"
    result = called("--home", str(persona), "--seed", "3", "--as", "nice_guy", typed=typed)
    assert result.exit_code == 0
    assert HEAD in result.stdout
    assert "@dummy_fox: coffee is better\n@nice_guy: tea?" in result.stdout
    assert "you are @nice_guy" in result.stderr
    with Archive.open(Home(persona).archive) as archive:
        assert archive.counts().messages == len(LINES)


@pytest.mark.slow
def test_the_base_is_asked_with_the_head_of_the_model_in_service(
    persona: Path, smollm2_voice: Voice
) -> None:
    base = find_voice(Home(persona), load(persona), "base")
    assert (base.head, base.self_handle, base.markup) == (HEAD, "kevin", smollm2_voice.markup)
    assert base.model == smollm2_voice.model


@pytest.mark.slow
def test_a_model_of_another_renderer_is_one_line(
    archived: Path, smollm2_voice: Voice, tmp_path: Path
) -> None:
    (tmp_path / "model.gguf").symlink_to(smollm2_voice.model)
    folder = tmp_path / "old"
    folder.mkdir()
    (folder / "model.gguf").symlink_to(smollm2_voice.model)
    stored = Registry(Home(archived).models).add(folder, manifest(smollm2_voice, "atself-0"))
    assert_one_line(ModelUnusable, "atself-0", "--home", str(archived), "--model", stored.version)


def test_a_missing_archive_model_or_conversation_is_one_line(archived: Path, home: Path) -> None:
    assert_one_line(RegistryError, "atself train", "--home", str(archived))
    assert_one_line(RegistryError, "no model 'v9'", "--home", str(archived), "--model", "v9")
    assert_one_line(AtselfError, "nowhere", "--home", str(home / "nowhere"))


@pytest.mark.slow
def test_an_unknown_conversation_is_one_line(persona: Path) -> None:
    assert_one_line(SceneError, "'Tea Club'", "--home", str(persona), "--chat", "Coffee Club")


def test_bots_without_a_token_say_how_to_get_one(home: Path) -> None:
    with pytest.raises(NoPlatform, match=r"ATSELF_TELEGRAM__TOKEN.*--terminal") as problem:
        CliRunner().invoke(run, ["--home", str(home)], catch_exceptions=False)
    assert problem.value.exit_code == 2


def test_help_teaches_by_example() -> None:
    shown = called("--help").stdout
    assert '--say "nice_guy: what is your cat called?" --json' in shown


def assert_one_line(kind: type[AtselfError], expected: str, *arguments: str) -> None:
    with pytest.raises(kind) as problem:
        called(*arguments)
    assert expected in str(problem.value)
    assert "\n" not in str(problem.value)


def test_a_server_in_the_settings_speaks_with_the_head_of_the_model(
    persona: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ATSELF_GENERATE__SERVER_URL", "http://127.0.0.1:1/v1")
    settings = load(persona)
    voice = find_voice(Home(persona), settings, None)
    assert (voice.is_remote, voice.head) == (True, HEAD)
    assert not find_voice(Home(persona), settings, "v1").is_remote
    assert_one_line(ServerFailed, "is the server up", "--home", str(persona), "--say", "a: hi")
