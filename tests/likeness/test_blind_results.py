"""Blind tests without a browser: what is fair to show, codes, who was right, who may post."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from aiohttp import ClientResponse, ClientSession
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from config.settings import Home
from ingest.archive import Archive
from ingest.chat import Line
from likeness.blind.blindtest import BlindTest, drop_texts, read_test, write_test
from likeness.blind.codes import ALPHABET, LONGEST_NAME, Answers, clean_name, decode, encode
from likeness.blind.commands import blind
from likeness.blind.making import make, require_there
from likeness.blind.page import page_of
from likeness.blind.pairing import Group, make_test
from likeness.blind.results import Added, add, results, summary, verdict
from likeness.blind.serving import Serving
from likeness.errors import LikenessError
from likeness.records import Player, Role, Scene, SceneKind
from tests.likeness.friends import DEN, FULL, evaluation_of, friends_home
from tests.likeness.made import NOON

NOW = datetime(2026, 4, 1, tzinfo=UTC)
EVERYONE = Group(DEN.id, DEN.title, "Kevin", {}, str, lambda ids: True)


class Mirrored(Random):
    """Throws the other side each time; shuffles alike."""

    def randrange(self, *args: Any, **options: Any) -> int:
        return 1 - super().randrange(*args, **options)


@pytest.fixture
def place(tmp_path: Path) -> Home:
    return friends_home(tmp_path / "persona")


def kept(place: Home) -> BlindTest:
    test, _ = make(place, None, None, None, scenes=20, dice=Random(3))
    write_test(place, test)
    return test


def answers(test: BlindTest, right: int, *, friend: str = "Ana", who: str = "0a0b0c") -> Answers:
    """The first ``right`` answers right, the others wrong."""
    choices = (p.real if n < right else 1 - p.real for n, p in enumerate(test.pairs))
    return Answers(test.id, who, friend, tuple(choices))


def scene(number: int, real: tuple[str, ...], *earlier: Line, cluster: str = "") -> Scene:
    at = NOON + timedelta(hours=number)
    before = (*earlier, Line("fox", f"question {number}", message_id=f"m{number}", sent_at=at))
    return Scene(f"s{number}", SceneKind.HELD_OUT, DEN.id, at, before, real, cluster=cluster)


def test_the_page_would_be_the_same_byte_for_byte_had_the_model_said_selfs_words(
    tmp_path: Path,
) -> None:
    pages = []
    for name, swap, dice in (("a", False, Random(5)), ("b", True, Mirrored(5))):
        home = friends_home(tmp_path / name, swap=swap)
        test, _ = make(home, None, None, None, scenes=20, dice=dice)
        pages.append((page_of(replace(test, id="01234567")), [p.real for p in test.pairs]))
    (page, sides), (mirrored, others) = pages
    assert page == mirrored
    assert others == [1 - side for side in sides]
    assert set(sides) == {0, 1}


def test_nothing_of_the_key_stands_in_the_page(place: Home) -> None:
    test = kept(place)
    page = page_of(test)
    for secret in ("real", test.evaluation, test.version, "held out", "plain:den", "2026-03"):
        assert f'"{secret}' not in page
    assert 'content="default-src' in page
    assert "connect-src &#39;none&#39;" in page or "connect-src 'none'" in page


def test_scenes_that_would_tell_are_left_out_with_the_reason(tmp_path: Path) -> None:
    cases = [
        (scene(0, ("fine",)), ("sure",)),
        (scene(1, ("OK!",)), ("ok",)),
        (scene(2, ("[photo]",)), ("look",)),
        (scene(3, ("yes",)), ()),
        (scene(4, ("long " * 200,)), ("short",)),
        (scene(5, ("my mail: a@example.com",)), ("no",)),
        (scene(6, ("later",), Line("kevin", "Fine.", is_self=True)), ("never",)),
        (scene(7, ("gone",)), ("left",)),
    ]
    group = replace(
        EVERYONE,
        redact=lambda text: text.replace("a@example.com", "[email]"),
        is_there=lambda ids: "m7" not in ids,
    )
    test, left_out = make_test(
        evaluation_of(tmp_path, cases), "v1", group, id="0", scenes=9, dice=Random(1), now=NOW
    )
    assert len(test.pairs) == 1
    assert test.pairs[0].scene in ("s0", "s6")
    assert left_out == {
        "both said the same": 1,
        "a picture or the like in a reply": 1,
        "one said nothing": 1,
        "a reply too long for a phone": 1,
        "personal data in a reply": 1,
        "no longer in the archive": 1,
        "would give away another scene": 1,
    }


def test_the_shortest_scenes_come_first_and_conversations_take_turns(tmp_path: Path) -> None:
    cases = [
        (scene(n, (f"real {n} " + "x" * 10 * n,), cluster=f"c{n // 5}"), (f"model {n}",))
        for n in range(15)
    ]
    evaluation = evaluation_of(tmp_path, cases)
    test, _ = make_test(evaluation, "v1", EVERYONE, id="0", scenes=6, dice=Random(2), now=NOW)
    numbers = [int(pair.scene[1:]) for pair in test.pairs]
    assert numbers[:3] == sorted(numbers)[:3]
    assert sorted(number // 5 for number in numbers) == [0, 0, 1, 1, 2, 2]


def test_what_was_said_before_fits_a_phone_and_calls_self_by_name(tmp_path: Path) -> None:
    earlier = [Line("fox", f"line {n} " + "y" * 90) for n in range(9)]
    last = Line("fox", "@self你来吗? @selfish  \r\n\r\n ok" + "z" * 400, message_id="m1")
    played = replace(scene(1, ("I  am @self",)), before=(*earlier, last))
    evaluation = evaluation_of(tmp_path, [(played, ("hm",))])
    test, _ = make_test(evaluation, "v1", EVERYONE, id="0", scenes=6, dice=Random(2), now=NOW)
    [pair] = test.pairs
    assert [line.text[:6] for line in pair.before] == ["line 8", "@Kevin"]
    assert pair.before[-1].text.startswith("@Kevin你来吗? @selfish\nokzzz")
    assert pair.before[-1].text.endswith("z…")
    assert pair.replies[pair.real] == ("I am @Kevin",)


def test_no_version_no_chat_and_no_scene_are_one_line_each(place: Home) -> None:
    def making(**given: Any) -> None:
        asked = {"evaluation": None, "version": None, "chat": None, **given}
        make(place, **asked, scenes=5, dice=Random(1))

    with pytest.raises(LikenessError, match=r"no evaluation of v7 with memory; run `atself eval"):
        making(version="v7")
    with pytest.raises(LikenessError, match=r"called 'Attic'; --chat takes one of: The Den"):
        making(chat="Attic")
    making(chat="the den", evaluation="e-v1", version="v1")


def test_what_is_no_longer_in_the_archive_is_not_shown_again(place: Home) -> None:
    test = kept(place)
    require_there(place, test)
    with Archive.open(place.archive) as archive:
        archive.forget("小林")
    with pytest.raises(LikenessError, match="make another: atself blind make"):
        require_there(place, test)
    assert drop_texts(place) == 1
    assert "晚饭" not in (place.path / "blind" / f"{test.id}.json").read_text()
    result, _ = add(place, answers(test, 5), now=NOW)
    assert (result.right, result.total) == (5, 6)


@given(
    st.binary(min_size=4, max_size=4),
    st.text(max_size=40),
    st.lists(st.integers(0, 2), max_size=100),
)
def test_a_code_says_what_was_put_in(test: bytes, name: str, choices: list[int]) -> None:
    given = Answers(test.hex(), "0a0b0c", clean_name(name), tuple(choices))
    assert decode(encode(given)) == given
    code = encode(given).lower().replace("-", " ").replace("0", "o").replace("1", "l")
    assert decode(f"here: {code.replace('atbl', 'ATB1')} thanks") == given


@given(st.data())
def test_any_one_character_mistyped_is_noticed(data: st.DataObject) -> None:
    code = encode(Answers("01234567", "0a0b0c", "Ana", (0, 1, 2, 1, 0)))
    places = [place for place, letter in enumerate(code) if place > 4 and letter != "-"]
    place = data.draw(st.sampled_from(places[:-1]))  # the last letter has spare bits
    letter = data.draw(st.sampled_from([one for one in ALPHABET if one != code[place]]))
    with pytest.raises(LikenessError, match="mistyped or cut off"):
        decode(code[:place] + letter + code[place + 1 :])


@pytest.mark.parametrize("code", ["", "hello", "ATB1", "ATB1-0", "ATB1-" + "Z" * 500, "ATB1-你好"])
def test_what_is_no_code_is_one_line(code: str) -> None:
    with pytest.raises(LikenessError) as told:
        decode(code)
    assert "\n" not in str(told.value)


def test_a_nickname_is_one_visible_line() -> None:
    assert clean_name("  a\u202e\x00b\n\tc ") == "ab c"
    assert len(clean_name("长" * 99)) == LONGEST_NAME


def test_the_same_friend_counts_once_and_the_first_answers_stay(place: Home) -> None:
    test = kept(place)
    assert add(place, answers(test, 4), now=NOW)[1] is Added.NEW
    assert add(place, answers(test, 4), now=NOW)[1] is Added.SAME
    result, added = add(place, answers(test, 6, friend="ＡＮＡ", who="ffffff"), now=NOW)
    assert (result.right, added) == (4, Added.KEPT)
    add(place, answers(test, 6, friend="ana", who="ffffff"), now=NOW, is_replacing=True)
    add(place, answers(test, 3, friend="", who="111111"), now=NOW + timedelta(1))
    assert [(r.friend, r.right) for r in results(place)] == [("ana", 6), ("friend 111111", 3)]


def test_intervals_are_those_of_the_exact_binomial_test(place: Home) -> None:
    test = kept(place)
    for number in range(10):
        add(place, answers(test, 3, friend=f"f{number}", who=f"{number:06x}"), now=NOW)
    figure = summary(results(place))["v1"]
    # Clopper-Pearson for 30 of 60, from the tables of the beta distribution.
    assert (figure.value, figure.replies, figure.clusters) == (0.5, 60, 10)
    assert (figure.low, figure.high) == pytest.approx((0.3681, 0.6319), abs=1e-4)
    assert verdict(figure).startswith("not told apart")
    assert verdict(replace(figure, low=0.6, high=0.9)) == "told apart from @self"


def test_a_code_of_another_test_or_page_is_refused(place: Home) -> None:
    test = kept(place)
    with pytest.raises(LikenessError, match=r"no test 'ffffffff' \(there are:"):
        add(place, replace(answers(test, 1), test="ffffffff"), now=NOW)
    with pytest.raises(LikenessError, match="has 6 scenes, the code 2 answers"):
        add(place, replace(answers(test, 1), choices=(0, 1)), now=NOW)


def test_the_commands_make_take_in_and_show(place: Home, tmp_path: Path) -> None:
    runner, home = CliRunner(), ["--home", str(place.path)]
    page = tmp_path / "out" / "blind.html"
    made = runner.invoke(blind, ["make", "--out", str(page), "--seed", "3", "--json", *home])
    told = json.loads(made.stdout)
    assert (told["scenes"], told["chat"], page.is_file()) == (6, "The Den", True)
    test = read_test(place, told["test"])
    good, bad = encode(answers(test, 5)), "ATB1-XXXXX"
    added = runner.invoke(blind, ["add", "-", "--json", *home], input=f"hi\nmine: {good}\n{bad}\n")
    assert added.exit_code == 0  # standalone: click keeps what the command returns to itself
    assert [row["outcome"] for row in json.loads(added.stdout)] == ["new", "refused"]
    shown = runner.invoke(blind, ["results", *home]).stdout
    assert "5 of 6 (83%)" in shown
    assert "Ana" in shown
    assert "1 of 1" in shown


def test_results_are_parted_by_version(place: Home) -> None:
    test = kept(place)
    played = [(scene(n, (f"real {n}",)), (f"model {n}",)) for n in range(4)]
    evaluation = evaluation_of(place.evaluations, played, Player(Role.FULL, "v10"))
    newer, _ = make_test(
        evaluation, "v10", EVERYONE, id="00000010", scenes=4, dice=Random(1), now=NOW
    )
    write_test(place, newer)
    add(place, answers(newer, 1), now=NOW)
    add(place, answers(test, 6), now=NOW)
    found = summary(results(place))
    assert [(version, figure.value) for version, figure in found.items()] == [
        ("v1", 1.0),
        ("v10", 0.25),
    ]
    assert FULL.version == "v1"


Ask = Callable[[ClientSession, str, BlindTest], Coroutine[Any, Any, ClientResponse]]


@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        (403, {}, "ATB1-AAAAA"),
        (403, {"X-Atself": "guess"}, "ATB1-AAAAA"),
        (400, {"X-Atself": "t0ken"}, "ATB1-AAAAA"),
        (400, {"X-Atself": "t0ken", "Content-Type": "text/plain; charset=none"}, "x"),
        (413, {"X-Atself": "t0ken"}, "x" * 9000),
        (421, {"X-Atself": "t0ken", "Host": "evil.example"}, "x"),
    ],
)
def test_the_served_page_takes_answers_from_itself_alone(
    place: Home, status: int, headers: dict[str, str], body: str
) -> None:
    test = kept(place)

    async def post() -> int:
        serving = Serving(
            place, test, token="t0ken", clock=lambda: NOW, told=lambda _result, _added: None
        )
        await serving.start()
        assert serving.url.startswith("http://127.0.0.1:")
        try:
            async with (
                ClientSession() as session,
                session.post(f"{serving.url}answers", data=body, headers=headers) as answer,
            ):
                return answer.status
        finally:
            await serving.stop()

    assert asyncio.run(post()) == status
    assert results(place) == []
