"""A group chat at the terminal: several speakers, one of them @self."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress

from bot.errors import SceneError
from bot.platforms.display import Screen
from bot.platforms.scene import Said, Scene, read_line
from bot.responder import Answer, Responder
from ingest.chat import Person

HELP = """\
Type a line to say it as the current speaker; @self answers.
  @nice_guy: text   say one line as somebody else
  +text             only add the line; @self does not answer it
  /as nice_guy      speak as nice_guy from now on (anybody; a new name is a new member)
  /who              who is here
  /why              what was recalled for the last reply, and the prompt with its tokens
  /new              a new scene: forget what was said
  /model            which model speaks
  /help  /quit
Ctrl-C stops a reply. Nothing typed here is stored."""


class Chat:
    """One session: takes typed lines, lets @self answer, obeys slash commands.

    ``chat`` limits recall to one conversation; ``seed`` grows with every answer.
    """

    def __init__(
        self,
        responder: Responder,
        scene: Scene,
        screen: Screen,
        *,
        speaker: Person,
        seed: int,
        chat: str | None = None,
    ) -> None:
        self._responder, self._scene, self._screen = responder, scene, screen
        self._seed, self._chat = seed, chat
        self._last: Answer | None = None
        self.speaker = speaker
        self._commands: dict[str, Callable[[str], None]] = {
            "as": self._speak_as,
            "who": self._who,
            "why": self._why,
            "new": self._new,
            "model": self._model,
            "help": self._help,
        }

    def prompt(self) -> str:
        """What stands before the cursor."""
        return self._screen.prompt(self.speaker.handle)

    def greet(self) -> None:
        """Say who speaks here."""
        name = self._responder.voice.name
        self._screen.note(f"@self is {name}; you are @{self.speaker.handle}. /help, /quit")

    def run(self, lines: Iterable[str]) -> None:
        """Obey and answer line by line until ``/quit`` or the end."""
        for line in lines:
            words = line.strip()
            if words in ("/quit", "/exit", "/q"):
                return
            try:
                self._take(words)
            except SceneError as error:
                self._screen.note(str(error))
            except KeyboardInterrupt:
                self._screen.note("stopped")

    def say(self, said: Said) -> None:
        """Add a line to the scene and, unless it is silent, let @self answer it."""
        who = self._scene.person(said.who) if said.who else self.speaker
        if not said.text:
            return
        trigger = self._scene.say(who, said.text)
        if said.is_silent:
            return
        self._seed += 10  # further tries of the same answer take the seeds between
        with self._screen.writing(self._responder.voice) as watch:
            self._last = self._responder.answer(
                self._scene.messages,
                now=self._scene.now(),
                seed=self._seed,
                chat=self._chat,
                watch=watch,
            )
        self._scene.answer(self._last.reply)
        self._screen.answer(trigger, self._last)

    def _take(self, words: str) -> None:
        if words.startswith("/"):
            self._obey(words)
        elif words:
            self.say(read_line(words))

    def _obey(self, words: str) -> None:
        name, _, rest = words.removeprefix("/").partition(" ")
        command = self._commands.get(name)
        if command is None:
            raise SceneError(f"/{name}: no such command; /help shows them")
        command(rest.strip())

    def _speak_as(self, who: str) -> None:
        self.speaker = self._scene.person(who)
        self._screen.note(f"speaking as @{self.speaker.handle}")

    def _who(self, _rest: str) -> None:
        self._screen.people(self._scene.speakers, self._scene.known)

    def _why(self, _rest: str) -> None:
        self._screen.why(self._last, self._responder.generator.count)

    def _new(self, _rest: str) -> None:
        self._scene.restart()
        self._last = None
        self._screen.note("a new scene")

    def _model(self, _rest: str) -> None:
        voice = self._responder.voice
        context = self._responder.generator.context_tokens
        place = "" if voice.is_remote else f": {voice.model}"
        self._screen.note(f"{voice.name} ({voice.markup.name}, {context} tokens){place}")

    def _help(self, _rest: str) -> None:
        self._screen.note(HELP)


def typed_lines(prompt: Callable[[], str]) -> Iterator[str]:
    """Lines from the keyboard behind a prompt, or from a pipe; ends at Ctrl-D or Ctrl-C."""
    if not sys.stdin.isatty():
        yield from sys.stdin
        return
    with suppress(ImportError):
        import readline  # noqa: F401  line editing and history for input()
    with suppress(EOFError, KeyboardInterrupt):
        while True:
            yield input(prompt())
