"""Zips that lie, nest or blow up: one line each, and the rest goes on."""

from __future__ import annotations

import gzip
import resource
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.archive import Archive
from ingest.sources import sources_of
from ingest.streams import FREE_BYTES, MOST_RATIO
from tests.ingest.exports_on_disk import LOG, export_of, load, only_problem, zipped


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
