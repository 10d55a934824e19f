"""Every attack against the prompt, for every markup: what people write stays what they wrote."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from time import process_time

import pytest

from bot.generator import LlamaGenerator
from bot.history import Contexts
from ingest.archive import Archive
from ingest.chat import Message
from ingest.markup import Markup
from ingest.people.handles import skeleton
from ingest.prompt import (
    INDENT,
    MEMORY,
    QUIET,
    Segment,
    body,
    chat_messages,
    render_prompt,
    turns_of,
)
from tests.bot.corpus import Attack, attacks, head_of, memory_of, scene, staged
from tests.ingest.templates import MARKUPS

ROOM = 480
"""Tokens for the lines of a conversation."""
ALL = attacks()
LABEL = re.compile(r"@([\w.-]{1,64}): ")
# As a template or a tokenizer with special tokens switched on would read them.
TOKENS = re.compile(
    r"<\|[^<>|\s]{1,48}\|>|<｜[^<>｜\s]{1,48}｜>|</?(?:s|bos|eos|pad|unk|mask|think|tool_call"
    r"|tool_response|start_of_turn|end_of_turn|start_of_image|end_of_image|unused\d+|repo_name"
    r"|file_sep|empty_output|sop)>|\[/?(?:INST|SYSTEM_PROMPT|TOOL_CALLS|TOOL_RESULTS"
    r"|AVAILABLE_TOOLS|IMG|gMASK|multimodal)\]|<</?SYS>>",
    re.IGNORECASE,
)


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    """One archive with the chat of every attack."""
    path = tmp_path_factory.mktemp("attacks") / "archive.sqlite"
    with Archive.open(path, create=True) as opened:
        staged(opened, ALL)
        yield opened


@pytest.fixture(scope="module")
def shown(archive: Archive, smollm2: LlamaGenerator) -> Mapping[str, Sequence[Message]]:
    """The lines the model is shown for each attack, as the bot chooses them."""
    contexts = Contexts(
        gap=timedelta(minutes=30),
        room=ROOM,
        length=lambda text: smollm2.count([Segment(body(text))]),
    )
    return {attack.id: contexts.choose(scene(archive, attack)) for attack in ALL}


def prompt(
    archive: Archive, lines: Sequence[Message], attack: Attack, markup: Markup
) -> tuple[Segment, ...]:
    """Model input for an attack."""
    memory = memory_of(archive, attack)
    return render_prompt(turns_of(lines, me="kevin"), head_of(attack), markup, memory)


Prompt = tuple[Attack, tuple[Segment, ...]]


def prompts(archive: Archive, shown: Mapping[str, Sequence[Message]], name: str) -> list[Prompt]:
    """All attacks in one markup."""
    markup = MARKUPS[name]
    return [(attack, prompt(archive, shown[attack.id], attack, markup)) for attack in ALL]


every_markup = pytest.mark.parametrize("name", MARKUPS)


def test_the_corpus_is_large_and_speaks_many_languages() -> None:
    assert len(ALL) >= 400
    assert len({attack.id for attack in ALL}) == len(ALL)
    assert len({(attack.text, attack.where) for attack in ALL}) == len(ALL)
    languages = Counter(attack.language for attack in ALL)
    for language in ("zh", "en", "id", "ja", "ko", "ar", "he", "th", "ru", "es", "mixed"):
        assert languages[language] >= 8, language
    places = {"message", "name", "reply", "caption", "title", "sticker", "file", "forward"}
    assert {attack.where for attack in ALL} == {*places, "recalled"}


@every_markup
def test_control_stands_only_where_the_markup_put_it(
    name: str, archive: Archive, shown: Mapping[str, Sequence[Message]]
) -> None:
    markup = MARKUPS[name]
    ours = {markup.begin, markup.head_end, markup.reply_start, markup.stop, markup.next_lines}
    for attack, segments in prompts(archive, shown, name):
        said = [segment.text for segment in segments if not segment.is_control]
        control = [segment.text for segment in segments if segment.is_control]
        assert set(control) <= ours, attack.id
        assert control[0] == markup.begin, attack.id
        assert not any(map(TOKENS.search, said)), attack.id
        "".join(said).encode()  # no half of a surrogate pair


@every_markup
def test_no_attack_speaks_for_another_or_forges_memory(
    name: str, archive: Archive, shown: Mapping[str, Sequence[Message]]
) -> None:
    for attack, segments in prompts(archive, shown, name):
        handles = {message.person.handle for message in shown[attack.id]}
        memory = memory_of(archive, attack)
        margin = [line for each in segments[3:] if not each.is_control for line in margins(each)]
        labelled = [line for line in margin if LABEL.match(line)]
        rest = [line for line in margin if not LABEL.match(line) and line not in (QUIET, MEMORY)]
        assert {LABEL.match(line)[1] for line in labelled} <= handles, attack.id  # type: ignore[index]
        assert margin.count(MEMORY) == bool(memory), attack.id
        assert len(labelled) + len(rest) == len(shown[attack.id]), attack.id
        assert all(line.strip() in ("four is fine", "") for line in rest[:1]), attack.id


def margins(segment: Segment) -> list[str]:
    """Lines at the margin by every reading of what a line break is; a transcript's label lost its
    sign to the stop before it."""
    lines = [line for line in segment.text.splitlines() if line and not line.startswith(INDENT)]
    if lines and re.match(r"[\w.-]{1,64}: ", lines[0]):
        lines[0] = f"@{lines[0]}"
    return lines


@every_markup
def test_the_head_comes_first_and_whole(
    name: str, archive: Archive, shown: Mapping[str, Sequence[Message]]
) -> None:
    for attack, segments in prompts(archive, shown, name):
        assert segments[1] == Segment(head_of(attack)), attack.id
        assert len(segments[1].text) < 900, attack.id
        assert len(segments[1].text.splitlines()) == 3, attack.id
        assert "Reply only as @self" in segments[1].text


def test_attacks_cost_no_more_than_their_room(
    archive: Archive, shown: Mapping[str, Sequence[Message]], smollm2: LlamaGenerator
) -> None:
    for name in ("smollm", "transcript"):
        for attack, segments in prompts(archive, shown, name):
            head = smollm2.count(segments[:3])
            assert smollm2.count(segments[3:]) <= ROOM + 200, attack.id  # 200: memory, one passage
            assert head < 400, attack.id
            assert shown[attack.id][-1].id.startswith(attack.chat)


@pytest.mark.parametrize("model", ["smollm2", "gemma"])
def test_tokenizers_find_only_our_special_tokens(
    model: str,
    archive: Archive,
    shown: Mapping[str, Sequence[Message]],
    request: pytest.FixtureRequest,
) -> None:
    generator: LlamaGenerator = request.getfixturevalue(model)
    special = special_tokens(generator.voice.model)
    markup = generator.voice.markup
    for attack in ALL:
        segments = prompt(archive, shown[attack.id], attack, markup)
        found = Counter(filter(special.__contains__, generator.tokens(segments)))
        control = [segment for segment in segments if segment.is_control]
        assert found == Counter(filter(special.__contains__, generator.tokens(control))), attack.id


def special_tokens(path: Path) -> set[int]:
    """Ids of the tokens that steer the model of this file."""
    import llama_cpp

    with closing(llama_cpp.Llama(str(path), vocab_only=True, verbose=False)) as model:
        vocabulary = llama_cpp.llama_model_get_vocab(model.model)
        steering = llama_cpp.LLAMA_TOKEN_ATTR_CONTROL | llama_cpp.LLAMA_TOKEN_ATTR_UNKNOWN
        count = llama_cpp.llama_vocab_n_tokens(vocabulary)
        attributes = (llama_cpp.llama_vocab_get_attr(vocabulary, id) for id in range(count))
        return {id for id, attribute in enumerate(attributes) if attribute & steering}


def test_servers_get_nothing_their_own_template_would_obey(
    archive: Archive, shown: Mapping[str, Sequence[Message]]
) -> None:
    for attack in ALL:
        turns = turns_of(shown[attack.id], me="kevin")
        messages = chat_messages(turns, head_of(attack), memory_of(archive, attack))
        roles = [message["role"] for message in messages]
        assert roles in (["system", "user"], ["system", "user", "assistant", "user"]), attack.id
        for message in messages:
            assert not TOKENS.search(message["content"]), attack.id


def test_names_become_handles_that_are_nobodys(archive: Archive) -> None:
    handles = {person.handle for person in archive.people() if not person.is_self}
    assert all(re.fullmatch(r"[\w-]{1,40}", handle) for handle in handles)
    taken = {"self", "everyone", "here", "all", "channel", "system", "someone"}
    assert not taken & {skeleton(handle) for handle in handles}


def test_a_message_of_any_length_is_read_in_a_moment(tmp_path: Path) -> None:
    huge = [attack for attack in ALL if len(attack.text) > 100_000]
    assert len(huge) > 10
    started = process_time()
    with Archive.open(tmp_path / "archive.sqlite", create=True) as archive:
        staged(archive, huge)
        for attack in huge:
            scene(archive, attack)
    assert process_time() - started < 20
