"""Words for voice notes and pictures: the hook that transcribes and captions them.

What is said in a voice note becomes its text, as if it had been typed; a picture's caption goes
into its placeholder, for nobody said it. Each file is described once: the archive keeps the words
under a digest of the file, so that importing again costs nothing and changes nothing.
"""

from __future__ import annotations

import base64
import hashlib
import mimetypes
import posixpath
import shlex
import subprocess
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from tempfile import NamedTemporaryFile
from typing import Any, Protocol

from config.sections import Media
from ingest.chat import Attachment, AttachmentKind, Kind, RawMessage
from ingest.errors import IngestError
from ingest.sources import Source

SPOKEN = frozenset({AttachmentKind.VOICE, AttachmentKind.AUDIO, AttachmentKind.VIDEO})
MAX_BYTES = 64 * 1024 * 1024
MAX_CHARACTERS = 4000
FAILED = "no words for media"
"""How a failure that another try may mend is counted."""
CAPTION = "Describe this picture in one short sentence, in plain words."


class MediaFailed(IngestError):
    """A file for which no words were found; the message keeps its placeholder."""


@dataclass(frozen=True, slots=True)
class File:
    """A media file of an export: its kind, its name and its bytes."""

    kind: AttachmentKind
    name: str
    content: bytes


class Describe(Protocol):
    """Finds the words for a file; ``name`` tells one way of finding them from another."""

    @property
    def name(self) -> str:
        """What the words depend on beside the file."""
        ...

    def __call__(self, file: File) -> str:
        """The words; MediaFailed where there are none to be had."""
        ...


class Memory(Protocol):
    """Where words are kept; an archive is one."""

    def media_words(self, digest: bytes) -> str | None:
        """The words kept under ``digest``."""
        ...

    def keep_media_words(self, digest: bytes, words: str) -> None:
        """Keep words."""
        ...


class Hook:
    """Adds words to messages as they are imported."""

    def __init__(self, describe: Describe, memory: Memory, kinds: frozenset[str]) -> None:
        self._describe, self._memory, self._kinds = describe, memory, kinds
        self.name = f"{describe.name} {sorted(kinds)}"

    def worded(
        self, message: RawMessage, source: Source, on_failure: Callable[[str], None]
    ) -> RawMessage:
        """``message`` with its attachments' words; ``on_failure`` hears why some have none."""
        if not any(self._wants(attachment) for attachment in message.attachments):
            return message
        spoken: list[str] = []
        attachments: list[Attachment] = []
        for attachment in message.attachments:
            words = self._words(attachment, source, on_failure) if self._wants(attachment) else ""
            if words and attachment.kind in SPOKEN:
                spoken.append(words)
            elif words:
                label = f"{attachment.label} {words}".strip()
                attachment = replace(attachment, label=label.replace("]", ")"))
            attachments.append(attachment)
        text = "\n".join([message.text, *spoken] if message.text else spoken)
        kind = Kind.TEXT if spoken and message.kind is Kind.MEDIA else message.kind
        return replace(message, text=text, attachments=tuple(attachments), kind=kind)

    def _wants(self, attachment: Attachment) -> bool:
        return bool(attachment.file) and attachment.kind in self._kinds

    def _words(
        self, attachment: Attachment, source: Source, on_failure: Callable[[str], None]
    ) -> str:
        content = content_of(source, attachment.file)
        if content is None:
            on_failure("media file not in the export")
            return ""
        name = PurePosixPath(attachment.file).name
        key = f"{self._describe.name}\n{attachment.kind}\n".encode() + content
        digest = hashlib.blake2b(key, digest_size=16).digest()
        words = self._memory.media_words(digest)
        if words is None:
            try:
                words = _tidy(self._describe(File(attachment.kind, name, content)))
            except MediaFailed as error:
                on_failure(f"{FAILED}: {error}")
                return ""
            self._memory.keep_media_words(digest, words)
        return words


class Program:
    """Runs a program on each file and takes what it prints."""

    def __init__(self, command: str, timeout: float) -> None:
        self._words, self._timeout = shlex.split(command), timeout
        self.name = command
        if not any("{file}" in word for word in self._words):
            self._words.append("{file}")

    def __call__(self, file: File) -> str:
        """What the program prints for ``file``."""
        with NamedTemporaryFile(suffix=_suffix(file.name)) as place:
            place.write(file.content)
            place.flush()
            return self._run([_filled(word, place.name, file.kind) for word in self._words])

    def _run(self, command: list[str]) -> str:
        program = Path(command[0]).name
        try:
            done = subprocess.run(
                command, stdin=subprocess.DEVNULL, capture_output=True, timeout=self._timeout
            )
        except OSError as error:
            raise IngestError(
                f"media.command: {program}: {error.strerror}; is it installed?"
            ) from (error)
        except subprocess.TimeoutExpired as error:
            raise MediaFailed(f"{program} took over {self._timeout:g} s") from error
        if done.returncode:
            raise MediaFailed(f"{program} ended with {done.returncode}")
        return done.stdout.decode("utf-8", "replace")


class Server:
    """Asks an OpenAI-compatible server: ``/audio/transcriptions`` and ``/chat/completions``."""

    def __init__(self, settings: Media) -> None:
        import httpx

        key = settings.server_key.get_secret_value() if settings.server_key else None
        self._settings = settings
        self._url = str(settings.server_url).rstrip("/")
        self._client = httpx.Client(
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=settings.timeout_seconds,
        )
        self.name = f"{self._url} {settings.audio_model} {settings.image_model}"

    def __call__(self, file: File) -> str:
        """The server's transcription or caption of ``file``; empty where no model is set for it."""
        if file.kind in SPOKEN:
            return self._transcribed(file) if self._settings.audio_model else ""
        return self._captioned(file) if self._settings.image_model else ""

    def _transcribed(self, file: File) -> str:
        answer = self._post(
            "/audio/transcriptions",
            files={"file": (file.name, file.content)},
            data={"model": self._settings.audio_model},
        )
        return _at(answer, "text")

    def _captioned(self, file: File) -> str:
        kind = mimetypes.guess_type(file.name)[0] or "image/jpeg"
        picture = f"data:{kind};base64,{base64.b64encode(file.content).decode()}"
        content = [
            {"type": "text", "text": CAPTION},
            {"type": "image_url", "image_url": {"url": picture}},
        ]
        answer = self._post(
            "/chat/completions",
            json={
                "model": self._settings.image_model,
                "messages": [{"role": "user", "content": content}],
            },
        )
        return _at(answer, "choices", 0, "message", "content")

    def _post(self, path: str, **body: Any) -> dict[str, Any]:
        import httpx

        try:
            response = self._client.post(self._url + path, **body)
            if response.is_success:
                found: dict[str, Any] = response.json()
                return found
        except (httpx.HTTPError, ValueError) as error:
            reason = str(error) or type(error).__name__
            raise IngestError(
                f"{self._url}: {reason}; is the server up, and media.server_url right?"
            ) from error
        raise MediaFailed(f"the server answered HTTP {response.status_code}")


def hook_of(settings: Media, memory: Memory) -> Hook | None:
    """The hook of the settings, or None where none is wanted."""
    kinds = frozenset(settings.kinds)
    if settings.server_url:
        return Hook(Server(settings), memory, kinds)
    if settings.command:
        return Hook(Program(settings.command, settings.timeout_seconds), memory, kinds)
    return None


def content_of(source: Source, file: str) -> bytes | None:
    """A media file named by an export, or None where it is not inside that export.

    What an export names is untrusted: no address, no path out of the export's folder, no link.
    """
    relative = posixpath.normpath(file.replace("\\", "/"))
    if "://" in file or relative.startswith(("/", "..")) or relative[1:2] == ":":
        return None
    try:
        if source.member is not None:
            return _in_zip(source.path, posixpath.join(posixpath.dirname(source.member), relative))
        return _in_folder(source.path.parent.resolve(), relative)
    except (OSError, RuntimeError, ValueError, zipfile.BadZipFile):
        return None


def _in_folder(folder: Path, relative: str) -> bytes | None:
    path = (folder / relative).resolve()
    if not path.is_relative_to(folder) or not path.is_file() or path.stat().st_size > MAX_BYTES:
        return None
    return path.read_bytes()


def _in_zip(path: Path, member: str) -> bytes | None:
    with zipfile.ZipFile(path) as archive:
        try:
            info = archive.getinfo(member)
        except KeyError:
            return None
        return archive.read(info) if info.file_size <= MAX_BYTES else None


def _at(answer: Any, *path: str | int) -> str:
    try:
        for step in path:
            answer = answer[step]
    except (LookupError, TypeError) as error:
        raise MediaFailed("the server's answer holds no words") from error
    return str(answer)


def _tidy(words: str) -> str:
    return " ".join(words.split())[:MAX_CHARACTERS]


def _filled(word: str, file: str, kind: str) -> str:
    return word.replace("{file}", file).replace("{kind}", kind)


def _suffix(name: str) -> str:
    suffix = PurePosixPath(name).suffix
    return suffix if suffix[1:].isalnum() and len(suffix) < 8 else ""
