"""How a model's template marks turns, as plain data.

A chat template is a Jinja program; what a conversation needs of it is six strings. They are found
by rendering a probe conversation once and cutting the result at the probe's contents, so that every
family (ChatML, Llama, Mistral, Gemma, Qwen…) is handled alike, and the bot needs no template engine
at run time. A base model without a template gets the transcript markup.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from ingest.errors import PromptError

# Private-use characters: no template rewrites them and no tokenizer merges them.
_HEAD, _FIRST, _REPLY, _NEXT = "\ue000H\ue000", "\ue000U\ue000", "\ue000A\ue000", "\ue000N\ue000"


@dataclass(frozen=True, slots=True)
class Markup:
    """The strings around a conversation: ``begin head head_end lines reply_start reply stop …``.

    ``next_lines`` stands between ``stop`` and the following lines of others. ``stop`` ends a reply
    and is learned with it; in a transcript it is the start of the next label.
    """

    name: str
    begin: str
    head_end: str
    reply_start: str
    stop: str
    next_lines: str
    is_transcript: bool = False

    @property
    def stops(self) -> tuple[str, ...]:
        """The strings at which generation ends."""
        return (self.stop,)

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready mapping; :meth:`from_json` reads it back."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Markup:
        """Read what :meth:`to_json` wrote."""
        return cls(**data)


def transcript_markup(bos: str = "") -> Markup:
    """The markup of a base model: a plain transcript in which every line has its label."""
    return Markup("transcript", bos, "\n\n", "\n@self:", "\n@", "", is_transcript=True)


def markup_of(template: str | None, *, bos: str = "", eos: str = "") -> Markup:
    """The markup of a model with this Jinja chat template, or a transcript where it has none.

    A template without a system role gets the head in front of the first lines. Thinking templates
    are asked not to think. Raises PromptError where the template drops or reorders its input.
    """
    if not template:
        return transcript_markup(bos)
    render = _Render(template, bos, eos)
    head = [{"role": "system", "content": _HEAD}]
    return _probe(render, head if _keeps_head(render, head) else [])


def _keeps_head(render: _Render, head: list[dict[str, str]]) -> bool:
    """Whether the head stays in front; Mistral's v3 template moves it to the last question."""
    asked = [*head, _user(_FIRST)]
    answered = [*asked, _assistant(_REPLY)]
    try:
        return (
            _in_order(render(asked, generate=True), _HEAD, _FIRST)
            and _in_order(render(answered), _HEAD, _FIRST, _REPLY)
            and _in_order(render([*answered, _user(_NEXT)]), _HEAD, _FIRST, _REPLY, _NEXT)
        )
    except PromptError:
        return False


def _probe(render: _Render, head: list[dict[str, str]]) -> Markup:
    opening = [*head, _user(_FIRST)]
    answered = [*opening, _assistant(_REPLY)]
    asked = render(opening, generate=True)
    ended = render(answered)
    continued = render([*answered, _user(_NEXT)])
    _expect(_in_order(ended, _FIRST, _REPLY) and _in_order(continued, _REPLY, _NEXT))
    before, after_first = asked.split(_FIRST)
    begin, head_end = before.split(_HEAD) if head else (before, "\n\n")
    stop = ended.split(_REPLY)[1].rstrip()
    next_lines = continued.split(_REPLY)[1].split(_NEXT)[0]
    _expect(bool(stop) and next_lines.startswith(stop))
    name = "chat" if head else "chat-without-system"
    return Markup(name, begin, head_end, after_first, stop, next_lines.removeprefix(stop))


class _Render:
    """A compiled chat template; mirrors how transformers calls one."""

    def __init__(self, template: str, bos: str, eos: str) -> None:
        from jinja2 import TemplateError
        from jinja2.sandbox import ImmutableSandboxedEnvironment

        environment = ImmutableSandboxedEnvironment(
            trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
        )
        environment.globals["raise_exception"] = _refuse
        # A date in the head would make yesterday's prefix worthless; templates that ask get one.
        environment.globals["strftime_now"] = lambda _format: "01 Jan 2026"
        # A template is a program of its own, with every way to fail that expressions have.
        self._errors = (TemplateError, ArithmeticError, LookupError, TypeError, ValueError)
        self._tokens = {"bos_token": bos, "eos_token": eos}
        try:
            self._template = environment.from_string(template)
        except TemplateError as error:
            raise PromptError(f"chat template: cannot be compiled ({error})") from error

    def __call__(self, messages: list[dict[str, str]], *, generate: bool = False) -> str:
        try:
            return self._template.render(
                messages=messages,
                add_generation_prompt=generate,
                enable_thinking=False,
                tools=None,
                **self._tokens,
            )
        except self._errors as error:
            raise PromptError(f"chat template: {error}") from error


def _refuse(message: str) -> None:
    raise PromptError(f"chat template: {message}")


def _user(content: str) -> dict[str, str]:
    return {"role": "user", "content": content}


def _assistant(content: str) -> dict[str, str]:
    return {"role": "assistant", "content": content}


def _in_order(text: str, *parts: str) -> bool:
    places = [text.find(part) for part in parts]
    once = all(text.count(part) == 1 for part in parts)
    return once and places == sorted(places)


def _expect(holds: bool) -> None:
    if not holds:
        raise PromptError(
            "chat template: does not show the conversation in order, each part once; "
            "choose a base with an ordinary chat template, or one without any"
        )
