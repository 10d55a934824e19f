"""`atself ingest`, `people`, `dataset` and `forget` as a person meets them."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from cli.app import run
from ingest.archive import Archive
from ingest.errors import ArchiveError
from tests.ingest.talk import Talk, write_telegram

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def export(talk: Talk, tmp_path: Path) -> Path:
    """A Telegram export with enough of Kevin in it to learn from."""
    talk.names["kevin"] = "Kevin Buzzard"
    talk.chatter(60)
    talk.say("kevin", "", minutes=60)
    return write_telegram(talk, tmp_path / "result.json")


@pytest.fixture
def data(capsys: Capture) -> Callable[..., Any]:
    """Runs a command that must succeed and returns the JSON it printed."""

    def printed(*arguments: object) -> Any:
        capsys.readouterr()
        assert run([*map(str, arguments), "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    return printed


@pytest.fixture
def complaint(capsys: Capture) -> Callable[..., str]:
    """Runs a command that must fail with exit code 1 and returns its one line."""

    def line(*arguments: object) -> str:
        capsys.readouterr()
        assert run([*map(str, arguments)]) == 1
        shown = capsys.readouterr().err.strip()
        assert "\n" not in shown
        assert "Traceback" not in shown
        return shown

    return line


def test_ingest_prints_one_object_with_what_it_did(export: Path, data: Callable[..., Any]) -> None:
    result = data("ingest", export, "--self", "Kevin Buzzard")
    assert result == {
        "messages": 180,
        "self_messages": 60,
        "people": 3,
        "chats": 1,
        "replies": 120,
        "files": 1,
        "files_known": 0,
        "added": {"new": 180, "changed": 0, "same": 0, "forgotten": 0},
        "settled": {
            "joined": 0,
            "bridges": 0,
            "unwrapped": 0,
            "bots": 0,
            "mentions": 0,
            "named": 0,
        },
        "skipped": {"empty": 1},
        "problems": [],
    }


def test_ingest_again_finds_everything_known(export: Path, data: Callable[..., Any]) -> None:
    data("ingest", export, "--self", "Kevin Buzzard")
    again = data("ingest", export)
    assert again["added"] == {"new": 0, "changed": 0, "same": 180, "forgotten": 0}
    assert again["self_messages"] == 60


def test_without_json_a_person_reads_a_short_table(
    export: Path, capsys: Capture, home: Path
) -> None:
    assert run(["ingest", str(export), "--home", str(home), "--self", "@kevin_buzzard"]) == 0
    shown = capsys.readouterr()
    assert "messages  180 (180 new, 0 changed)" in shown.out
    assert "1 empty" in shown.out
    assert shown.err == ""


def test_without_self_ingest_says_how_to_set_it(export: Path, capsys: Capture) -> None:
    assert run(["ingest", str(export), "--json"]) == 0
    assert "note: the archive does not know who @self is" in capsys.readouterr().err


def test_a_wrong_self_keeps_the_import_and_fails(
    export: Path, complaint: Callable[..., str], data: Callable[..., Any]
) -> None:
    line = complaint("ingest", export, "--self", "Kevin Buzard", "--json")
    assert "did you mean 'Kevin Buzzard'" in line
    assert len(data("people")) == 3


def test_missing_files_are_one_line_and_make_no_home(
    complaint: Callable[..., str], tmp_path: Path
) -> None:
    assert "no such file or folder" in complaint("ingest", tmp_path / "nothing.json")
    assert not (tmp_path / "persona").exists()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "an empty file, not a known chat export"),
        (b"\x00\x01\x02", "not a known chat export"),
        (b"hello there\n", "starts with 'hello there"),
        (b'{"messages": [', "not a known chat export"),
        (b"\x1f\x8b\x08\x00junk", "damaged or cut short"),
        (b'{"type": "message", "date": "x", "messages": [{"type": "mess', "ends in the middle"),
    ],
)
def test_a_wrong_file_is_one_line(
    complaint: Callable[..., str], tmp_path: Path, content: bytes, expected: str
) -> None:
    path = tmp_path / "wrong.json"
    path.write_bytes(content)
    line = complaint("ingest", path)
    assert expected in line
    assert str(path) in line


def test_a_file_cut_short_is_imported_so_far_and_fails(export: Path, capsys: Capture) -> None:
    export.write_bytes(export.read_bytes()[:20_000])
    assert run(["ingest", str(export), "--self", "Kevin Buzzard", "--json"]) == 1
    shown = capsys.readouterr()
    result = json.loads(shown.out)
    assert 0 < result["messages"] == result["added"]["new"] < 180
    assert len(result["problems"]) == 1
    assert "ends in the middle" in shown.err


def test_several_bad_files_are_one_line_each(tmp_path: Path, capsys: Capture) -> None:
    for name in "ab":
        (tmp_path / name).write_text("junk", encoding="utf-8")
    assert run(["ingest", str(tmp_path / "a"), str(tmp_path / "b")]) == 1
    lines = capsys.readouterr().err.strip().splitlines()
    assert [line.split(":")[0] for line in lines] == ["error", "atself"]


@pytest.mark.parametrize("command", ["people", "dataset"])
def test_without_an_archive_the_way_in_is_shown(
    command: str, complaint: Callable[..., str]
) -> None:
    assert "no archive yet; start with: atself ingest" in complaint(command)


@pytest.mark.parametrize("command", ["ingest x.json", "people", "dataset"])
def test_a_home_with_a_damaged_archive_is_one_line(
    command: str, complaint: Callable[..., str], home: Path, export: Path
) -> None:
    (home / "archive.sqlite").write_bytes(b"no database at all " * 100)
    line = complaint(*command.replace("x.json", str(export)).split())
    assert "not a sound SQLite file" in line


def test_an_archive_that_cannot_be_opened_is_one_line(
    export: Path, complaint: Callable[..., str], home: Path
) -> None:
    (home / "archive.sqlite").mkdir()
    assert "check that the folder exists" in complaint("ingest", export)


def test_an_archive_that_may_not_be_written_is_one_line() -> None:
    """In a child process, as a user for whom permissions count: root may write everywhere."""
    with TemporaryDirectory() as home:
        Path(home).chmod(stat.S_IRUSR | stat.S_IXUSR | stat.S_IROTH | stat.S_IXOTH)
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            if os.geteuid() == 0:
                os.setuid(65534)
            try:
                Archive.open(Path(home) / "archive.sqlite", create=True)
            except ArchiveError as error:
                os.write(writer, str(error).encode())
            os._exit(0)
        os.waitpid(child, 0)
        os.close(writer)
        with os.fdopen(reader) as said:
            assert "check that the folder exists" in said.read()


@pytest.mark.parametrize(
    "arguments",
    [
        ["ingest"],
        ["ingest", "x.json", "--slef", "Kevin"],
        ["people", "--nonsense"],
        ["people", "--limit", "many"],
        ["dataset", "extra"],
    ],
)
def test_wrong_usage_exits_2(arguments: list[str], capsys: Capture) -> None:
    assert run(arguments) == 2
    assert "Error:" in capsys.readouterr().err


def test_a_misspelled_setting_exits_2(export: Path, home: Path, capsys: Capture) -> None:
    (home / "config.toml").write_text("[ingest]\ntime_zon = 'UTC'\n", encoding="utf-8")
    assert run(["ingest", str(export)]) == 2
    assert "did you mean 'ingest.time_zone'" in capsys.readouterr().err


def test_the_time_zone_of_the_settings_reads_local_times(
    tmp_path: Path, home: Path, data: Callable[..., Any]
) -> None:
    (home / "config.toml").write_text("[ingest]\ntime_zone = 'Asia/Jakarta'\n", encoding="utf-8")
    message = {"id": 1, "type": "message", "date": "2020-01-15T12:00:00", "from": "A", "text": "x"}
    path = tmp_path / "result.json"
    path.write_text(json.dumps({"name": "x", "messages": [message]}), encoding="utf-8")
    data("ingest", path)
    with Archive.open(home / "archive.sqlite") as archive:
        [found] = archive.messages()
    assert found.sent_at.hour == 5


def test_people_are_listed_busiest_first(export: Path, data: Callable[..., Any]) -> None:
    data("ingest", export, "--self", "Kevin Buzzard")
    people = data("people")
    assert [person["handle"] for person in people] == ["anna", "bob", "kevin_buzzard"]
    assert people[-1] == {
        "handle": "kevin_buzzard",
        "messages": 60,
        "names": ["Kevin Buzzard"],
        "accounts": ["telegram:kevin"],
        "is_self": True,
        "is_bot": False,
    }


def test_people_can_say_who_self_is(
    export: Path, data: Callable[..., Any], capsys: Capture
) -> None:
    data("ingest", export)
    assert run(["people", "--self", "bob", "--limit", "1"]) == 0
    shown = capsys.readouterr()
    assert "@self is now Bob (@bob)" in shown.err
    assert "2 more; --limit 0 lists all" in shown.err
    assert [person["handle"] for person in data("people") if person["is_self"]] == ["bob"]


def test_an_unknown_self_is_one_line(
    export: Path, data: Callable[..., Any], complaint: Callable[..., str]
) -> None:
    data("ingest", export)
    assert "nobody in the archive is called 'nobody'" in complaint("people", "--self", "nobody")


def test_dataset_prints_its_manifest(export: Path, home: Path, data: Callable[..., Any]) -> None:
    data("ingest", export, "--self", "Kevin Buzzard")
    manifest = data("dataset")
    assert manifest == json.loads((home / "dataset" / "manifest.json").read_bytes())
    assert manifest["self_name"] == "Kevin Buzzard"
    assert set(manifest["splits"]) == {"train", "validation", "test"}


def test_dataset_shows_a_person_the_splits(
    export: Path, data: Callable[..., Any], capsys: Capture
) -> None:
    data("ingest", export, "--self", "Kevin Buzzard")
    assert run(["dataset"]) == 0
    shown = capsys.readouterr().out
    assert "validation" in shown
    assert "languages" in shown


def test_a_report_tells_every_rule_with_examples_and_builds_only_what_is_missing(
    export: Path, home: Path, data: Callable[..., Any], capsys: Capture
) -> None:
    data("ingest", export, "--self", "Kevin Buzzard")
    data("dataset", "--report")
    before = {path.name: path.read_bytes() for path in (home / "dataset").iterdir()}
    report = data("dataset", "--report")
    assert report["written"] == report["learned"] + sum(
        rule["count"] for name, rule in report["rules"].items() if "counts less" not in name
    )
    assert report["silence"]["per_answer"] == 3
    assert run(["dataset", "--report"]) == 0
    assert "written by @self" in capsys.readouterr().out
    assert {path.name: path.read_bytes() for path in (home / "dataset").iterdir()} == before


def test_a_page_is_written_beside_the_dataset(
    export: Path, home: Path, data: Callable[..., Any], capsys: Capture
) -> None:
    data("ingest", export, "--self", "Kevin Buzzard")
    data("dataset")
    assert run(["dataset", "--html"]) == 2
    assert "--html goes with --report" in capsys.readouterr().err
    assert data("dataset", "--report", "--html") == {"page": str(home / "dataset" / "report.html")}
    assert "<!doctype html>" in (home / "dataset" / "report.html").read_text("utf-8")


def test_a_dataset_without_self_or_with_too_little_is_one_line(
    export: Path, data: Callable[..., Any], complaint: Callable[..., str], home: Path
) -> None:
    data("ingest", export)
    assert "does not know who @self is" in complaint("dataset")
    data("people", "--self", "anna")
    (home / "config.toml").write_text("[dataset]\nmin_replies = 500\n", encoding="utf-8")
    assert "only 60 messages by @self, 500 are needed" in complaint("dataset")
    assert not (home / "dataset" / "manifest.json").exists()


def test_every_command_of_the_package_teaches_by_example(capsys: Capture) -> None:
    for command in ("ingest", "people", "dataset"):
        assert run([command, "--help"]) == 0
        assert "Examples:" in capsys.readouterr().out
