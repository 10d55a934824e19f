"""Six strings read off each family's chat template, or a refusal."""

from __future__ import annotations

import pytest
from jinja2.sandbox import ImmutableSandboxedEnvironment

from ingest.chat import Line, Turn
from ingest.errors import PromptError
from ingest.markup import Markup, markup_of, transcript_markup
from ingest.prompt import chat_messages, render_prompt
from tests.ingest.templates import (
    CHATML,
    FAMILIES,
    GEMMA3,
    LLAMA3,
    MARKUPS,
    MISTRAL3,
    QWEN3,
    SMOLLM,
)

HEAD = "You are @self."


def test_chatml_is_read_off_its_template() -> None:
    assert CHATML.markup == Markup(
        name="chat",
        begin="<|im_start|>system\n",
        head_end="<|im_end|>\n<|im_start|>user\n",
        reply_start="<|im_end|>\n<|im_start|>assistant\n",
        stop="<|im_end|>",
        next_lines="\n<|im_start|>user\n",
    )


def test_a_default_system_prompt_gives_way_to_our_head() -> None:
    assert SMOLLM.markup == CHATML.markup


def test_llama_3_keeps_its_date_and_names_each_header() -> None:
    markup = LLAMA3.markup
    assert markup.begin.startswith("<|begin_of_text|><|start_header_id|>system<|end_header_id|>")
    assert markup.begin.endswith("Today Date: 01 Jan 2026\n\n")
    assert markup.head_end == "<|eot_id|><|start_header_id|>user<|end_header_id|>\n\n"
    assert markup.stop == "<|eot_id|>"


def test_gemma_3_reads_the_head_in_front_of_the_first_lines() -> None:
    assert GEMMA3.markup == Markup(
        "chat",
        "<bos><start_of_turn>user\n",
        "\n\n",
        "<end_of_turn>\n<start_of_turn>model\n",
        "<end_of_turn>",
        "\n<start_of_turn>user\n",
    )


def test_a_thinking_model_is_asked_not_to_think() -> None:
    markup = QWEN3.markup
    assert markup.reply_start == "<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n"
    assert markup.stop == "<|im_end|>"


def test_a_template_that_moves_its_head_about_gets_it_with_the_first_lines() -> None:
    assert MISTRAL3.markup == Markup(
        "chat-without-system", "<s>[INST]", "\n\n", "[/INST]", "</s>", "[INST]"
    )


@pytest.mark.parametrize("name", FAMILIES)
def test_no_probe_is_left_in_any_markup(name: str) -> None:
    family = FAMILIES[name]
    strings = [value for value in family.markup.to_json().values() if isinstance(value, str)]
    assert not any("\ue000" in value for value in strings)
    assert (family.markup.name == "chat") is family.has_system


@pytest.mark.parametrize("name", [name for name, family in FAMILIES.items() if family.is_faithful])
def test_our_prompt_is_what_the_template_itself_would_write(name: str) -> None:
    family = FAMILIES[name]
    turns = conversation()
    messages = chat_messages(turns, HEAD)
    if not family.has_system:
        system, first, *rest = messages
        first = {**first, "content": f"{system['content']}\n\n{first['content']}"}
        messages = [first, *rest]
    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    environment.globals["strftime_now"] = lambda _format: "01 Jan 2026"
    expected = environment.from_string(family.template).render(
        messages=messages,
        add_generation_prompt=True,
        enable_thinking=False,
        bos_token=family.bos,
        eos_token=family.eos,
    )
    rendered = "".join(segment.text for segment in render_prompt(turns, HEAD, family.markup))
    assert rendered == expected


def conversation() -> tuple[Turn, ...]:
    """Others, @self, others."""
    return (
        Turn((Line("bob", "noodles?"), Line("anna", "rice!\nor both"))),
        Turn((Line("self", "both", is_self=True), Line("self", "now", is_self=True)), is_self=True),
        Turn((Line("bob", "ok"),)),
    )


def test_a_model_without_a_template_reads_a_transcript() -> None:
    markup = markup_of(None, bos="<bos>", eos="<eos>")
    assert markup == markup_of("", bos="<bos>") == transcript_markup("<bos>")
    assert markup.is_transcript
    assert (markup.begin, markup.stop) == ("<bos>", "\n@")
    assert markup.stops == ("\n@",)


@pytest.mark.parametrize("name", MARKUPS)
def test_a_markup_survives_json(name: str) -> None:
    assert Markup.from_json(MARKUPS[name].to_json()) == MARKUPS[name]


SPOILT = {
    "only the last message": "{{ '<u>' + messages[-1]['content'] + '</u>' }}",
    "no replies": "{% for m in messages if m.role != 'assistant' %}<u>{{ m.content }}{% endfor %}",
    "everything twice": "{% for m in messages %}<u>{{ m.content }}{{ m.content }}{% endfor %}",
    "the wrong order": "{% for m in messages | reverse %}<u>{{ m.content }}</u>{% endfor %}",
    "nothing": "hello",
    "no end of a reply": "{% for m in messages %}{{ m.content }}{% endfor %}",
    "no content at all": "{% for m in messages %}<u>{{ m.role }}</u>{% endfor %}",
    "always an exception": "{{ raise_exception('not for you') }}",
    "something undefined": "{% for m in messages %}{{ m.content.a.b }}{% endfor %}",
    "no template language": "{% for m in messages %}",
    "letters changed": "{% for m in messages %}<u>{{ m.content | length }}</u>{% endfor %}",
    "a type error": "{{ 1 + messages[0].content }}",
    "a forbidden attribute": "{{ messages.__class__.__mro__ }}",
}


@pytest.mark.parametrize("name", SPOILT)
def test_a_template_that_cannot_carry_a_conversation_is_refused_in_one_line(name: str) -> None:
    with pytest.raises(PromptError, match="chat template") as caught:
        markup_of(SPOILT[name])
    assert "\n" not in str(caught.value)
