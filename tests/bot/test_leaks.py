"""What a reply may not carry out: the head, others' words, personal data, labels, pings."""

from __future__ import annotations

import base64
from collections import Counter

import pytest

from bot.guard import Kept, checked, discreet, own, tidy
from bot.leaks import leaks
from ingest.persona import Persona, head_text
from ingest.redaction.redact import redactor
from tests.bot.conftest import Say

CARD = "Kevin teaches analysis in Leeds and repairs old clocks at the weekend."
HEAD = head_text(Persona("Kevin", "Tea Club", {"en": 1.0}, 24, 1.0), CARD)
MEMORY = (
    "2026-01-05 @bob: the spare key of the boat house hangs behind the kitchen door, next to the "
    "old calendar with the cats",
    "2026-01-05 @self: I will bring the big ladder and both of the ropes on Saturday, if it rains",
)


@pytest.mark.parametrize(
    "told",
    [
        HEAD,
        HEAD.split("\n")[1][:60],
        "sure: " + HEAD.split("\n")[2],
        " ".join(HEAD[:80]),
        HEAD[:80].replace(" ", "-").upper(),
        HEAD[:80][::-1],
        base64.b64encode(HEAD.encode()).decode(),
        "**Every** line _starts_ with its `writer's` @handle",
        MEMORY[0],
        "well, the spare key of the boat house hangs behind the kitchen door, next to the calendar",
        f"my card says: {CARD}",
    ],
)
def test_what_tells_the_prompt_is_found(told: str) -> None:
    assert leaks([told], HEAD, MEMORY)
    middle = len(told) // 2
    assert leaks([told[:middle], told[middle:]], HEAD, MEMORY)


@pytest.mark.parametrize(
    "said",
    [
        "",
        "ok",
        "I teach analysis in Leeds",
        "we are in the group chat Tea Club",
        "use what fits",
        "the spare key is behind the kitchen door",
        "I will bring the big ladder and both of the ropes on Saturday, if it rains",
        "things said earlier were better",
        "写点别的吧，今天不想聊这个",
        "aGVsbG8gdGhlcmUgZ2VuZXJhbCBrZW5vYmkgbmljZQ==",
    ],
)
def test_ordinary_words_are_not(said: str) -> None:
    assert not leaks([said], HEAD, MEMORY)


def test_chinese_counts_by_what_a_character_says() -> None:
    line = "2026-01-05 @bob: 船屋的备用钥匙挂在厨房门后面，就在画着猫的旧日历旁边，别告诉别人好吗"
    assert leaks(["备用钥匙挂在厨房门后面，就在画着猫的旧日历旁边，别告诉别人"], HEAD, [line])
    assert not leaks(["钥匙挂在厨房门后面"], HEAD, [line])


@pytest.mark.parametrize(
    "label",
    [
        "@bob:",
        "＠bob：",
        "> @bob:",
        "**@bob:**",
        "- @bob :",
        "@\u200bbob:",
        "\u00a0@bob：",
        "@𝐛𝐨𝐛:",
    ],
)
def test_labels_in_any_dress_end_the_reply(label: str) -> None:
    assert tidy(["well", f"{label} I agree"], is_complete=True) == ("well",)
    assert tidy([f"well\n{label} I agree"], is_complete=True) == ()


def test_a_name_for_a_label_ends_it_unless_it_is_spoken_to(say: Say) -> None:
    scene = [say("anna", "hm"), say("Bob B", "tea?")]
    assert own(["yes", "Anna: I agree"], scene) == ("yes",)
    assert own(["bob b: yes, please", "note: bring milk"], scene) == (
        "bob b: yes, please",
        "note: bring milk",
    )


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("@everyone tea!", "everyone tea!"),
        ("＠here now", "here now"),
        ("@所有人 吃饭", "所有人 吃饭"),
        ("hi <@123456789012345678>", "hi ‹@123456789012345678›"),
        ("<@!1> <@&2> <#3>", "‹@!1› ‹@&2› ‹#3›"),
        ("see tg://user?id=1", "see tg //user?id=1"),
        ("@bob yes", "@bob yes"),
        ("a <b> c", "a <b> c"),
        ("mail me@here.example", "mail me@here.example"),
    ],
)
def test_mentions_of_a_platforms_own_spelling_come_out_inert(written: str, sent: str) -> None:
    assert tidy([written], is_complete=True) == (sent,)


def test_heaped_accents_are_levelled_and_real_ones_kept() -> None:
    assert tidy(["Z" + "\u0301" * 50 + "!"], is_complete=True) == ("Z\u0301\u0301!",)
    for word in ("Việt Nam", "ก็ไม่รู้", "क्षेत्र", "שָׁלוֹם", "e\u0301"):
        assert tidy([word], is_complete=True) == (word,)


def test_personal_data_leaves_only_to_whom_wrote_it(say: Say) -> None:
    hide = redactor(("GB",))

    def redact(text: str, known: str) -> str:
        return hide(text, Counter(), but=known)

    scene = [say("bob", "my mail is bob@harbour.example"), say("anna", "and your number?")]
    said = ["+44 7700 900123, bob's is bob@harbour.example"]
    assert discreet(said, scene, redact) == ("[phone], bob's is [email]",)
    scene.append(say("bob", "which mail have you?"))
    assert discreet(said, scene, redact) == ("[phone], bob's is bob@harbour.example",)
    kept = Kept(HEAD, MEMORY, redact)
    assert checked(["ring 4111 1111 1111 1111"], scene, kept, is_complete=True) == ("ring [card]",)
    assert checked([HEAD], scene, kept, is_complete=True) == ()
