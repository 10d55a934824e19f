"""Own writings: documents to plain passages, each under the heading it stands below.

markitdown reads .docx, .pdf, .html and .epub into Markdown; .md and .txt are read as they are. A
passage is a few paragraphs of one section, short enough to be recalled whole.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from io import BytesIO
from pathlib import Path

from ingest.errors import FormatError
from ingest.parsers.text import decoded
from ingest.windows import estimate_tokens

SUFFIXES = frozenset({".md", ".markdown", ".txt", ".docx", ".pdf", ".html", ".htm", ".epub"})
MAX_BYTES = 64 * 1024 * 1024
MAX_UNPACKED = 512 * 1024 * 1024
PASSAGE_TOKENS = 160
"""Estimated tokens; a longer paragraph is cut at the ends of its sentences."""

_PLAIN = frozenset({".md", ".markdown", ".txt"})
_ZIPPED = frozenset({".docx", ".epub"})
_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?)\n---[ \t]*\n", re.DOTALL)
_FIELD = re.compile(r"^(title|date):[ \t]*[\"']?(.+?)[\"']?[ \t]*$", re.MULTILINE)
_DATE = re.compile(r"(?<!\d)((?:19|20)\d{2})[-_.年/](\d{1,2})[-_.月/](\d{1,2})(?!\d)")
_HEADING = re.compile(r"^(#{1,6})[ \t]+(.+?)[ \t#]*$")
_FENCE = re.compile(r"^[ \t]*(```|~~~)")
_IMAGE = re.compile(r"!\[([^\]]*)\]\([^)]*\)")
_LINK = re.compile(r"\[([^\]]+)\]\([^)]*\)")
_EMPHASIS = re.compile(r"(?<![\w*])(\*\*|\*|__|_|~~)(?=\S)(.+?)(?<=\S)\1(?![\w*])")
_SENTENCE = re.compile(r"(?<=[。！？!?…])\s*|(?<=\.)\s+(?=[^\W\d_])")


@dataclass(frozen=True, slots=True)
class Document:
    """A text by @self: its title, when it was written, and its words as Markdown."""

    name: str
    title: str
    written_at: datetime
    text: str


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A run of paragraphs of one section; ``section`` is its heading, or the document's title."""

    section: str
    text: str


def read_document(path: Path, name: str, zone: tzinfo) -> Document:
    """Read one file; ``name`` is how it is called in messages and in the archive.

    The date is the one in its front matter or its name, else when the file was last changed.
    FormatError where it is too large, damaged, or needs a library that is not there.
    """
    _require_size(path)
    text = _plain(path) if path.suffix.lower() in _PLAIN else _converted(path)
    fields: dict[str, str] = {}
    if front := _FRONT_MATTER.match(text):
        fields = dict(_FIELD.findall(front[1]))
        text = text[front.end() :]
    heading = next((found[2] for line in text.splitlines() if (found := _HEADING.match(line))), "")
    changed = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    written = _date(fields.get("date", ""), zone) or _date(path.name, zone) or changed
    return Document(name, fields.get("title") or _unmarked(heading) or path.stem, written, text)


def excerpts_of(document: Document) -> Iterator[Excerpt]:
    """The passages of a document in order; headings, images and empty lines are no text."""
    section, held, size = document.title, list[str](), 0
    for heading, paragraph in _paragraphs(document.text):
        cost = estimate_tokens(paragraph)
        if held and (heading != section or size + cost > PASSAGE_TOKENS):
            yield Excerpt(section, "\n".join(held))
            held, size = [], 0
        section = heading or document.title
        held.append(paragraph)
        size += cost
    if held:
        yield Excerpt(section, "\n".join(held))


def _require_size(path: Path) -> None:
    if path.stat().st_size > MAX_BYTES:
        raise FormatError(f"{path}: over 64 MiB; split the document and import its parts")
    if path.suffix.lower() not in _ZIPPED:
        return
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
    except (zipfile.BadZipFile, OSError) as error:
        raise FormatError(f"{path}: damaged ({error}); save it again") from error
    if unpacked > MAX_UNPACKED:
        raise FormatError(f"{path}: unpacks to over 512 MiB; not a document")


def _plain(path: Path) -> str:
    text = decoded(path.read_bytes())
    if text is None:
        raise FormatError(f"{path}: not text; save it as UTF-8")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _converted(path: Path) -> str:
    try:
        from markitdown import MarkItDown, StreamInfo
    except ImportError as error:
        raise FormatError(
            f"{path}: reading {path.suffix} needs markitdown; pip install 'atself[writings]'"
        ) from error
    suffix = path.suffix.lower().replace(".htm", ".html").replace("htmll", "html")
    content = path.read_bytes()
    if suffix == ".pdf" and b"%PDF-" not in content[:1024]:
        raise FormatError(f"{path}: not a PDF, whatever its name says; save it again")
    charset = "utf-8" if suffix == ".html" else None
    try:
        info = StreamInfo(extension=suffix, charset=charset)
        found = MarkItDown(enable_plugins=False).convert_stream(BytesIO(content), stream_info=info)
    except Exception as error:  # whatever the readers of four formats raise on damaged files
        reason = (str(error).strip() or type(error).__name__).splitlines()[0][:120]
        raise FormatError(f"{path}: not readable as {suffix[1:]} ({reason}); save it again") from (
            error
        )
    return str(found.markdown)


def _date(text: str, zone: tzinfo) -> datetime | None:
    found = _DATE.search(text)
    if not found:
        return None
    try:
        return datetime(int(found[1]), int(found[2]), int(found[3]), tzinfo=zone)
    except ValueError:
        return None


def _paragraphs(text: str) -> Iterator[tuple[str, str]]:
    """The heading above each paragraph, and the paragraph on one line, cut to size."""
    heading, lines, in_code = "", list[str](), False
    for line in [*text.splitlines(), ""]:
        if _FENCE.match(line):
            in_code = not in_code
        found = None if in_code else _HEADING.match(line)
        if (found or not line.strip()) and not in_code:
            yield from ((heading, part) for part in _cut(_unmarked(" ".join(lines))))
            lines = []
            heading = _unmarked(found[2]) if found else heading
        elif not in_code and not _FENCE.match(line):
            lines.append(line.strip())


def _unmarked(text: str) -> str:
    """Markdown's marks taken off: what a reader would see."""
    text = _LINK.sub(r"\1", _IMAGE.sub(r"\1", text))
    text = _EMPHASIS.sub(r"\2", text).replace("`", "")
    return " ".join(text.lstrip("> ").split())


def _cut(paragraph: str) -> Iterator[str]:
    """A paragraph in pieces of at most about PASSAGE_TOKENS, cut between sentences."""
    piece = ""
    for sentence in _SENTENCE.split(paragraph):
        if piece and estimate_tokens(piece + sentence) > PASSAGE_TOKENS:
            yield piece.strip()
            piece = ""
        gap = " " if piece and piece[-1].isascii() else ""
        piece += gap + sentence
    if piece.strip(" -*|+=_"):
        yield piece.strip()
