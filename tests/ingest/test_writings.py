"""Own writings: every format read, cut into passages, replaced when read again."""

from __future__ import annotations

import os
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.archive import Archive
from ingest.errors import ArchiveError, FormatError
from ingest.windows import estimate_tokens
from ingest.writings.documents import PASSAGE_TOKENS, Document, excerpts_of, read_document
from ingest.writings.passages import WritingsReport, import_writings, messages_of
from tests.ingest.talk import Talk

ZONE = ZoneInfo("Asia/Jakarta")
WHEN = datetime(2024, 5, 2, tzinfo=UTC)
ESSAY = """\
---
title: "On noodles"
date: 2024-05-02
---
# Soup

I have eaten **pian'er chuan** every [Thursday](https://example.org) since 2011.

![a bowl](bowl.jpg)

```python
secret = "no text"
```

## 数据库
我从 2016 年开始用 SQLite。它不需要服务器。
"""


def write_docx(path: Path) -> None:
    """A Word document with a heading and two paragraphs."""
    space = "http://schemas.openxmlformats.org"
    word = f"{space}/wordprocessingml/2006/main"
    body = (
        '<w:p><w:pPr><w:pStyle w:val="Heading1"/></w:pPr><w:r><w:t>Soup</w:t></w:r></w:p>'
        "<w:p><w:r><w:t>Bamboo shoots first.</w:t></w:r></w:p>"
        "<w:p><w:r><w:t>然后放片儿川。</w:t></w:r></w:p>"
    )
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(
            "[Content_Types].xml",
            f'<Types xmlns="{space}/package/2006/content-types">'
            '<Default Extension="rels" '
            'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            '<Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-'
            'officedocument.wordprocessingml.document.main+xml"/></Types>',
        )
        archive.writestr(
            "_rels/.rels",
            f'<Relationships xmlns="{space}/package/2006/relationships"><Relationship Id="r1" '
            f'Type="{space}/officeDocument/2006/relationships/officeDocument" '
            'Target="word/document.xml"/></Relationships>',
        )
        archive.writestr(
            "word/document.xml",
            f'<w:document xmlns:w="{word}"><w:body>{body}</w:body></w:document>',
        )


def write_epub(path: Path) -> None:
    """A book of one chapter."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "application/epub+zip")
        archive.writestr(
            "META-INF/container.xml",
            '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container" version="1.0">'
            '<rootfiles><rootfile full-path="book.opf" '
            'media-type="application/oebps-package+xml"/></rootfiles></container>',
        )
        archive.writestr(
            "book.opf",
            '<package xmlns="http://www.idpf.org/2007/opf" version="3.0"><metadata '
            'xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>Soup</dc:title></metadata>'
            '<manifest><item id="c" href="c.xhtml" media-type="application/xhtml+xml"/></manifest>'
            '<spine><itemref idref="c"/></spine></package>',
        )
        archive.writestr(
            "c.xhtml",
            '<html xmlns="http://www.w3.org/1999/xhtml"><body><h1>Soup</h1>'
            "<p>Bamboo shoots first.</p><p>然后放片儿川。</p></body></html>",
        )


def write_pdf(path: Path) -> None:
    """A page with two lines, by matplotlib."""
    from matplotlib import pyplot

    figure = pyplot.figure(figsize=(6, 2))
    figure.text(0.1, 0.7, "Bamboo shoots first.")
    figure.text(0.1, 0.3, "Then the greens.")
    figure.savefig(path)
    pyplot.close(figure)


def write_html(path: Path) -> None:
    """A page with a script in it."""
    path.write_text(
        "<html><head><title>Soup</title><script>alert(1)</script></head><body><h1>Soup</h1>"
        "<p>Bamboo shoots first.</p><p>然后放片儿川。</p></body></html>",
        encoding="utf-8",
    )


WRITERS = {"docx": write_docx, "epub": write_epub, "pdf": write_pdf, "html": write_html}


def text_of(document: Document) -> str:
    """All passages."""
    return "\n".join(excerpt.text for excerpt in excerpts_of(document))


@pytest.mark.parametrize("suffix", WRITERS)
def test_every_format_gives_its_words(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"2024-05-02 soup.{suffix}"
    WRITERS[suffix](path)
    document = read_document(path, path.name, ZONE)
    assert "Bamboo shoots first." in text_of(document)
    assert ("greens" if suffix == "pdf" else "片儿川") in text_of(document)
    assert "alert" not in text_of(document)
    assert document.written_at == datetime(2024, 5, 2, tzinfo=ZONE)


def test_markdown_is_read_as_a_reader_sees_it(tmp_path: Path) -> None:
    path = tmp_path / "essay.md"
    path.write_text(ESSAY, encoding="utf-8")
    document = read_document(path, "essay.md", ZONE)
    assert (document.title, document.written_at.date().isoformat()) == ("On noodles", "2024-05-02")
    assert [(e.section, e.text) for e in excerpts_of(document)] == [
        ("Soup", "I have eaten pian'er chuan every Thursday since 2011.\na bowl"),
        ("数据库", "我从 2016 年开始用 SQLite。它不需要服务器。"),
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030"])
def test_text_in_any_encoding_is_read(encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "note.txt"
    path.write_bytes("我从 2016 年开始用它存所有的聊天记录，不需要服务器。\r\n".encode(encoding))
    assert "不需要服务器" in text_of(read_document(path, "note.txt", ZONE))


@settings(max_examples=100, deadline=None, derandomize=True, database=None)
@given(st.text(alphabet=st.sampled_from("ab .!?。你好#*-`\n"), max_size=400))
def test_passages_keep_to_their_size_and_lose_no_word(text: str) -> None:
    document = Document("n", "t", WHEN, f"{text}\n\n" + "An ordinary sentence. " * 80)
    found = [excerpt.text for excerpt in excerpts_of(document)]
    assert all(estimate_tokens(part) <= PASSAGE_TOKENS * 3 for part in found)
    in_code = text.count("```") > 0
    assert in_code or " ".join(found).count("ordinary") >= 79


def test_a_passage_is_something_self_said_under_its_title(archive: Archive, talk: Talk) -> None:
    talk.say("kevin", "hi")
    talk.recorded(archive)
    [message] = messages_of(Document("a.md", "Soup", WHEN, "## Broth\nBamboo shoots first."))
    archive.add([message])
    [stored] = archive.get([message.id])
    assert stored.person.is_self
    assert stored.text == "Soup · Broth\nBamboo shoots first."
    assert [m.id for m, _score in archive.search("bamboo shoots")] == [message.id]


def test_a_document_read_again_replaces_itself(
    archive: Archive, talk: Talk, tmp_path: Path
) -> None:
    talk.say("kevin", "hi")
    talk.recorded(archive)
    folder = tmp_path / "essays"
    folder.mkdir()
    path = folder / "a.md"
    path.write_text("# A\nFirst words stay.\n\n# B\nSecond words go.", encoding="utf-8")
    os.utime(path, (1_700_000_000, 1_700_000_000))
    first = import_writings(archive, [folder], zone=ZONE)
    assert (first.documents, first.passages, first.new, first.removed) == (1, 2, 2, 0)
    again = import_writings(archive, [folder], zone=ZONE)
    assert (again.new, again.changed, again.removed) == (0, 0, 0)
    path.write_text("# A\nFirst words stay.\n\n# C\nThird words come.", encoding="utf-8")
    os.utime(path, (1_700_000_000, 1_700_000_000))
    last = import_writings(archive, [folder], zone=ZONE)
    assert (last.new, last.removed) == (1, 1)
    assert not archive.search("second go")
    assert archive.search("third come")


def test_one_damaged_document_does_not_stop_the_others(
    archive: Archive, talk: Talk, tmp_path: Path
) -> None:
    talk.say("kevin", "hi")
    talk.recorded(archive)
    (tmp_path / "docs").mkdir()
    for name in ("a.docx", "b.pdf", "c.epub"):
        (tmp_path / "docs" / name).write_bytes(b"not what it says")
    (tmp_path / "docs" / "d.md").write_text("Bamboo shoots first.", encoding="utf-8")
    (tmp_path / "docs" / "e.jpg").write_bytes(b"\xff\xd8")
    report = import_writings(archive, [tmp_path / "docs", tmp_path / "none.md"], zone=ZONE)
    assert report.documents == 1
    assert report.other_files == 1
    assert len(report.problems) == 4
    assert all("\n" not in problem for problem in report.problems)


def test_a_document_of_a_zip_bomb_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.docx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        block = bytes(1 << 20)
        with archive.open("word/document.xml", "w", force_zip64=True) as member:
            for _ in range(513):
                member.write(block)
    with pytest.raises(FormatError, match="unpacks to over 512 MiB"):
        read_document(path, "bomb.docx", ZONE)


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    from ingest.writings.passages import documents_at

    (tmp_path / "secret.md").write_text("secret", encoding="utf-8")
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "link.md").symlink_to(tmp_path / "secret.md")
    assert list(documents_at([tmp_path / "docs"], WritingsReport())) == []


def test_without_self_nobody_wrote_them(archive: Archive, tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="--self"):
        import_writings(archive, [tmp_path], zone=ZONE)
