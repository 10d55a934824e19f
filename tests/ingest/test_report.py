"""The report: every rule with its count and examples, and a page that needs no network."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from lxml import html

from config.settings import load
from ingest.archive import Archive
from ingest.charts import bars, by_month, histogram
from ingest.dataset import build
from ingest.errors import DatasetError
from ingest.report import busiest, read_numbers
from ingest.report_page import write_page
from tests.ingest.talk import Talk

NOW = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.fixture
def dataset(archive: Archive, talk: Talk, home: Path) -> Path:
    """The dataset of a chat with something to leave out."""
    talk.chat = type(talk.chat)("test:chat", "深夜 <script>alert(1)</script> 🌊", "test")
    talk.chatter(60)
    talk.say("bob", "and?")
    talk.say("kevin", "news for bob@example.org <b>", forwarded_from="News")
    talk.say("bob", "my mail is bob@example.org")
    talk.say("kevin", "noted")
    talk.say("kevin", "twice", minutes=0.2)
    talk.recorded(archive)
    build(archive, home / "dataset", load(home), now=NOW)
    return home / "dataset"


def test_the_page_is_whole_by_itself_and_shows_no_secrets(
    dataset: Path, archive: Archive, home: Path
) -> None:
    page = write_page(dataset, archive, load(home)).read_text("utf-8")
    tree = html.document_fromstring(page)
    assert tree.xpath("//script | //link | //img | //iframe | //*[@src]") == []
    assert re.findall(r'(?:href|src)="(?!#)[^"]*"|@import|url\(\s*[^#)]', page) == []
    assert "bob@example.org" not in page
    assert "news for [email] &lt;b&gt;" in page
    assert "深夜 &lt;script&gt;" in page
    assert len(tree.xpath("//figure/svg")) == 10
    assert "prefers-color-scheme: dark" in page
    assert "#01010" not in page  # every stand-in colour has become the page's
    assert "The archive has changed" not in page


def test_the_same_dataset_gives_the_same_page(dataset: Path, archive: Archive, home: Path) -> None:
    first = write_page(dataset, archive, load(home)).read_bytes()
    assert write_page(dataset, archive, load(home)).read_bytes() == first


def test_the_page_says_when_the_archive_has_moved_on(
    dataset: Path, archive: Archive, talk: Talk, home: Path
) -> None:
    talk.say("bob", "one more")
    talk.recorded(archive)
    assert "The archive has changed" in write_page(dataset, archive, load(home)).read_text("utf-8")


def test_a_new_dataset_takes_the_page_of_the_old_away(
    dataset: Path, archive: Archive, home: Path
) -> None:
    page = write_page(dataset, archive, load(home))
    build(archive, dataset, load(home), now=NOW)
    assert not page.exists()


def test_without_a_dataset_there_is_no_page(archive: Archive, home: Path) -> None:
    with pytest.raises(DatasetError, match="no dataset yet"):
        write_page(home / "dataset", archive, load(home))


def test_numbers_are_read_off_the_windows(dataset: Path) -> None:
    numbers = read_numbers(dataset, zone=ZoneInfo("Asia/Jakarta"), dated={"test:chat"})
    assert sum(numbers.reply_messages) == numbers.chats["test:chat"] == 62
    assert list(numbers.pauses) == [12.0]
    assert sum(numbers.hours.values()) == 62
    assert sum(sum(month.values()) for month in numbers.months.values()) == 62
    assert set(numbers.delays) == {60.0}
    assert max(numbers.weights) == 1.0
    undated = read_numbers(dataset, zone=ZoneInfo("UTC"), dated=set())
    assert not undated.hours
    assert not undated.delays


def test_small_counts_are_gathered() -> None:
    counts = {"a": 3, "b": 9, "c": 1, "d": 1}
    assert busiest(counts, 2) == [("b", 9), ("a", 3), ("others", 2)]
    assert busiest(counts, 4) == [("b", 9), ("a", 3), ("c", 1), ("d", 1)]


@pytest.mark.parametrize(
    "values", [[], [5], [1, 1, 1], [0.05, 1.0], [0, 1, 10**6], list(range(99))]
)
@pytest.mark.parametrize("is_log", [False, True])
def test_any_numbers_can_be_drawn(values: list[float], is_log: bool) -> None:
    svg = histogram(values, "<units>", is_log=is_log, is_count_log=not is_log)
    assert svg.startswith("<svg viewBox=")
    assert "&lt;units&gt;" in svg
    assert svg == histogram(values, "<units>", is_log=is_log, is_count_log=not is_log)


def test_months_without_a_word_have_their_place() -> None:
    border = datetime(2026, 1, 15, tzinfo=UTC).date()
    months = {"2025-11": {"train": 3}, "2026-02": {"test": 1}}
    svg = by_month(months, {"validation": border, "test": datetime(1999, 1, 1, tzinfo=UTC).date()})
    for month in ("2025-11", "2025-12", "2026-01", "2026-02"):
        assert month in svg
    assert by_month({}, {}).startswith("<svg")
    assert bars({3: 2}, range(24), "hour").startswith("<svg")
