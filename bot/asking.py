"""A model as a function from instructions and a text to an answer: nothing of @self in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace

from bot.app import open_generator
from bot.generation import Sampling
from bot.voice import Voice
from bot.voices import bare_voice
from config.settings import Home, Settings
from ingest.chat import Line, Turn
from ingest.prompt import SELF, Segment, neutralise, render_prompt

_STEADY = Sampling(temperature=0.3, top_p=0.9, min_p=0.05, repeat_penalty=1.05)


@contextmanager
def open_asking(
    home: Home,
    settings: Settings,
    *,
    languages: Mapping[str, float],
    max_tokens: int,
    lead: str = "",
    seed: int = 7,
) -> Iterator[Callable[[str, str], str]]:
    """Open the server of the settings, or else a base model on this machine.

    The base is the one of the settings, or the one for ``languages`` (shares by code). Raises
    AtselfError where there is none. An answer is at most ``max_tokens`` long; on
    this machine it begins with ``lead``.
    """
    voice = _voice(home, settings, languages)
    with closing(open_generator(voice, settings)) as generator:

        def ask(instructions: str, text: str) -> str:
            segments = _segments(voice, instructions, text, lead)
            room = generator.context_tokens - generator.count(segments)
            sampling = replace(_STEADY, max_new_tokens=max(1, min(max_tokens, room)))
            written = "".join(generator.generate(segments, sampling=sampling, seed=seed))
            return written if voice.is_remote else lead + written

        yield ask


def _segments(voice: Voice, instructions: str, text: str, lead: str) -> tuple[Segment, ...]:
    """A chat with the model, or, for a model that never saw one, a text to go on with."""
    if voice.markup.is_transcript:
        begin = Segment(voice.markup.begin, is_control=True)
        return begin, Segment(neutralise(f"{instructions}\n{text}\n{lead}"))
    turns = (Turn((Line("", text),)),)
    segments = render_prompt(turns, instructions, voice.markup)
    return segments if voice.is_remote or not lead else (*segments, Segment(lead))


def _voice(home: Home, settings: Settings, languages: Mapping[str, float]) -> Voice:
    generate, wanted = settings.generate, settings.train.base
    if generate.server_url:
        from bot.server import server_voice

        tokens = generate.context_tokens
        return server_voice(generate.server_url, generate.server_model, "", SELF, tokens)
    from registry.bases import choose

    name = choose(languages).id if wanted == "auto" else wanted
    return bare_voice(home, name, head="", self_handle=SELF)
