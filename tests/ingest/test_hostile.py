"""Files and folders that mean harm, or met it: one line each, and the rest goes on."""

from __future__ import annotations

import gzip
import os
import resource
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from datetime import UTC
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cli.app import run
from ingest.archive import Archive
from ingest.errors import printable
from ingest.importer import Report, import_paths
from ingest.sources import bytes_of, sources_of
from ingest.streams import FREE_BYTES, MOST_RATIO
from tests.ingest.talk import Talk, telegram_export, write_telegram

LOG = "@self: hello\n@bob: hi there\n"


def load(archive: Archive, *paths: Path) -> Report:
    """Import ``paths``."""
    return import_paths(archive, paths, zone=UTC)


def only_problem(report: Report) -> str:
    """The one line of a report with one problem."""
    [problem] = report.problems
    assert problem.isprintable()
    return problem


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with one good export, ``z.txt``, that comes last."""
    folder = tmp_path / "exports"
    folder.mkdir()
    (folder / "z.txt").write_text(LOG, encoding="utf-8")
    return folder


def zipped(path: Path, members: dict[str, bytes]) -> Path:
    """A zip with these members, in order."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def export_of(lines: int) -> bytes:
    """A Telegram export."""
    talk = Talk()
    for number in range(lines):
        talk.say("bob", f"line {number}")
    return orjson.dumps(telegram_export(talk))


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


# --- zips ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["../../evil.txt", "/etc/evil.txt", "C:\\evil.txt", "a//b/./c.txt"]
)
def test_paths_in_a_zip_are_names_and_nothing_is_written(
    name: str, archive: Archive, tmp_path: Path
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    packed = zipped(folder / "x.zip", {name: LOG.encode()})
    before = sorted(tmp_path.rglob("*"))
    assert load(archive, packed).added.new == 2
    assert sorted(tmp_path.rglob("*")) == before


def test_a_gzip_file_in_a_zip_and_a_zip_in_a_zip_are_read(archive: Archive, tmp_path: Path) -> None:
    inner = zipped(tmp_path / "inner.zip", {"deep/log.txt": LOG.encode()}).read_bytes()
    outer = {"export.json.gz": gzip.compress(export_of(50)), "inner.zip": inner, "a.jpg": b"\xff"}
    packed = zipped(tmp_path / "outer.zip", outer)
    names = [source.name.removeprefix(str(packed)) for source in sources_of(packed)]
    assert names == ["!export.json.gz", "!inner.zip!deep/log.txt", "!a.jpg"]
    report = load(archive, packed)
    assert report.added.new == 52
    assert report.skipped == {"file not a chat export": 1}
    assert load(archive, packed).known == 2


def test_zips_in_zips_in_zips_end_somewhere(archive: Archive, folder: Path) -> None:
    content = LOG.encode()
    for level in range(4):
        path = zipped(folder / "bomb.zip", {f"{level}.zip" if level else "log.txt": content})
        content = path.read_bytes()
    report = load(archive, folder)
    assert report.added.new == 2
    assert "a zip in a zip in a zip" in only_problem(report)


def bomb(gigabytes: int) -> Iterator[bytes]:
    """A Telegram export that goes on with spaces for so long."""
    yield export_of(500)[:-2] + b","
    for _ in range(gigabytes * 64):
        yield b" " * (1 << 24)


def test_a_bomb_is_given_up_in_bounded_memory_and_what_came_before_is_kept(
    archive: Archive, folder: Path
) -> None:
    packed = folder / "a.json.gz"
    with gzip.open(packed, "wb", compresslevel=1) as file:
        for piece in bomb(1):
            file.write(piece)
        file.write(b" " * (FREE_BYTES // 50))
    assert packed.stat().st_size * MOST_RATIO < FREE_BYTES
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    report = load(archive, folder)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 150_000
    assert report.added.new == 502
    assert "a.json.gz: " in only_problem(report)


def test_members_that_share_their_bytes_are_refused(archive: Archive, folder: Path) -> None:
    content = bytearray(zipped(folder / "a.zip", {"a.txt": LOG.encode() * 999}).read_bytes())
    start = content.index(b"PK\x01\x02")
    entry, end = content[start : content.index(b"PK\x05\x06")], bytearray(content[-22:])
    end[8:10] = end[10:12] = (30).to_bytes(2, "little")
    end[12:16] = (30 * len(entry)).to_bytes(4, "little")
    (folder / "a.zip").write_bytes(content[:start] + entry * 30 + end)
    report = load(archive, folder)
    assert report.added.new == 2
    assert "members overlap" in only_problem(report)


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(st.data())
def test_a_damaged_zip_is_problems_on_one_line_each(data: st.DataObject) -> None:
    with TemporaryDirectory() as place:
        folder = Path(place)
        inner = zipped(folder / "in.zip", {"a.json": export_of(30), "b.txt": LOG.encode()})
        members = {"x.zip": inner.read_bytes(), "y.txt": LOG.encode() * 30}
        content = bytearray(zipped(folder / "in.zip", members).read_bytes())
        for _ in range(data.draw(st.integers(1, 4))):
            at = data.draw(st.integers(4, len(content) - 1))
            content[at : at + data.draw(st.integers(0, 9))] = data.draw(st.binary(max_size=9))
        inner.write_bytes(content)
        with Archive.open(folder / "archive.sqlite", create=True) as archive:
            report = load(archive, inner)
        assert all(problem.isprintable() for problem in report.problems)


def test_documents_that_are_zips_inside_are_one_file(tmp_path: Path) -> None:
    book = zipped(tmp_path / "a.epub", {"mimetype": b"application/epub+zip", "a.xhtml": b"<p>"})
    assert [source.name for source in sources_of(book)] == [str(book)]


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
        "import resource, sys; from cli.app import run; code = run(sys.argv[1:]);"
        "sys.stderr.write(str(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)); sys.exit(code)"
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
