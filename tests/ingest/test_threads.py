"""Which message answers which: the evidence, one kind at a time and together."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.archive import Archive
from ingest.chat import Message, Thread
from ingest.linker.stream import REMEMBERED
from ingest.threads import MAX_MESSAGES, recover_threads, thread_with
from tests.ingest.talk import START, Talk, person, texts

GAP = timedelta(minutes=30)


def threads_of(archive: Archive, talk: Talk) -> list[Thread]:
    """The threads of a conversation."""
    return list(recover_threads(talk.recorded(archive), gap=GAP))


def grouped(archive: Archive, talk: Talk) -> list[list[str]]:
    """The texts of each thread, in the order the threads began."""
    threads = sorted(threads_of(archive, talk), key=lambda thread: thread.messages[0].sent_at)
    return [texts(thread.messages) for thread in threads]


def reasons(archive: Archive, talk: Talk) -> dict[str, str]:
    """Text → why it was linked to what it answers."""
    found = {}
    for thread in threads_of(archive, talk):
        text = {message.id: message.text for message in thread.messages}
        found.update(
            {text[link.source]: f"{link.reason} {text[link.target]}" for link in thread.links}
        )
    return found


def test_an_explicit_reply_beats_every_other_sign(archive: Archive, talk: Talk) -> None:
    first = talk.say("anna", "who has the key?")
    talk.say("bob", "lunch?", minutes=20)
    talk.say("kevin", "yes, noodles", minutes=0.1)
    talk.say("kevin", "me", minutes=0.1, reply_to=first, mentions=["bob"])
    assert reasons(archive, talk)["me"] == "reply who has the key?"


def test_a_mention_answers_the_last_line_of_the_one_mentioned(archive: Archive, talk: Talk) -> None:
    talk.say("anna", "who has the key?")
    talk.say("bob", "lunch?")
    talk.say("kevin", "@Anna me", mentions=["anna"])
    assert reasons(archive, talk)["@anna me"] == "mention who has the key?"


def test_mentioning_oneself_is_no_sign(archive: Archive, talk: Talk) -> None:
    talk.say("kevin", "first", minutes=1)
    talk.say("bob", "lunch?", minutes=20)
    talk.say("kevin", "@Kevin was here", mentions=["kevin"])
    assert not reasons(archive, talk).get("@kevin was here", "").startswith("mention")


def test_typing_on_continues_ones_own_line(archive: Archive, talk: Talk) -> None:
    talk.say("anna", "an hour-old matter")
    talk.say("bob", "so about tomorrow", minutes=20)
    talk.say("bob", "and the day after, too", minutes=0.2)
    assert reasons(archive, talk)["and the day after, too"] == "burst so about tomorrow"


def test_whoever_took_part_in_an_exchange_stays_in_it(archive: Archive, talk: Talk) -> None:
    talk.say("anna", "who has the key to the cellar?")
    talk.say("cara", "anna: dan has it", minutes=0.5)
    talk.say("bob", "is there any soup left for me?", minutes=0.2)
    talk.say("anna", "cara: and where is dan?", minutes=0.2)
    talk.say("cara", "in the garden, he said", minutes=0.2)
    assert reasons(archive, talk)["in the garden, he said"] == "exchange cara: and where is dan?"


def test_the_next_to_speak_answers_the_last(archive: Archive, talk: Talk) -> None:
    talk.say("anna", "where shall we eat?")
    talk.say("bob", "not at the canteen again", minutes=0.3)
    assert reasons(archive, talk) == {"not at the canteen again": "next where shall we eat?"}
    assert grouped(archive, talk) == [["where shall we eat?", "not at the canteen again"]]


def test_two_conversations_at_once_are_told_apart_by_replies(archive: Archive, talk: Talk) -> None:
    key = talk.say("anna", "who has the key?")
    talk.say("dan", "old", minutes=40)
    key = talk.say("anna", "again: the key?", minutes=40)
    lunch = talk.say("bob", "lunch?", reply_to=talk.messages[1])
    answer = talk.say("cara", "I have it", reply_to=key)
    talk.say("dan", "noodles", reply_to=lunch)
    talk.say("anna", "bring it", reply_to=answer)
    assert grouped(archive, talk) == [
        ["who has the key?"],
        ["old"],
        ["old", "lunch?", "noodles"],
        ["again: the key?", "I have it", "bring it"],
    ]


def test_a_silence_longer_than_the_gap_ends_a_thread(archive: Archive, talk: Talk) -> None:
    talk.say("anna", "who has the key?")
    talk.say("bob", "anna: me", minutes=30)
    talk.say("anna", "bob: bring it", minutes=30.1)
    assert grouped(archive, talk) == [["who has the key?", "anna: me"], ["bob: bring it"]]


def test_a_reply_over_a_gap_starts_a_thread_that_quotes(archive: Archive, talk: Talk) -> None:
    old = talk.say("anna", "where shall we eat?")
    talk.say("bob", "hm")
    talk.say("kevin", "at the canteen", minutes=500, reply_to=old)
    assert grouped(archive, talk) == [
        ["where shall we eat?", "hm"],
        ["where shall we eat?", "at the canteen"],
    ]


def test_a_reply_to_what_the_archive_lacks_is_linked_by_the_rest(
    archive: Archive, talk: Talk
) -> None:
    lost = Talk("test:elsewhere").say("anna", "deleted")
    talk.say("bob", "is there any soup?")
    talk.say("kevin", "bob: indeed", reply_to=lost)
    assert reasons(archive, talk) == {"bob: indeed": "mention is there any soup?"}


def test_conversations_never_mix(archive: Archive) -> None:
    for chat in ("test:1", "test:2"):
        talk = Talk(chat)
        talk.say("anna", "who has the key?")
        talk.say("bob", "anna: me")
        talk.recorded(archive)
    threads = list(recover_threads(archive.messages(), gap=GAP))
    assert [{message.chat for message in thread.messages} for thread in threads] == [
        {"test:1"},
        {"test:2"},
    ]


def test_a_long_thread_comes_in_bounded_pieces_that_overlap_by_what_they_answer() -> None:
    messages = conversation(MAX_MESSAGES * 2 + 100)
    threads = list(recover_threads(messages, gap=GAP))
    assert max(len(thread.messages) for thread in threads) <= MAX_MESSAGES
    assert len(threads) == 3
    for before, after in pairwise(threads):
        assert after.messages[0] in before.messages[-2:]
        assert {m.person.handle for m in after.messages} == {"anna", "bob"}
    assert {m.id for thread in threads for m in thread.messages} == {m.id for m in messages}


def test_a_reply_reaches_back_only_as_far_as_is_remembered() -> None:
    messages = conversation(REMEMBERED + 10)
    first, last = messages[0], messages[-1]
    threads = list(recover_threads([*messages[:-1], replace(last, reply_to=first.id)], gap=GAP))
    assert not any(link.reason == "reply" for thread in threads for link in thread.links)


def conversation(length: int) -> list[Message]:
    """Two people taking turns."""
    speakers = (person("anna"), person("bob"))
    return [
        Message(
            f"test:{number}",
            "test:chat",
            speakers[number % 2],
            START + timedelta(minutes=number),
            f"line {number}",
        )
        for number in range(length)
    ]


def test_the_thread_of_a_message_is_where_it_was_said(archive: Archive, talk: Talk) -> None:
    old = talk.say("anna", "where shall we eat?")
    talk.say("bob", "hm")
    talk.say("kevin", "at the canteen", minutes=500, reply_to=old)
    thread = thread_with(talk.recorded(archive), old.id, gap=GAP)
    assert thread is not None
    assert texts(thread.messages) == ["where shall we eat?", "hm"]
    assert thread_with(talk.recorded(archive), "test:nothing", gap=GAP) is None


@settings(deadline=None, max_examples=60, derandomize=True)
@given(
    st.lists(
        st.tuples(
            st.sampled_from("abcd"),
            st.floats(0, 90),
            st.none() | st.integers(0, 40),
            st.none() | st.sampled_from("abcd"),
        ),
        max_size=60,
    )
)
def test_every_message_is_said_in_exactly_one_thread_in_order(
    spec: list[tuple[str, float, int | None, str | None]],
) -> None:
    messages: list[Message] = []
    now = START
    for number, (who, minutes, back, mention) in enumerate(spec):
        now += timedelta(minutes=minutes)
        reply_to = f"test:{number - back}" if back and back <= number else None
        mentions = (mention,) if mention else ()
        messages.append(
            Message(
                f"test:{number}", "c", person(who), now, "x", reply_to=reply_to, mentions=mentions
            )
        )
    threads = list(recover_threads(messages, gap=GAP))
    said = [message.id for thread in threads for message in own_messages(thread)]
    assert sorted(said) == sorted(message.id for message in messages)
    for thread in threads:
        instants = [message.sent_at for message in thread.messages]
        assert instants == sorted(instants)
        inside = {message.id for message in thread.messages}
        assert all(link.source in inside and link.target in inside for link in thread.links)
        own = own_messages(thread)
        pauses = [b.sent_at - a.sent_at for a, b in pairwise(own)]
        assert all(pause <= GAP for pause in pauses)


def own_messages(thread: Thread) -> tuple[Message, ...]:
    """A thread's messages without the one it quotes: such a thread bears its second's id."""
    is_quoting = thread.messages[0].id != thread.id
    return thread.messages[1:] if is_quoting else thread.messages


@pytest.mark.parametrize("minutes", [29.9, 30.1])
def test_a_mention_does_not_reach_over_the_gap(
    archive: Archive, talk: Talk, minutes: float
) -> None:
    talk.say("anna", "hello")
    talk.say("bob", "@Anna hello", minutes=minutes, mentions=["anna"])
    assert (len(grouped(archive, talk)) == 1) == (minutes < 30)
