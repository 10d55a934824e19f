"""The benchmark of replies: what is asked, and how answers are scored."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks import recall_replies
from benchmarks._replies import REACH, ask, score
from ingest.archive import Archive
from tests.ingest.talk import Talk, write_telegram


def talk(length: int = 90) -> Talk:
    """A chat in which every fifth line quotes the second before it."""
    chat = Talk()
    said = [chat.say("bob", "锅里还有什么？")]
    for number in range(1, length):
        who = ("anna", "bob", "kevin")[number % 3]
        quoted = said[-2] if number % 5 == 0 else None
        said.append(chat.say(who, f"第{number}碗面, bowl {number}", reply_to=quoted))
    return chat


def test_replies_in_reach_are_asked_about(tmp_path: Path) -> None:
    with Archive.open(tmp_path / "a.sqlite", create=True) as archive:
        messages = talk().recorded(archive)
    replies = {message.id: [message.reply_to or ""] for message in messages}
    asked = list(ask(messages, replies))
    assert len(asked) == (90 - REACH) // 5
    assert {question.right for question in asked} == {(1,)}
    assert asked[0].near[1].id == asked[0].message.reply_to
    wanted = np.array([[float(place == 1) for place in range(REACH)]] * len(asked))
    assert score(asked, wanted).first == score(asked, wanted).mrr == 1
    assert score(asked, wanted * 0).first == 0
    assert score(asked, wanted * 0).mrr == 0.5


def test_the_table_needs_no_truth(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    export = write_telegram(talk(), tmp_path / "result.json")
    recall_replies.main([str(export), "--no-embedder", "--queries", "5"])
    shown = capsys.readouterr().out
    assert "5 replies" in shown
    assert "ours, adapted" in shown
    assert "topic known" not in shown


def test_a_chat_without_replies_says_so(tmp_path: Path) -> None:
    chat = Talk()
    chat.say("bob", "alone")
    export = write_telegram(chat, tmp_path / "result.json")
    with pytest.raises(SystemExit, match="nobody replies"):
        recall_replies.main([str(export), "--no-embedder"])
