"""Files, archives and folders on their way into the archive, whole and damaged."""

from __future__ import annotations

import gzip
import zipfile
from datetime import UTC
from pathlib import Path

import orjson
import pytest

from ingest.archive import Archive
from ingest.chat import Message
from ingest.importer import Report, import_paths
from ingest.sources import HEAD_BYTES, sources_of
from tests.ingest.talk import Talk, telegram_export, texts, write_telegram

LINES = 3000  # more than one batch of the archive


def load(archive: Archive, *paths: Path) -> Report:
    """Import ``paths``."""
    return import_paths(archive, paths, zone=UTC)


def everything(archive: Archive) -> list[Message]:
    """All messages."""
    return list(archive.messages())


@pytest.fixture
def export(talk: Talk, tmp_path: Path) -> Path:
    """A Telegram export of a long chat."""
    for number in range(LINES):
        talk.say(f"user{number % 7}", f"line {number} of many")
    return write_telegram(talk, tmp_path / "result.json")


def minified(export: Path) -> Path:
    """The same export without line breaks."""
    path = export.with_name("minified.json")
    path.write_bytes(orjson.dumps(orjson.loads(export.read_bytes())))
    return path


def test_a_gzipped_export_reads_like_the_plain_one(archive: Archive, export: Path) -> None:
    load(archive, export)
    plain = everything(archive)
    packed = export.with_suffix(".json.gz")
    packed.write_bytes(gzip.compress(export.read_bytes()))
    assert load(archive, packed).added.same == LINES
    assert everything(archive) == plain


def test_progress_counts_the_bytes_on_disk(archive: Archive, export: Path) -> None:
    packed = export.with_suffix(".json.gz")
    packed.write_bytes(gzip.compress(export.read_bytes()))
    counts: list[int] = []
    import_paths(archive, [packed], zone=UTC, on_bytes=counts.append)
    assert sum(counts) >= packed.stat().st_size
    assert sum(counts) < 2 * packed.stat().st_size


def test_a_zip_and_a_folder_are_walked_and_what_is_no_chat_is_counted(
    archive: Archive, export: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "exports"
    (folder / "deep").mkdir(parents=True)
    (folder / "photo.jpg").write_bytes(b"\xff\xd8\xff\xe0")
    (folder / ".DS_Store").write_bytes(b"\x00\x00")
    (folder / "deep" / "log.txt").write_text("@self: hi\n@bob: hello\n", encoding="utf-8")
    with zipfile.ZipFile(folder / "all.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.write(export, "ChatExport/result.json")
        packed.writestr("ChatExport/css/style.css", "body {}")
    report = load(archive, folder)
    assert report.files == 2
    assert report.added.new == LINES + 2
    assert report.skipped == {"file not a chat export": 2}
    assert report.problems == []


def test_a_member_of_a_zip_is_named_with_its_archive(export: Path, tmp_path: Path) -> None:
    packed = tmp_path / "all.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.write(export, "a/result.json")
    assert [source.name for source in sources_of(packed)] == [f"{packed}!a/result.json"]


@pytest.mark.parametrize("layout", ["pretty", "minified"])
@pytest.mark.parametrize("size", [LINES, 40], ids=["long", "short"])
def test_an_export_cut_short_keeps_what_came_before(
    layout: str, size: int, archive: Archive, talk: Talk, tmp_path: Path
) -> None:
    for number in range(size):
        talk.say("bob", f"line {number}")
    whole = write_telegram(talk, tmp_path / "result.json")
    path = whole if layout == "pretty" else minified(whole)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    report = load(archive, path)
    kept = everything(archive)
    assert texts(kept) == [f"line {number}" for number in range(len(kept))]
    assert len(kept) == pytest.approx(size * 2 / 3, abs=5)
    assert report.added.new == len(kept)
    [problem] = report.problems
    assert str(path) in problem
    assert "the messages before are kept" in problem
    assert "\n" not in problem


@pytest.mark.parametrize("layout", ["pretty", "minified", "plain"])
@pytest.mark.parametrize("size", [LINES, 40], ids=["long", "short"])
def test_a_gzip_file_cut_short_keeps_what_came_before(
    layout: str, size: int, archive: Archive, talk: Talk, tmp_path: Path
) -> None:
    for number in range(size):
        talk.say("bob", f"line {number}")
    path = write_telegram(talk, tmp_path / "result.json")
    if layout == "minified":
        path = minified(path)
    if layout == "plain":
        path.write_text("".join(f"@bob: line {n}\n" for n in range(size)), encoding="utf-8")
    packed = gzip.compress(path.read_bytes())
    path.write_bytes(packed[: len(packed) * 2 // 3])
    report = load(archive, path)
    kept = everything(archive)
    assert len(kept) > size // 3
    assert texts(kept)[:-1] == [f"line {number}" for number in range(len(kept) - 1)]
    assert report.added.new == len(kept)
    [problem] = report.problems
    assert "damaged or cut short" in problem
    assert "\n" not in problem


def test_a_rerun_with_the_whole_file_adds_only_what_was_missing(
    archive: Archive, export: Path
) -> None:
    whole = export.read_bytes()
    export.write_bytes(whole[: len(whole) // 2])
    first = load(archive, export).added.new
    export.write_bytes(whole)
    added = load(archive, export).added
    assert (added.new, added.same, added.changed) == (LINES - first, first, 0)


def test_a_damaged_file_does_not_stop_the_others(
    archive: Archive, export: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.json"
    broken.write_bytes(export.read_bytes()[:5000])
    missing = tmp_path / "missing.json"
    report = load(archive, broken, missing, export)
    assert report.files == 2
    assert len(report.problems) == 2
    assert "no such file" in report.problems[1]
    assert archive.counts().messages == LINES


def test_a_damaged_zip_is_one_line(archive: Archive, export: Path, tmp_path: Path) -> None:
    packed = tmp_path / "all.zip"
    with zipfile.ZipFile(packed, "w") as opened:
        opened.write(export, "result.json")
    content = bytearray(packed.read_bytes())
    content[content.rindex(b"PK\x01\x02")] = 0  # the directory at the end
    packed.write_bytes(content)
    [problem] = load(archive, packed).problems
    assert str(packed) in problem
    assert "\n" not in problem


def test_a_zip_with_a_password_says_so(archive: Archive, export: Path, tmp_path: Path) -> None:
    packed = tmp_path / "all.zip"
    with zipfile.ZipFile(packed, "w") as opened:
        opened.write(export, "result.json")
    content = bytearray(packed.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + offset] |= 1  # "is encrypted"
    packed.write_bytes(content)
    [problem] = load(archive, packed).problems
    assert "encrypted" in problem
    assert "unpack it" in problem


def test_a_folder_without_a_chat_is_a_problem(archive: Archive, tmp_path: Path) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    assert load(archive, folder).problems == [f"{folder}: no chat export in there"]


def test_a_format_is_recognised_by_the_first_64_kib(archive: Archive, tmp_path: Path) -> None:
    talk = Talk()
    talk.say("bob", "hello")
    data = telegram_export(talk)
    data = {"about": "x" * HEAD_BYTES, **data}
    path = tmp_path / "result.json"
    path.write_bytes(orjson.dumps(data))
    assert load(archive, path).problems == [
        f"{path}: starts with '{path.read_text()[:40]}', not a known chat export; "
        "for what is: atself ingest --formats"
    ]
