"""The export that benchmarks make of a smaller one: any size, and every line of it sound."""

from __future__ import annotations

from datetime import UTC
from itertools import islice
from pathlib import Path

from benchmarks._scaled import SAMPLE, append, base_messages, scaled, write_export
from ingest.archive import Archive
from ingest.importer import import_paths


def test_a_scaled_export_has_new_ids_and_later_dates_each_round() -> None:
    count = sum(1 for _ in base_messages(SAMPLE))
    messages = list(islice(scaled(SAMPLE), count * 2))
    assert len({message["id"] for message in messages}) == count * 2
    dates = [message["date"] for message in messages]
    assert dates == sorted(dates)
    texts = [message["text"] for message in messages]
    changed = sum(a != b for a, b in zip(texts[:count], texts[count:], strict=True))
    assert count // 8 < changed < count // 2


def test_a_scaled_export_is_imported_whole_and_grows_at_its_end(
    archive: Archive, tmp_path: Path
) -> None:
    path = tmp_path / "result.json"
    count = write_export(SAMPLE, path, size=2_000_000)
    assert 2_000_000 <= path.stat().st_size < 2_200_000
    report = import_paths(archive, [path], zone=UTC)
    assert report.problems == []
    assert report.added.new + report.skipped.total() == count
    append(path, {"id": 10**9, "type": "message", "date": "2100-01-01T00:00:00", "text": "end"})
    again = import_paths(archive, [path], zone=UTC).added
    assert (again.new, again.same, again.changed) == (1, report.added.new, 0)
