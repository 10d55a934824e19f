"""Words for voice notes and pictures: by a program, by a server, once for each file."""

from __future__ import annotations

import json
import sys
import zipfile
from collections.abc import Iterator
from datetime import UTC
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import ClassVar

import orjson
import pytest

from config.sections import Media
from ingest.archive import Archive
from ingest.errors import IngestError
from ingest.importer import Report, import_paths
from ingest.media import content_of, hook_of
from ingest.sources import Source

VOICE, PHOTO = b"OggS voice", b"\xff\xd8 photo"


def export(folder: Path, *, voice: str = "voice/1.ogg") -> Path:
    """A Telegram export with a voice note and a photo, and their files."""
    for name, content in (("voice/1.ogg", VOICE), ("photos/1.jpg", PHOTO)):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    common = {"type": "message", "date": "2026-03-01T12:00:00", "from": "Ann", "from_id": "user1"}
    note = {"media_type": "voice_message", "file": voice, "duration_seconds": 12}
    messages = [
        {**common, "id": 1, "text": "", **note},
        {**common, "id": 2, "text": "look", "photo": "photos/1.jpg"},
    ]
    path = folder / "result.json"
    path.write_bytes(orjson.dumps({"name": "Chat", "id": 1, "messages": messages}))
    return path


def program(tmp_path: Path, *, ending: int = 0) -> str:
    """A command that says how large a file is, and keeps count of its runs."""
    script = tmp_path / "hear.py"
    count = tmp_path / "runs"
    script.write_text(
        "import pathlib, sys\n"
        f"with pathlib.Path({str(count)!r}).open('a') as runs:\n    runs.write('x')\n"
        "print(sys.argv[2], 'of', len(pathlib.Path(sys.argv[1]).read_bytes()), 'bytes')\n"
        f"sys.exit({ending})\n",
        encoding="utf-8",
    )
    return f"{sys.executable} {script} {{file}} {{kind}}"


def imported(archive: Archive, path: Path, settings: Media) -> Report:
    """Import ``path`` with the hook of ``settings``."""
    return import_paths(archive, [path], zone=UTC, hook=hook_of(settings, archive))


def texts(archive: Archive) -> list[str]:
    """Every message as archived."""
    return [message.text for message in archive.messages()]


def test_a_voice_note_gets_its_words_as_text_and_a_photo_a_caption(
    archive: Archive, tmp_path: Path
) -> None:
    path = export(tmp_path / "export")
    report = imported(archive, path, Media(command=program(tmp_path)))
    assert not report.problems
    assert texts(archive) == ["[voice 0:12] voice of 10 bytes", "[photo photo of 8 bytes] look"]


def test_each_file_is_described_once(archive: Archive, tmp_path: Path) -> None:
    path, settings = export(tmp_path / "export"), Media(command=program(tmp_path))
    imported(archive, path, settings)
    path.write_bytes(path.read_bytes() + b"\n")  # another file with the same messages
    again = imported(archive, path, settings)
    assert again.added.same == 2
    assert (tmp_path / "runs").read_text(encoding="utf-8") == "xx"


def test_without_a_setting_nothing_is_described(archive: Archive, tmp_path: Path) -> None:
    assert hook_of(Media(), archive) is None
    imported(archive, export(tmp_path / "export"), Media())
    assert texts(archive) == ["[voice 0:12]", "[photo] look"]


def test_only_the_kinds_asked_for_are_described(archive: Archive, tmp_path: Path) -> None:
    settings = Media(command=program(tmp_path), kinds=("voice",))
    imported(archive, export(tmp_path / "export"), settings)
    assert texts(archive)[1] == "[photo] look"


def test_a_file_in_a_zip_is_found(archive: Archive, tmp_path: Path) -> None:
    folder = tmp_path / "export"
    export(folder)
    with zipfile.ZipFile(tmp_path / "export.zip", "w") as packed:
        for file in sorted(folder.rglob("*.*")):
            packed.write(file, Path("chat") / file.relative_to(folder))
    imported(archive, tmp_path / "export.zip", Media(command=program(tmp_path)))
    assert texts(archive)[0] == "[voice 0:12] voice of 10 bytes"


def test_a_failing_program_leaves_the_placeholder_and_is_tried_again(
    archive: Archive, tmp_path: Path
) -> None:
    path = export(tmp_path / "export")
    command = program(tmp_path, ending=3)
    report = imported(archive, path, Media(command=command))
    assert texts(archive)[0] == "[voice 0:12]"
    assert report.skipped["no words for media: " + Path(sys.executable).name + " ended with 3"] == 2
    program(tmp_path)
    imported(archive, path, Media(command=command))
    assert texts(archive)[0] == "[voice 0:12] voice of 10 bytes"


def test_a_missing_program_is_one_line(archive: Archive, tmp_path: Path) -> None:
    with pytest.raises(IngestError, match=r"media\.command: no-such-program.*installed"):
        imported(archive, export(tmp_path / "export"), Media(command="no-such-program {file}"))


def test_a_slow_program_is_stopped(archive: Archive, tmp_path: Path) -> None:
    command = f'{sys.executable} -c "import time; time.sleep(60)"'
    report = imported(
        archive, export(tmp_path / "export"), Media(command=command, timeout_seconds=0.2)
    )
    assert any("took over 0.2 s" in reason for reason in report.skipped)


@pytest.mark.parametrize(
    "name",
    ["../secret.ogg", "/etc/hostname", "voice/../../secret.ogg", "C:\\secret", "link.ogg", "..\\x"],
)
def test_no_path_leads_out_of_the_export(name: str, tmp_path: Path) -> None:
    path = export(tmp_path / "export")
    (tmp_path / "secret.ogg").write_bytes(b"secret")
    (tmp_path / "export" / "link.ogg").symlink_to(tmp_path / "secret.ogg")
    assert content_of(Source(str(path), path, 0), name) is None


def test_an_address_is_never_fetched(tmp_path: Path) -> None:
    path = export(tmp_path / "export")
    assert content_of(Source(str(path), path, 0), "https://example.org/1.ogg") is None


class Answers(BaseHTTPRequestHandler):
    """Transcribes and captions; notes what it was sent."""

    seen: ClassVar[list[tuple[str, str | None, bytes]]] = []
    status: ClassVar[int] = 200

    def do_POST(self) -> None:
        """Answer as OpenAI's API does."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.seen.append((self.path, self.headers["Authorization"], body))
        caption = {"choices": [{"message": {"content": "A bowl\nof [noodles]."}}]}
        answer = {"text": "I am late"} if "audio" in self.path else caption
        content = json.dumps(answer).encode()
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Be quiet."""


@pytest.fixture
def server() -> Iterator[str]:
    """The address of a server on this machine."""
    Answers.seen.clear()
    Answers.status = 200
    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as running:
        Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_address[1]}/v1"
        running.shutdown()


def test_a_server_transcribes_and_captions(archive: Archive, tmp_path: Path, server: str) -> None:
    settings = Media.model_validate(
        {"server_url": server, "server_key": "sesame", "image_model": "eyes"}
    )
    imported(archive, export(tmp_path / "export"), settings)
    assert texts(archive) == ["[voice 0:12] I am late", "[photo A bowl of [noodles).] look"]
    (heard, key, sent), (seen, _, picture) = Answers.seen
    assert (heard, seen) == ("/v1/audio/transcriptions", "/v1/chat/completions")
    assert key == "Bearer sesame"
    assert VOICE in sent
    assert b"data:image/jpeg;base64," in picture


def test_without_an_image_model_pictures_stay_here(
    archive: Archive, tmp_path: Path, server: str
) -> None:
    imported(archive, export(tmp_path / "export"), Media(server_url=server))
    assert [path for path, _key, _body in Answers.seen] == ["/v1/audio/transcriptions"]


def test_a_server_that_refuses_leaves_the_placeholder(
    archive: Archive, tmp_path: Path, server: str
) -> None:
    Answers.status = 500
    report = imported(archive, export(tmp_path / "export"), Media(server_url=server))
    assert texts(archive)[0] == "[voice 0:12]"
    assert report.skipped["no words for media: the server answered HTTP 500"] == 1


def test_a_server_that_is_away_is_one_line_and_loses_nothing(
    archive: Archive, tmp_path: Path
) -> None:
    path = export(tmp_path / "export")
    with pytest.raises(IngestError, match=r"media\.server_url right"):
        imported(archive, path, Media(server_url="http://127.0.0.1:9/v1"))
    assert imported(archive, path, Media()).added.new == 2
