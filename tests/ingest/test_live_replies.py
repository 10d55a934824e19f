"""Live: what the newest message answers and belongs to, with nothing said after it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from ingest.chat import Message, Person
from ingest.linker.belonging import belonging
from ingest.linker.closeness import MEANING, cosines_of, widened, with_cosines
from ingest.linker.columns import CAPACITY
from ingest.linker.learning import Learned, examples_from, examples_of, learn, learned
from ingest.linker.live import Live
from ingest.linker.pairs import REACH
from ingest.linker.ranking import features, fit, read, second_chances, shipped
from ingest.linker.stream import REMEMBERED
from ingest.linker.wording import Wording
from ingest.listening import CHATS, Listener, Meaning
from ingest.threads import utterance

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
GAP = timedelta(minutes=30)
KITCHEN = (
    ("anna", "who moved the big soup pot? the barley soup needs it"),
    ("bela", "has anybody fixed the brakes of the red bicycle?"),
    ("chen", "anna: the soup pot is drying on the balcony"),
    ("dara", "bela: the bicycle brakes need new pads, I ordered some"),
    ("anna", "chen: thanks, then the barley soup is saved"),
    ("bela", "dara: great, when do the pads arrive?"),
)
SCENES = {
    "zh": ("有人看到我的自行车钥匙吗", "晚饭想吃酸菜鱼还是火锅", "自行车钥匙在鞋柜上面"),
    "ja": ("自転車の鍵を見ませんでしたか", "夕飯はカレーがいいです", "自転車の鍵は玄関にあります"),
    "th": ("ใครเห็นกุญแจจักรยานบ้าง", "เย็นนี้กินแกงเขียวหวานไหม", "กุญแจจักรยานอยู่บนตู้รองเท้า"),
    "ar": ("من رأى مفتاح الدراجة؟", "ماذا نأكل الليلة مع الأرز", "مفتاح الدراجة فوق الخزانة"),
    "de": ("wer hat den Fahrradschlüssel?", "heute Abend Suppe?", "der Fahrradschlüssel liegt da"),
}


def message(number: int, who: str, text: str, *, minutes: float | None = None) -> Message:
    at = START + timedelta(minutes=number * 0.7 if minutes is None else minutes)
    return Message(f"c:{number}", "c", Person(hash(who), who, (who,)), at, text)


def kitchen(length: int) -> list[Message]:
    """Two conversations across each other, over and over."""
    said = [KITCHEN[number % len(KITCHEN)] for number in range(length)]
    return [message(number, *line) for number, line in enumerate(said)]


def quoting(length: int) -> list[Message]:
    """A chat without names, in which every third message quotes the one three before it."""
    people = ("anna", "bela", "chen", "dara", "emil")
    found = []
    for number in range(length):
        said = message(number, people[number * 7 % 5], f"item {number * 31 % 97} of the list")
        quotes = number % 3 == 0 and number > 3
        found.append(replace(said, reply_to=f"c:{number - 3}") if quotes else said)
    return found


def heard(messages: list[Message]) -> Live:
    live = Live()
    for said in messages:
        live.add(utterance(said))
    return live


def test_whom_the_newest_names_is_what_it_answers() -> None:
    chances = Listener(GAP).rank(kitchen(6))
    assert max(chances, key=lambda id: chances[id]) == "c:3"
    assert sum(chances.values()) == pytest.approx(1)


@pytest.mark.parametrize("language", SCENES)
def test_shared_words_tell_in_any_script(language: str) -> None:
    asked, other, answer = SCENES[language]
    lines = [("anna", asked), ("bela", other), ("chen", answer)]
    wording = Wording()
    for _, text in lines:
        wording.add(text)
    against_other, against_asked = wording.compare()[:2]
    assert against_asked > against_other
    chances = Listener(GAP).rank([message(n, *line) for n, line in enumerate(lines)])
    assert chances["c:0"] > chances["c:1"]


def test_a_hidden_reply_changes_nothing_that_is_seen() -> None:
    plain = kitchen(90)
    quoting_one = [*plain[:-1], replace(plain[-1], reply_to="c:40")]
    seen = features(heard(plain).look())
    assert np.array_equal(features(heard(quoting_one).look(hide_reply=True)), seen)
    assert heard(quoting_one).quoted() == "c:40"


def test_being_asked_between_the_lines_changes_no_answer() -> None:
    messages = kitchen(150)
    asked = Live()
    for said in messages:
        asked.add(utterance(said))
        asked.look()
    assert np.allclose(features(asked.look()), features(heard(messages).look()), atol=1e-4)


def test_state_of_a_chat_stays_bounded() -> None:
    live = heard(quoting(REMEMBERED + 2 * CAPACITY))
    assert live._stream.columns.size <= CAPACITY
    assert len(live._stream.keys) == REMEMBERED
    assert len(live._stream.replies) < REACH


def test_belonging_follows_chains_both_ways() -> None:
    # 0 answers nothing certain; the newest answers 0, which answers 2; 1 answers 2; 3 is apart.
    links = np.zeros((4, 4))
    links[0, 2] = 0.5
    links[1, 2] = 1
    chances = belonging(np.array([1.0, 0, 0, 0]), links)
    assert chances.tolist() == [1, 0.5, 0.5, 0]


def test_what_belongs_to_the_newest_is_told_apart_from_the_rest() -> None:
    chances = Listener(GAP).hear(kitchen(6))
    of_bicycle, of_soup = ("c:1", "c:3"), ("c:0", "c:2", "c:4")
    assert min(chances[id] for id in of_bicycle) > max(chances[id] for id in of_soup)


def test_a_silence_ends_a_conversation_unless_it_is_quoted() -> None:
    old, new = message(0, "anna", "soup?"), message(1, "bela", "soup!", minutes=90)
    assert Listener(GAP).hear([old, new])["c:0"] == 0
    assert Listener(GAP).hear([old, replace(new, reply_to="c:0")])["c:0"] == 1


def test_a_quoted_message_far_back_brings_those_who_quoted_it_too() -> None:
    messages = kitchen(140)
    messages[120] = replace(messages[120], reply_to="c:2")
    messages[139] = replace(messages[139], reply_to="c:2")
    chances = Listener(GAP).hear(messages)
    assert chances["c:2"] == chances["c:120"] == 1


def test_a_chat_heard_in_pieces_is_the_chat_heard_at_once() -> None:
    messages = kitchen(80)
    listener = Listener(GAP)
    for end in (30, 31, 55, 80):
        found = listener.hear(messages[:end])
    at_once = Listener(GAP).hear(messages)
    assert found == pytest.approx(at_once, abs=1e-4)
    assert listener.hear(messages[10:70]) == pytest.approx(Listener(GAP).hear(messages[10:70]))


def test_chats_do_not_mix_and_old_ones_are_let_go() -> None:
    listener = Listener(GAP)
    for chat in range(CHATS + 2):
        said = [replace(m, chat=str(chat), id=f"{chat}:{m.id}") for m in kitchen(3)]
        assert all(id.startswith(f"{chat}:") for id in listener.hear(said))
    assert len(listener._chats) == CHATS


def test_a_chat_teaches_how_far_back_its_people_quote() -> None:
    taught = learn(examples_from([quoting(400)]))
    later = quoting(460)[400:]
    right = {"shipped": 0, "taught": 0}
    for asked in examples_of(later, 10):
        for name, ranking in (("shipped", shipped()), ("taught", taught)):
            likeliest = ranking.chances(asked.seen, asked.valid).argmax()
            right[name] += int(likeliest) == asked.answer
    assert right["taught"] > max(8, right["shipped"])


def test_a_chat_without_replies_teaches_nothing() -> None:
    assert learn(examples_from([kitchen(50)])) is shipped()
    assert learn([]) is shipped()


def test_the_latest_replies_are_learned_from() -> None:
    assert len(list(examples_of(quoting(90), 5))) == 5
    assert list(examples_of(quoting(90), 0)) == []


def test_learned_weights_are_kept_as_numbers(tmp_path: Path) -> None:
    path = tmp_path / "replies.json"
    assert learned(path) == Learned(shipped(), 0)
    Learned(learn(examples_from([quoting(60)])), 19).save(path)
    assert learned(path).replies == 19
    assert not np.allclose(learned(path).ranking.weights, shipped().weights)
    assert [found.name for found in tmp_path.iterdir()] == ["replies.json"]


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"format": 9}', '{"format": 1, "mean": [0]}'])
def test_a_damaged_file_leaves_the_weights_that_ship(tmp_path: Path, text: str) -> None:
    path = tmp_path / "replies.json"
    path.write_text(text, encoding="utf-8")
    assert learned(path) == Learned(shipped(), 0)


def test_weights_of_another_version_are_refused_by_width(tmp_path: Path) -> None:
    path = tmp_path / "replies.json"
    narrow = read({"format": 1, "mean": [0.0], "scale": [1.0], "weights": [1.0]})
    Learned(narrow, 5).save(path)
    assert learned(path) == Learned(shipped(), 0)


def test_fitting_finds_the_weights_that_made_the_answers() -> None:
    dice = np.random.default_rng(3)
    seen = dice.normal(size=(1500, 10, 3)).astype(np.float32)
    true = np.array([1.5, -1.0, 0.0])
    noise = dice.gumbel(size=(1500, 10))
    answers = (seen @ true + noise).argmax(1)
    flat = read({"format": 1, "mean": [0.0] * 3, "scale": [1.0] * 3, "weights": [0.0] * 3})
    found = fit(seen, np.ones((1500, 10), bool), answers, flat, trust=1.0)
    assert np.abs(found.weights - true).max() < 0.15


def test_chances_sum_to_one_over_what_there_is() -> None:
    sight = heard(kitchen(5)).look()
    assert second_chances(sight).shape == (REACH + 1,)
    chances = shipped().chances(features(sight), sight.found.pairs.valid[0])
    assert chances[:4].sum() == pytest.approx(1)
    assert not chances[4:].any()


def test_the_first_message_of_a_chat_belongs_to_nothing() -> None:
    assert Listener(GAP).hear(kitchen(1)) == {}
    assert Listener(GAP).rank(kitchen(1)) == {}


def one_hot(texts: Sequence[str]) -> np.ndarray:
    """Vectors that are alike where the first letters are."""
    return np.array([np.eye(9)[ord(text[0]) % 9] for text in texts], np.float32)


def test_a_wide_ranking_adds_the_cosine_and_changes_nothing_else() -> None:
    seen = features(heard(kitchen(9)).look())
    cosines = np.linspace(-1, 1, REACH, dtype=np.float32)
    more = widened(shipped()).scores(with_cosines(seen, cosines)) - shipped().scores(seen)
    inside = slice(REACH // 2, REACH)
    expected = MEANING * cosines[inside]
    assert np.allclose(more[inside] - more[inside][0], expected - expected[0], atol=1e-3)


def test_cosines_are_of_what_exists() -> None:
    found = cosines_of(one_hot(["a", "b", "a"]))
    assert found.shape == (REACH,)
    assert found[:3].tolist() == [0, 1, 0]


@pytest.mark.parametrize("language", SCENES)
def test_meaning_outweighs_words_in_any_script(language: str) -> None:
    asked, other, answer = SCENES[language]
    history = [message(n, f"p{n}", text) for n, text in enumerate((asked, other, answer))]

    def vectors(texts: Sequence[str]) -> np.ndarray:
        near_other = {other: 0, answer: 0, asked: 1}
        return np.array([np.eye(2)[near_other[text]] for text in texts], np.float32)

    listener = Listener(GAP, meaning=Meaning(widened(shipped()), vectors))
    chances = listener.rank(history)
    assert chances["c:1"] > chances["c:0"]
    assert sum(chances.values()) == pytest.approx(1)
    assert listener.hear(history)["c:1"] > Listener(GAP).hear(history)["c:1"]


def test_without_vectors_in_time_words_decide() -> None:
    late = Meaning(widened(shipped()), lambda _texts: None)
    assert Listener(GAP, meaning=late).rank(kitchen(9)) == Listener(GAP).rank(kitchen(9))
    assert Listener(GAP, meaning=late).hear(kitchen(9)) == Listener(GAP).hear(kitchen(9))


def test_how_much_a_cosine_tells_is_learned_with_the_rest() -> None:
    examples = examples_from([quoting(400)])
    dice = np.random.default_rng(5)
    cosines = dice.uniform(0.8, 0.9, (len(examples), REACH)).astype(np.float32)
    blind = learn(examples, cosines)
    for row, example in enumerate(examples):
        cosines[row, example.answer] = 0.95
    telling = learn(examples, cosines)
    assert telling.weights[-1] > 1 > blind.weights[-1]
    assert blind.weights[-1] < widened(shipped(), cosines).weights[-1]


def test_learned_cosines_are_those_of_one_model(tmp_path: Path) -> None:
    path = tmp_path / "replies.json"
    words = learn(examples := examples_from([quoting(60)]))
    close = learn(examples, np.zeros((len(examples), REACH), np.float32))
    Learned(words, 19, "MiniLM 1", close).save(path)
    found = learned(path)
    assert np.allclose(found.meant("MiniLM 1").weights, close.weights, rtol=1e-4)
    assert np.allclose(found.meant("MiniLM 2").weights, widened(words).weights, rtol=1e-4)
    assert found.ranking.weights.shape == shipped().weights.shape


def test_cosine_weights_of_another_version_are_refused_by_width(tmp_path: Path) -> None:
    path = tmp_path / "replies.json"
    Learned(shipped(), 5, "MiniLM 1", shipped()).save(path)
    assert learned(path) == Learned(shipped(), 0)
