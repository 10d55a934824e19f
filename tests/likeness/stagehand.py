"""A home with a chat, a dataset with a held-out period, and the packaged model as its version."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

from click.testing import CliRunner

from cli.app import app
from config.settings import Home
from ingest.archive import Archive
from ingest.dataset.manifest import read_manifest
from ingest.markup import markup_of
from ingest.prompt import RENDERER
from registry.artefact import BaseRecord, ModelManifest
from registry.bases import SMOLLM2, locate
from registry.gguf_header import read_header
from registry.store import Registry
from tests.ingest.talk import Talk

SETTINGS = """
[train]
base = "smollm2-135m-instruct"
[dataset]
min_replies = 4
validation_share = 0.1
test_share = 0.2
opener_share = 0.0
[recall]
vectors = "self"
[generate]
context_tokens = 1024
max_new_tokens = 8
threads = 1
"""
TOPICS = ("the broth", "chopsticks", "the queue", "chili oil", "the noodle truck")
ANSWERS = ("no idea tbh", "haha sure", "the usual one", "ask anna", "tomorrow i guess")


def dinner(rounds: int = 40) -> Talk:
    """Bob asks, kevin answers, anna comments: one round a day."""
    talk = Talk()
    for number in range(rounds):
        topic, answer = TOPICS[number % 5], ANSWERS[number * 3 % 5]
        asked = talk.say("bob", f"what about {topic} at place {number}?", minutes=60 * 23)
        said = talk.say("kevin", f"{answer}, {topic} {number}", reply_to=asked)
        talk.say("anna", f"fine, {topic} it is", reply_to=said)
    return talk


def rehearsal_home(path: Path, talk: Talk | None = None, *, has_model: bool = True) -> Home:
    """The chat in an archive, cut into a dataset; ``v1`` serves where ``has_model``."""
    home = Home(path)
    path.mkdir(parents=True, exist_ok=True)
    home.config.write_text(SETTINGS)
    with Archive.open(home.archive, create=True) as archive:
        (talk or dinner()).recorded(archive)
    run(home, "dataset")
    if has_model:
        register(home)
    return home


def register(home: Home) -> None:
    """The packaged model as a trained version."""
    dataset, base = read_manifest(home.dataset), SMOLLM2
    files = locate(base.id, home.bases)
    assert files.gguf is not None
    header = read_header(files.gguf)
    markup = markup_of(files.template, bos=header.bos, eos=header.eos)
    incoming = home.path / "incoming"
    incoming.mkdir()
    shutil.copyfile(files.gguf, incoming / "model.gguf")
    registry = Registry(home.models)
    manifest = ModelManifest(
        created_at=datetime(2026, 5, 1, tzinfo=UTC),
        base=BaseRecord(base.id, base.license),
        renderer=RENDERER,
        markup=markup.to_json(),
        stops=markup.stops,
        context_tokens=header.context_tokens,
        head=dataset.head,
        self_handle=dataset.self_handle,
        languages={"en": 1.0},
        dataset_hash=dataset.hash,
        recipe={},
        quantization="Q4_1",
        card={"verdict": "pass"},
    )
    added = registry.add(incoming, manifest)
    registry.promote(added.version, "test", now=manifest.created_at)


def run(home: Home, *words: str, code: int = 0) -> str:
    """A command in ``home``: what it wrote to stdout, or where it fails, to stderr."""
    done = CliRunner().invoke(app, [*words, "--home", str(home.path)])
    assert done.exit_code == code, (done.stderr, done.exception)
    return done.stdout
