"""Pairs over all writings: kept in a journal, taken up where a run ended, sifted at the end."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner

from cli.pairing import ask_about, passages_of, read_journal, sift
from cli.writings import writings
from ingest.archive import Archive
from ingest.chat import Account, Conversation, RawMessage
from tests.ingest.talk import START

SHOP = (
    "The shop on Fengqi Road opened in 1987. Its owner, Mrs Shen, closes at two in the afternoon."
)
BROTH = "The soup is made with bamboo shoots and pickled greens, and it must never be boiled twice."
ANSWERS = {
    SHOP: "Q: When did the shop open?\nA: The shop opened in 1987.\nQ: Who?\nA: Mr Wang.",
    BROTH: "Q: What is the soup made with?\nA: The soup is made with bamboo shoots.",
}


class Model:
    """Gives the written answers, and counts how often it was asked; fails at ``fails_at``."""

    def __init__(self, fails_at: int = 0) -> None:
        self.asked = 0
        self._fails_at = fails_at

    def __call__(self, _instructions: str, text: str) -> str:
        self.asked += 1
        if self.asked == self._fails_at:
            raise KeyboardInterrupt
        return next(answer for passage, answer in ANSWERS.items() if passage in text)


def pairs_in(path: Path) -> list[dict[str, str]]:
    """The pairs of a finished run."""
    return [orjson.loads(line) for line in path.read_bytes().splitlines()]


def test_only_supported_pairs_are_written(tmp_path: Path) -> None:
    journal, target = tmp_path / "writings" / "journal.jsonl", tmp_path / "writings" / "pairs.jsonl"
    ask_about([SHOP, BROTH], Model(), journal, count=2, model="m")
    sieve = sift(journal, [SHOP, BROTH], target)
    assert [pair["response"] for pair in pairs_in(target)] == [
        "The shop opened in 1987.",
        "The soup is made with bamboo shoots.",
    ]
    assert sieve.tally.kept == 2
    assert sum(sieve.tally.refused.values()) == 1


def test_an_interrupted_run_goes_on_where_it_was(tmp_path: Path) -> None:
    journal = tmp_path / "journal.jsonl"
    with pytest.raises(KeyboardInterrupt):
        ask_about([SHOP, BROTH], Model(fails_at=2), journal, count=2, model="m")
    second = Model()
    ask_about([SHOP, BROTH], second, journal, count=2, model="m")
    assert second.asked == 1
    assert [entry["passage"] for entry in read_journal(journal)] == [SHOP, BROTH]


def test_a_line_cut_short_is_asked_again(tmp_path: Path) -> None:
    journal = tmp_path / "journal.jsonl"
    ask_about([SHOP], Model(), journal, count=2, model="m")
    whole = journal.read_bytes()
    journal.write_bytes(whole + b'{"key":"half')
    ask_about([SHOP, BROTH], Model(), journal, count=2, model="m")
    assert journal.read_bytes().startswith(whole)
    assert len(list(read_journal(journal))) == 2


def test_another_model_is_asked_anew(tmp_path: Path) -> None:
    journal, other = tmp_path / "journal.jsonl", Model()
    ask_about([SHOP], Model(), journal, count=2, model="m")
    ask_about([SHOP], other, journal, count=2, model="n")
    assert other.asked == 1


def test_pairs_about_writings_that_changed_are_dropped(tmp_path: Path) -> None:
    journal, target = tmp_path / "journal.jsonl", tmp_path / "pairs.jsonl"
    ask_about([SHOP, BROTH], Model(), journal, count=2, model="m")
    sift(journal, [BROTH], target)
    assert [pair["context"] for pair in pairs_in(target)] == [BROTH]


def test_only_writings_are_asked_about_and_secrets_are_taken_out(tmp_path: Path) -> None:
    with Archive.open(tmp_path / "archive.sqlite", create=True) as archive:
        for platform in ("writing", "test"):
            chat = Conversation(f"{platform}:1", "Essay", platform)
            text = f"{platform}: {SHOP} Write to shen@example.org before you come."
            author = Account(platform, "self", "Me", is_self=True)
            archive.add([RawMessage(f"{chat.id}:1", chat, author, START, text)])
        [passage] = passages_of(archive, is_redacted=True)
    assert passage.startswith("writing: The shop")
    assert "shen@example.org" not in passage


def documents(folder: Path) -> Path:
    """A folder with one essay."""
    (folder / "essays").mkdir()
    (folder / "essays" / "shop.md").write_text(f"# Shop\n\n{SHOP}\n\n{BROTH}", encoding="utf-8")
    return folder / "essays"


def home_with_self(folder: Path) -> Path:
    """A home whose archive knows @self."""
    home = folder / "home"
    with Archive.open(home / "archive.sqlite", create=True) as archive:
        chat = Conversation("plain:1", "Log", "plain")
        archive.add([RawMessage("plain:1:1", chat, Account("plain", "self"), START, "hello")])
    return home


@pytest.mark.slow
def test_from_a_document_to_pairs_with_the_packaged_model(tmp_path: Path) -> None:
    home = home_with_self(tmp_path)
    added = CliRunner().invoke(
        writings, ["add", str(documents(tmp_path)), "--home", str(home), "--json"]
    )
    assert orjson.loads(added.stdout)["passages"] == 1
    asked = CliRunner().invoke(writings, ["pairs", "--home", str(home), "--count", "2", "--json"])
    assert asked.exit_code == 0, asked.output
    result = orjson.loads(asked.stdout)
    assert result["passages"] == 1
    kept = pairs_in(Path(result["file"]))
    assert len(kept) == result["pairs"]
    [entry] = read_journal(home / "writings" / "journal.jsonl")
    assert entry["written"].startswith("Q:")


def test_without_writings_it_says_what_to_do(tmp_path: Path) -> None:
    result = CliRunner().invoke(writings, ["pairs", "--home", str(home_with_self(tmp_path))])
    assert "atself writings add" in str(result.exception)


def test_a_path_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    home = home_with_self(tmp_path)
    result = CliRunner().invoke(writings, ["add", str(tmp_path / "none"), "--home", str(home)])
    assert result.exit_code == 1
    assert "no such file" in str(result.exception)
