"""Which lines the model is shown."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

from bot.history import Contexts
from ingest.chat import Kind, Message
from tests.bot.conftest import Say


def contexts(room: int = 1000) -> Contexts:
    return Contexts(gap=timedelta(minutes=30), room=room, length=lambda text: len(text.split()))


def texts(messages: tuple[Message, ...]) -> list[str]:
    return [message.text for message in messages]


def test_the_thread_being_answered_is_shown(say: Say) -> None:
    old = say("bob", "long ago")
    asked = say("fox", "tea?", minutes=90)
    answered = say("self", "yes")
    history = [old, asked, answered, say("fox", "green?")]
    assert texts(contexts().choose(history)) == ["tea?", "yes", "green?"]


def test_a_line_that_stands_alone_is_shown_with_the_lines_around_it(say: Say) -> None:
    history = [say("bob", "tea?"), say("fox", "coffee!", minutes=29), say("ann", "hi", minutes=29)]
    assert texts(contexts().choose(history)) == ["tea?", "coffee!", "hi"]


def test_commands_and_bots_are_left_out(say: Say) -> None:
    command = replace(say("bob", "/stats"), kind=Kind.COMMAND)
    assert texts(contexts().choose([command, say("bob", "hm")])) == ["hm"]


def test_a_growing_chat_keeps_its_first_line_and_then_drops_half_at_once(say: Say) -> None:
    chosen = contexts(room=200)
    history: list[Message] = []
    firsts = []
    for number in range(60):
        history.append(say("bob", f"line {number}", minutes=0.1))
        shown = chosen.choose(history)
        assert shown[-1] is history[-1]
        assert sum(8 + 3 for _ in shown) <= 200
        firsts.append(shown[0].id)
    changes = sum(a != b for a, b in pairwise(firsts))
    assert 3 <= changes <= 8


def test_a_huge_message_is_shortened_to_leave_room(say: Say) -> None:
    history = [say("bob", "hi"), say("bob", "word " * 5000)]
    shown = contexts(room=100).choose(history)
    assert shown[-1].text.endswith("…")
    assert len(shown[-1].text.split()) <= 50


def test_two_conversations_at_once_are_told_apart(say: Say) -> None:
    history = [
        say("ann", "who moved the big soup pot? the barley soup needs it"),
        say("bob", "hi all! has anybody fixed the brakes of the red bicycle?", minutes=25),
        say("cem", "ann: the soup pot is drying on the balcony"),
        say("dee", "bob: the bicycle brakes need new pads, I ordered some"),
        *(say("ann", f"cem: soup pot found, soup step {step}") for step in range(8)),
        say("bob", "dee: great, when do the bicycle brake pads arrive?"),
    ]
    shown = texts(contexts().choose(history))
    assert {history[1].text, history[3].text, history[-1].text} <= set(shown)
    assert len(shown) < len(history)


def test_a_quoted_message_is_shown_however_long_ago(say: Say) -> None:
    old = say("ann", "the spare key hangs behind the door")
    between = [say("bob", f"noodles {number}", minutes=2) for number in range(80)]
    asked = replace(say("cem", "still there?", minutes=600), reply_to=old.id)
    assert contexts().choose([old, *between, asked])[0] is old


def test_asking_again_shows_the_same(say: Say) -> None:
    chosen = contexts(room=300)
    history = [say("ann" if n % 2 else "bob", f"line {n}", minutes=0.2) for n in range(40)]
    assert chosen.choose(history) == chosen.choose(history)


def test_what_was_shown_stays_while_the_conversation_goes_on(say: Say) -> None:
    chosen = contexts()
    history = [say("ann", "有人看到我的自行车钥匙吗"), say("bob", "自行车钥匙在鞋柜上面")]
    before = chosen.choose(history)
    for number in range(20):
        history.append(say("ann" if number % 2 else "bob", f"钥匙 {number}", minutes=0.3))
        shown = chosen.choose(history)
        assert shown[: len(before)] == before
        before = shown


def test_topics_of_one_chat_are_heard_apart(say: Say) -> None:
    both = contexts()
    rooms: dict[str, list[Message]] = {"tea": [], "trains": []}
    for number in range(12):
        for topic, said in rooms.items():
            said.append(say("ann" if number % 2 else "bob", f"{topic} {number}", minutes=0.2))
            assert both.choose(said, topic) == contexts().choose(said)[-len(said) :]
    assert len(both._listener._chats) == 2
