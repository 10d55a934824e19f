"""The dataset: the same bytes for the same input, split by time, whole or not there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import orjson
import pytest

from ingest.archive import Archive
from ingest.chat import Passage
from ingest.dataset.build import build
from ingest.dataset.manifest import SPLITS, DatasetManifest, read_manifest
from ingest.dataset.memory import Asked, recaller
from ingest.dataset.threadbook import ThreadBook
from ingest.errors import ArchiveError, DatasetError
from ingest.prompt import RENDERER
from tests.ingest.datasets import NOW, ROUNDS, built, files, lines_of, settings, windows
from tests.ingest.talk import Talk

__all__ = ["built"]


def test_the_same_input_gives_the_same_bytes(
    built: Callable[..., DatasetManifest], home: Path
) -> None:
    first = built()
    before = files(home)
    splits = [f"{split}.jsonl" for split in SPLITS]
    silence = (f"silence.{name}" for name in splits)
    assert set(before) == {"manifest.json", "preferences.jsonl", *splits, *silence}
    assert built() == first
    assert files(home) == before


def test_the_order_of_import_does_not_matter(
    built: Callable[..., DatasetManifest], talk: Talk, home: Path, tmp_path: Path
) -> None:
    first = built()
    with Archive.open(tmp_path / "other.sqlite", create=True) as other:
        for part in (talk.messages[200:], talk.messages[:220]):
            other.add(part)
        other.set_self("kevin")
        chosen = settings()
        again = build(other, home / "other", chosen, now=NOW, recall=recaller(other, chosen))
    assert again.hash == first.hash


def test_another_seed_throws_other_dice(built: Callable[..., DatasetManifest]) -> None:
    assert built().hash != built(dataset__seed=8).hash


def test_the_manifest_tells_what_the_dataset_is_made_of(
    built: Callable[..., DatasetManifest], archive: Archive, home: Path
) -> None:
    manifest = built()
    assert read_manifest(home / "dataset") == manifest
    assert manifest.renderer == RENDERER
    assert (manifest.self_handle, manifest.self_name) == ("kevin", "Kevin")
    assert manifest.chats == ["Noodle Club"]
    assert manifest.created_at == "2026-06-01T00:00:00+00:00"
    assert manifest.archive_revision == archive.revision
    assert manifest.head.startswith("You are Kevin, written @self,")
    assert manifest.languages == {"en": 1.0}
    for split in SPLITS:
        found = windows(home, split)
        counts = manifest.splits[split]
        assert counts.windows == len(found)
        assert counts.replies == sum(len(window.replies) for window in found)
        assert counts.messages == sum(len(lines_of(window)) for window in found)
        assert counts.tokens > counts.messages
    learned = sum(split.replies for split in manifest.splits.values())
    assert (learned, manifest.learned, manifest.written) == (ROUNDS, ROUNDS, ROUNDS)
    assert manifest.dropped == {}


def test_the_name_and_the_card_of_the_settings_come_into_the_head(
    built: Callable[..., DatasetManifest],
) -> None:
    manifest = built(persona__name="Kev", persona__card="Likes spicy food.")
    assert manifest.head.startswith("You are Kev, written @self,")
    assert manifest.head.endswith("Likes spicy food.")


def test_splits_follow_each_other_in_time_without_overlap(
    built: Callable[..., DatasetManifest], home: Path
) -> None:
    manifest = built()
    periods = []
    for split in SPLITS:
        times = [
            line.sent_at
            for window in windows(home, split)
            for turn in window.turns
            for line in turn.lines
            if line.sent_at
        ]
        periods.append((min(times), max(times)))
    train, validation, test = periods
    assert train[1] < validation[0] <= validation[1] < test[0]
    assert train[1] < datetime.fromisoformat(manifest.borders["validation"]) <= validation[1]
    assert validation[1] < datetime.fromisoformat(manifest.borders["test"]) <= test[1]
    shares = [manifest.splits[split].replies / ROUNDS for split in SPLITS]
    assert shares == pytest.approx([0.88, 0.06, 0.06], abs=0.03)


def test_a_thread_that_crosses_a_border_is_left_out_and_counted(
    built: Callable[..., DatasetManifest], archive: Archive, talk: Talk, home: Path
) -> None:
    talk.chatter(ROUNDS)
    assert built().dropped == {}
    quoted = talk.messages[0]
    again = talk.say("bob", "about that very first one", minutes=90, reply_to=quoted)
    talk.say("kevin", "which crosses every border", reply_to=again)
    talk.recorded(archive)
    assert built().dropped == {"thread crosses a split border": 1}
    everywhere = [text for split in SPLITS for w in windows(home, split) for text in lines_of(w)]
    assert "which crosses every border" not in everywhere
    assert everywhere.count("question 0 about noodles") == 1


def test_what_is_not_learned_is_counted_by_reason(
    built: Callable[..., DatasetManifest], talk: Talk
) -> None:
    talk.chatter(ROUNDS // 2)
    talk.say("bob", "seen this?", minutes=60)
    talk.say("kevin", "news", forwarded_from="News")
    talk.say("bob", "and?")
    talk.say("kevin", "https://example.org")
    talk.chatter(ROUNDS // 2)
    manifest = built()
    assert manifest.dropped == {"forward": 1, "link only": 1}
    assert manifest.rules["forward"].examples == [talk.messages[ROUNDS // 2 * 3 + 1].id]
    assert manifest.rules["forward"].share == pytest.approx(1 / manifest.written, abs=1e-5)
    assert manifest.learned == manifest.written - 2


def test_windows_come_back_as_they_were_cut(
    built: Callable[..., DatasetManifest], home: Path
) -> None:
    built(dataset__memory_share=1.0)
    for window in windows(home, "train"):
        assert [turn.is_self for turn in window.turns] == [False, True]
        assert [turn.is_target for turn in window.turns] == [False, True]
        reply = window.turns[1].lines[0]
        assert (reply.handle, reply.is_self) == ("self", True)
        assert reply.sent_at is not None
        assert reply.message_id.startswith("test:chat:")


def test_too_few_messages_of_self_are_refused_in_one_line(
    built: Callable[..., DatasetManifest], talk: Talk, home: Path
) -> None:
    talk.chatter(29)
    with pytest.raises(DatasetError, match="only 29 messages by @self, 30 are needed") as caught:
        built()
    assert "lower dataset.min_replies" in str(caught.value)
    assert not (home / "dataset").exists()


def test_messages_that_answer_nobody_are_too_few_replies(
    built: Callable[..., DatasetManifest], talk: Talk, home: Path
) -> None:
    for number in range(50):
        talk.say("kevin", f"monologue {number}", minutes=60)
    with pytest.raises(DatasetError, match="only 0 replies to others by @self"):
        built()
    assert list((home / "dataset").iterdir()) == []


def test_without_self_there_is_nothing_to_learn(archive: Archive, talk: Talk, home: Path) -> None:
    talk.chatter(40)
    talk.recorded(archive, me=None)
    with pytest.raises(ArchiveError, match="does not know who @self is"):
        build(archive, home / "dataset", settings(), now=NOW)


def test_no_manifest_is_there_before_the_end(archive: Archive, talk: Talk, home: Path) -> None:
    talk.chatter(ROUNDS)
    talk.recorded(archive)
    seen: list[bool] = []

    def look(_asked: Asked, _book: ThreadBook) -> tuple[Passage, ...]:
        seen.append((home / "dataset" / "manifest.json").exists())
        return ()

    build(archive, home / "dataset", settings(), now=NOW, recall=look)
    assert seen
    assert not any(seen)
    assert (home / "dataset" / "manifest.json").exists()


def test_an_earlier_dataset_survives_a_build_that_fails(
    built: Callable[..., DatasetManifest], archive: Archive, home: Path
) -> None:
    built()
    before = files(home)
    with pytest.raises(DatasetError):
        built(dataset__min_replies=ROUNDS + 1)
    asked = 0

    def fail_late(_asked: Asked, _book: ThreadBook) -> tuple[Passage, ...]:
        nonlocal asked
        asked += 1
        if asked == 10:
            raise OSError("the disk fell out")
        return ()

    with pytest.raises(OSError, match="fell out"):
        build(archive, home / "dataset", settings(), now=NOW, recall=fail_late)
    assert files(home) == before


def test_a_build_that_fails_among_its_renames_leaves_no_manifest(
    built: Callable[..., DatasetManifest], home: Path
) -> None:
    built()
    (home / "dataset" / "test.jsonl").unlink()
    (home / "dataset" / "test.jsonl").mkdir()  # cannot be replaced by a file
    with pytest.raises(OSError, match="directory"):
        built(dataset__seed=8)
    with pytest.raises(DatasetError, match="no dataset yet"):
        read_manifest(home / "dataset")


def test_reading_a_dataset_that_is_not_there_says_what_to_run(home: Path) -> None:
    with pytest.raises(DatasetError, match="no dataset yet; run: atself dataset"):
        read_manifest(home / "dataset")
    (home / "dataset").mkdir()
    (home / "dataset" / "manifest.json").write_text('{"hash": ', encoding="utf-8")
    with pytest.raises(DatasetError, match=r"damaged .*; run: atself dataset"):
        read_manifest(home / "dataset")


def test_secrets_are_redacted_in_lines_and_memories_and_counted(
    built: Callable[..., DatasetManifest], talk: Talk, home: Path
) -> None:
    talk.say("bob", "my mail is bob@example.org, noodles question")
    talk.say("kevin", "mine is +44 20 7946 0958")
    talk.chatter(ROUNDS)
    manifest = built(dataset__memory_share=1.0)
    content = b"".join(files(home).values())
    assert b"bob@example.org" not in content
    assert b"7946" not in content
    assert "my mail is [email], noodles question" in lines_of(windows(home, "train")[0])
    assert manifest.redacted["email"] >= 1
    assert manifest.redacted["phone"] >= 1
    built(dataset__memory_share=1.0, ingest__redact=False)
    assert b"bob@example.org" in b"".join(files(home).values())


def test_a_private_name_in_the_settings_is_all_that_is_kept_of_them(
    built: Callable[..., DatasetManifest], home: Path
) -> None:
    built()
    manifest = orjson.loads((home / "dataset" / "manifest.json").read_bytes())
    assert set(manifest["settings"]) == set(settings().dataset.model_dump())


def test_several_chats_are_learned_from_together(
    built: Callable[..., DatasetManifest], archive: Archive, talk: Talk, home: Path
) -> None:
    other = Talk("test:other", "Other Club")
    other.chatter(ROUNDS)
    talk.chatter(ROUNDS)
    talk.recorded(archive)
    archive.add(replace(message) for message in other.messages)
    manifest = built()
    assert manifest.chats == ["Noodle Club", "Other Club"]
    assert {window.chat for window in windows(home, "test")} == {"test:chat", "test:other"}


def test_writings_never_become_windows(
    built: Callable[..., DatasetManifest], archive: Archive, talk: Talk, home: Path
) -> None:
    essay = Talk("writing:essay", "Essay")
    essay.chat = replace(essay.chat, platform="writing")
    for number in range(40):
        essay.say("kevin", f"chapter {number} of a long story")
    archive.add(essay.messages)
    talk.chatter(ROUNDS)
    talk.recorded(archive)
    manifest = built()
    assert manifest.dropped == {"writing": 40}
    assert manifest.chats == ["Noodle Club"]
    assert {window.chat for window in windows(home, "train")} == {"test:chat"}


def test_a_manifest_from_before_there_were_reports_is_read(
    built: Callable[..., DatasetManifest], home: Path
) -> None:
    built()
    path = home / "dataset" / "manifest.json"
    data = orjson.loads(path.read_bytes())
    for name in ("written", "learned", "rules", "redacted", "silence"):
        del data[name]
    del data["splits"]["train"]["openers"]
    path.write_bytes(orjson.dumps(data))
    assert read_manifest(home / "dataset").rules == {}
    path.write_bytes(orjson.dumps(data | {"dreams": 1}))
    with pytest.raises(DatasetError, match="newer atself; run: atself dataset"):
        read_manifest(home / "dataset")


def test_national_phone_numbers_are_known_by_time_zone_and_by_setting(
    built: Callable[..., DatasetManifest], talk: Talk, home: Path
) -> None:
    talk.say("bob", "call 0812-3456-7890 about the noodles")
    talk.say("kevin", "tomorrow")
    talk.chatter(ROUNDS)
    assert built(dataset__memory_share=0.0).redacted == {}
    for known in ({"ingest__time_zone": "Asia/Jakarta"}, {"ingest__phone_regions": "ID"}):
        assert built(dataset__memory_share=0.0, **known).redacted == {"phone": 1}
