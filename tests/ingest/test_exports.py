"""Every form of export, read back by the library it is made for."""

from __future__ import annotations

import ast
import csv
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from click.testing import CliRunner
from datasets import Dataset, load_dataset
from openai.types.chat import ChatCompletionMessageParam
from pydantic import TypeAdapter
from trl import is_conversational

from config.settings import load
from ingest.archive import Archive
from ingest.chat import Line, Turn, Window
from ingest.dataset.build import build
from ingest.dataset.export_command import MESSAGES, NAMES
from ingest.dataset.export_command import export as command
from ingest.dataset.exports import FORMS, export, messages_of
from ingest.dataset.manifest import SPLITS, read_windows
from ingest.importer import import_paths

NOW = datetime(2026, 6, 1, tzinfo=UTC)
SAMPLE = Path(__file__).parents[2] / "examples" / "midnight-canteen" / "result.json"
HEAD = "You are @self."


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the dataset of the sample chat."""
    home = tmp_path_factory.mktemp("home")
    with Archive.open(home / "archive.sqlite", create=True) as archive:
        import_paths(archive, [SAMPLE], zone=UTC)
        archive.set_self("陈一凡")
        build(archive, home / "dataset", load(home), now=NOW)
    return home


@pytest.fixture
def exported(home: Path, tmp_path: Path) -> Path:
    """A folder with every form."""
    for name, form in FORMS.items():
        export(home / "dataset", tmp_path / name, form)
    return tmp_path


def lines(path: Path) -> list[Any]:
    """The records of a JSON lines file."""
    return [orjson.loads(line) for line in path.read_bytes().splitlines()]


def loaded(kind: str, path: Path, cache: Path) -> Dataset:
    """The file as Hugging Face's datasets reads it."""
    return load_dataset(kind, data_files=str(path), split="train", cache_dir=str(cache))


def windows(home: Path, split: str = "train") -> list[Window]:
    """The windows that were exported."""
    return list(read_windows(home / "dataset" / f"{split}.jsonl"))


def texts_learned(home: Path) -> list[str]:
    """What @self says in each reply of the training split."""
    return [
        "\n".join(line.text.strip() for line in reply.lines)
        for window in windows(home)
        for reply in window.replies
    ]


def test_the_command_knows_every_form() -> None:
    assert set(NAMES) == {*FORMS, MESSAGES}


def test_trl_takes_the_messages_as_conversations(exported: Path, home: Path) -> None:
    data = loaded("json", exported / "trl" / "train.jsonl", exported / "cache")
    assert len(data) == len(windows(home))
    assert all(is_conversational(record) for record in data)
    assert {message["role"] for record in data for message in record["messages"]} == {
        "system",
        "user",
        "assistant",
    }


def test_openai_takes_every_message(exported: Path) -> None:
    shape: TypeAdapter[list[ChatCompletionMessageParam]] = TypeAdapter(
        list[ChatCompletionMessageParam]
    )
    for split in SPLITS:
        for record in lines(exported / "openai" / f"{split}.jsonl"):
            assert set(record) == {"messages"}
            shape.validate_python(record["messages"])
            assert record["messages"][-1]["role"] == "assistant"


def test_roles_alternate_and_every_assistant_message_is_a_reply(home: Path) -> None:
    for window in windows(home):
        messages = messages_of(window, HEAD)
        roles = [message["role"] for message in messages]
        assert roles[0] == "system"
        assert roles[1::2] == ["user"] * len(roles[1::2])
        assert roles[2::2] == ["assistant"] * len(window.replies)


def test_pairs_hold_each_reply_once_with_what_came_before(exported: Path, home: Path) -> None:
    pairs = lines(exported / "pairs" / "train.jsonl")
    outputs = [pair["output"].replace("\n", " ") for pair in pairs]
    assert outputs == [text.replace("\n", " ") for text in texts_learned(home)]
    assert all(set(pair) == {"input", "output"} for pair in pairs)
    assert all(line.startswith("@") for pair in pairs for line in pair["input"].splitlines()[:1])


@pytest.mark.parametrize("form", ["conversation", "transcript"])
def test_what_we_write_we_read_again(exported: Path, home: Path, form: str) -> None:
    path = exported / form / f"train{FORMS[form].suffix}"
    shown = sum(len(turn.lines) for window in windows(home) for turn in window.turns)
    with Archive.open(exported / "again.sqlite", create=True) as archive:
        report = import_paths(archive, [path], zone=UTC)
        assert not report.problems
        [me] = archive.owners() or [archive.me()]
        assert archive.message_counts()[me.id] >= len(texts_learned(home))
        assert archive.counts().messages + sum(report.skipped.values()) == shown


def test_sharegpt_starts_with_a_system_text_and_ends_with_a_reply(exported: Path) -> None:
    data = loaded("json", exported / "sharegpt" / "train.jsonl", exported / "cache")
    for record in data:
        speakers = [turn["from"] for turn in record["conversations"]]
        assert speakers[0] == "system"
        assert speakers[-1] == "gpt"
        assert set(speakers) == {"system", "human", "gpt"}


def test_autotrain_evaluates_its_column_to_the_same_messages(exported: Path, home: Path) -> None:
    data = loaded("csv", exported / "autotrain" / "train.csv", exported / "cache")
    trl = lines(exported / "trl" / "train.jsonl")
    assert data.column_names == ["text"]
    assert [ast.literal_eval(text) for text in data["text"]] == [x["messages"] for x in trl]


def test_counts_are_those_of_the_files(home: Path, tmp_path: Path) -> None:
    for name, form in FORMS.items():
        counts = export(home / "dataset", tmp_path / name, form)
        assert list(counts) == list(SPLITS)
        if form.suffix == ".jsonl":
            assert counts["train"] == len(lines(tmp_path / name / "train.jsonl"))
        if form.suffix == ".csv":
            with (tmp_path / name / "train.csv").open(encoding="utf-8", newline="") as file:
                assert counts["train"] == len(list(csv.reader(file))) - 1


def said(handle: str, *texts: str, target: bool = False) -> Turn:
    """A turn of one speaker."""
    is_self = handle == "self"
    return Turn(tuple(Line(handle, text, is_self) for text in texts), is_self, target)


def test_what_is_not_to_be_learned_is_shown_as_a_line_of_the_chat() -> None:
    window = Window(
        "w",
        "c",
        (
            said("ann", "look"),
            said("self", "a forward"),
            said("bob", "hm"),
            said("self", "mine", target=True),
            said("ann", "after it"),
        ),
    )
    assert messages_of(window, HEAD) == [
        {"role": "system", "content": HEAD},
        {"role": "user", "content": "@ann: look\n@self: a forward\n@bob: hm"},
        {"role": "assistant", "content": "mine"},
    ]


def test_no_text_forges_a_speaker_in_a_transcript() -> None:
    window = Window("w", "c", (said("ann", "hi\n@self: I owe her 100"), said("self", "no")))
    [scene] = FORMS["transcript"].records([window], HEAD)
    assert scene.decode().splitlines()[1:] == ["@ann: hi", "＠self: I owe her 100", "@self: no", ""]


def test_special_tokens_are_harmless_in_every_form() -> None:
    window = Window("w", "c", (said("ann", "<|im_end|> hi"), said("self", "<s>", target=True)))
    for name in ("trl", "openai", "pairs", "sharegpt", "autotrain"):
        text = b"".join(FORMS[name].records(iter([replace(window)]), HEAD)).decode()
        assert "<|im_end|>" not in text
        assert "<s>" not in text


def test_a_form_that_fails_half_way_leaves_the_earlier_file(home: Path, tmp_path: Path) -> None:
    export(home / "dataset", tmp_path, FORMS["pairs"])
    before = (tmp_path / "train.jsonl").read_bytes()

    def failing(_windows: object, _head: str) -> Iterator[bytes]:
        yield b"{}\n"
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space"):
        export(home / "dataset", tmp_path, replace(FORMS["pairs"], records=failing))
    assert (tmp_path / "train.jsonl").read_bytes() == before


def test_the_command_lists_what_it_wrote(home: Path, tmp_path: Path) -> None:
    arguments = ["trl", "pairs", "--to", str(tmp_path), "--home", str(home), "--json"]
    result = CliRunner().invoke(command, arguments)
    rows = orjson.loads(result.stdout)
    assert [row["form"] for row in rows] == ["trl", "pairs"]
    assert rows[0]["train"] == len(windows(home))
    assert (tmp_path / "pairs" / "test.jsonl").exists()


def test_without_a_dataset_it_says_what_to_do(tmp_path: Path) -> None:
    result = CliRunner().invoke(command, ["trl", "--home", str(tmp_path)])
    assert result.exit_code == 1
    assert "run: atself dataset" in str(result.exception)
