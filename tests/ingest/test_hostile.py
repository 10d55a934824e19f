"""Files and folders that mean harm, or met it: one line each, and the rest goes on."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
import threading
from datetime import UTC
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.app import run
from ingest.archive import Archive
from ingest.errors import printable
from ingest.importer import import_paths
from ingest.sources import bytes_of, sources_of
from tests.ingest.exports_on_disk import LOG, export_of, load, only_problem, zipped
from tests.ingest.talk import Talk, write_telegram

# --- folders -------------------------------------------------------------------------------------


def test_links_in_a_folder_lead_nowhere_and_are_counted(
    archive: Archive, folder: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside.txt"
    outside.write_text("@eve: secret\n", encoding="utf-8")
    (folder / "a").symlink_to(folder)
    (folder / "b.txt").symlink_to(outside)
    (folder / "c").symlink_to("/")
    (folder / "d").symlink_to("d")
    report = load(archive, folder)
    assert report.added.new == 2
    assert report.skipped == {"symbolic link": 4}
    assert report.problems == []


def test_a_link_that_is_named_is_followed(archive: Archive, folder: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(folder)
    assert load(archive, link).added.new == 2


def test_pipes_and_devices_are_never_opened(archive: Archive, folder: Path) -> None:
    os.mkfifo(folder / "a.txt")
    report = load(archive, folder)
    assert report.added.new == 2
    assert report.skipped == {"not a regular file": 1}
    for path in (folder / "a.txt", Path("/dev/zero")):
        assert "neither a file nor a folder" in only_problem(load(archive, path))


def test_files_that_may_not_be_read_are_one_line_each(folder: Path) -> None:
    (folder / "a.txt").write_text(LOG, encoding="utf-8")
    (folder / "b").mkdir()
    (folder / "a.txt").chmod(0)
    (folder / "b").chmod(0)
    with TemporaryDirectory() as home:
        report = as_nobody(folder, Path(home)) if os.geteuid() == 0 else imported(folder, home)
    assert report["added"]["new"] == 2
    assert [problem.rpartition("exports/")[2] for problem in report["problems"]] == [
        "a.txt: Permission denied; check it and run again",
        "b: Permission denied; check it and run again",
    ]
    (folder / "b").chmod(0o700)


def imported(folder: Path, home: str) -> dict[str, dict[str, int]]:
    """What `atself ingest --json` says of a folder."""
    command = [sys.executable, "-m", "cli.app", "ingest", str(folder), "--home", home, "--json"]
    done = subprocess.run(command, capture_output=True, check=False)
    assert done.returncode == 1
    return orjson.loads(done.stdout)  # type: ignore[no-any-return]


def as_nobody(folder: Path, home: Path) -> dict[str, dict[str, int]]:
    """The same, as a user for whom permissions count; root may read everything."""
    home.chmod(0o777)
    for parent in (folder, *folder.parents):
        if parent.stat().st_uid == 0 and not parent.stat().st_mode & 1:
            parent.chmod(parent.stat().st_mode | 0o55)
    child = os.fork()
    if child == 0:
        os.setuid(65534)
        with Archive.open(home / "archive.sqlite", create=True) as archive:
            report = load(archive, folder)
        found = {"added": {"new": report.added.new}, "problems": report.problems}
        (home / "report.json").write_bytes(orjson.dumps(found))
        os._exit(0)
    os.waitpid(child, 0)
    return orjson.loads((home / "report.json").read_bytes())  # type: ignore[no-any-return]


def test_empty_files_are_counted_and_named_when_alone(archive: Archive, folder: Path) -> None:
    (folder / "a.json").touch()
    assert load(archive, folder).skipped == {"file not a chat export": 1}
    assert "an empty file" in only_problem(load(archive, folder / "a.json"))


def test_names_cannot_steer_the_terminal(
    archive: Archive, folder: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    evil = "a\x1b[2J\nerror: all is well\r\u202e.json"
    (folder / evil).write_bytes(export_of(30)[:-400])
    odd = folder / os.fsdecode(b"b\xff")
    odd.mkdir()
    (odd / "x.txt").write_text(LOG, encoding="utf-8")
    zipped(folder / "c.zip", {evil: export_of(30)[:-400]})
    assert run(["ingest", str(folder), "--home", str(tmp_path / "home")]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert all(line.isprintable() for line in lines)
    assert all(r"\x1b[2J\nerror" in line for line in lines)


@given(st.text())
def test_printable_text_is_kept_and_the_rest_escaped(text: str) -> None:
    shown = printable(text)
    assert shown.isprintable()
    assert shown == text or not text.isprintable()


def test_thousands_of_files_are_read_one_after_the_other(archive: Archive, tmp_path: Path) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(3000):
        (folder / f"{number:05}.txt").write_bytes(b"@bob: hello\n" if number % 100 == 0 else b"?")
    report = load(archive, folder)
    assert report.files == 30
    assert report.skipped == {"file not a chat export": 2970}
    assert report.problems == []


def test_the_same_file_twice_is_read_once(archive: Archive, folder: Path) -> None:
    report = load(archive, folder, folder / "z.txt")
    assert (report.files, report.known) == (2, 1)
    assert (report.added.new, report.added.same) == (2, 2)


def test_a_file_that_vanishes_is_one_line(archive: Archive, folder: Path) -> None:
    first = folder / "a.txt"
    first.write_text(LOG, encoding="utf-8")
    sources = list(sources_of(folder))
    first.unlink()
    assert [source.name for source in sources] == [str(first), str(folder / "z.txt")]
    with pytest.raises(Exception, match=r"a\.txt: No such file"):
        sources[0].head()


# --- JSON ----------------------------------------------------------------------------------------


def deep(levels: int) -> bytes:
    """JSON that opens and opens."""
    return b'{"a":[' * levels


def test_deep_nesting_is_one_line_and_what_came_before_is_kept(
    archive: Archive, folder: Path
) -> None:
    (folder / "a.json").write_bytes(export_of(500)[:-2] + b"," + deep(100_000))
    report = load(archive, folder)
    assert report.added.new > 400  # all but what was read in one piece with the nesting
    assert "nested" in only_problem(report)


def endless_string(path: Path, megabytes: int) -> Path:
    """An export whose last message never ends."""
    start = export_of(5000)[:-2] + b',{"id": 9000, "type": "message", "text": "'
    with path.open("wb") as file:
        file.write(start)
        for _ in range(megabytes):
            file.write(b"x" * (1 << 20))
    return path


def test_a_huge_string_is_one_line_in_bounded_memory(tmp_path: Path) -> None:
    """In a process of its own, whose address space may not hold the string."""
    path = endless_string(tmp_path / "result.json", 300)
    program = (
        "import pathlib, re, sys; from cli.app import run; code = run(sys.argv[1:]);"
        "status = pathlib.Path('/proc/self/status').read_text();"  # maxrss counts the parent's, too
        "sys.stderr.write(re.search(r'VmHWM:\\s+(\\d+)', status)[1]); sys.exit(code)"
    )
    home = str(tmp_path / "home")
    done = subprocess.run(
        [sys.executable, "-c", program, "ingest", str(path), "--home", home, "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert orjson.loads(done.stdout)["added"]["new"] == 5000
    *lines, peak = done.stderr.splitlines()
    assert "result.json" in lines[-1]
    assert int(peak) < 300_000


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "latin-1", "gb18030"])
def test_a_mis_encoded_export_is_at_most_one_line(
    encoding: str, archive: Archive, tmp_path: Path
) -> None:
    talk = Talk()
    for number in range(50):
        talk.say("josé", f"línea {number} é")
    text = write_telegram(talk, tmp_path / "x").read_text(encoding="utf-8")
    path = tmp_path / "result.json"
    path.write_bytes(text.encode(encoding))
    report = load(archive, path)
    assert report.added.new in (0, 50) or report.problems
    assert len(report.problems) <= 1


# --- the archive's own disk ----------------------------------------------------------------------


def test_a_full_disk_is_one_line_and_the_rerun_goes_on(tmp_path: Path) -> None:
    export = tmp_path / "result.json"
    export.write_bytes(export_of(9000))
    with Archive.open(tmp_path / "archive.sqlite", create=True) as archive:
        archive._connection.execute("PRAGMA max_page_count = 300")
        with pytest.raises(Exception, match="the disk is full") as caught:
            load(archive, export)
        assert "\n" not in str(caught.value)
        assert archive.counts().messages % 4000 == 0
    with Archive.open(tmp_path / "archive.sqlite") as archive:
        report = load(archive, export)
        assert report.added.new + report.added.same == 9000
        assert archive.counts().messages == 9000


# --- progress ------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["json", "json.gz", "zip", "folder"])
def test_progress_ends_at_the_bytes_on_disk(form: str, archive: Archive, tmp_path: Path) -> None:
    path = tmp_path / f"export.{form}"
    content = export_of(9000)
    if form == "folder":
        path.mkdir()
        zipped(path / "a.zip", {"a.json": content, "b.bin": os.urandom(40_000)})
        (path / "c.json").write_bytes(content)
    elif form == "zip":
        zipped(path, {"a.json": content})
    else:
        path.write_bytes(gzip.compress(content) if form == "json.gz" else content)
    for _ in range(2):
        read: list[int] = []
        met: list[int] = []
        import_paths(archive, [path], zone=UTC, on_bytes=read.append, on_messages=met.append)
        assert sum(read) == pytest.approx(bytes_of(path), rel=0.02, abs=500)
        assert sum(met) == (18_000 if form == "folder" else 9000)


def test_importing_starts_no_threads(archive: Archive, folder: Path) -> None:
    before = threading.active_count()
    load(archive, folder)
    assert threading.active_count() == before
