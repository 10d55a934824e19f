"""Who speaks: the players of a rehearsal with their models loaded, each model once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from datetime import timedelta

from bot.app import open_generator
from bot.errors import ModelUnusable
from bot.generation import Generator
from bot.habits import Habits
from bot.manner import Manner
from bot.senses import Senses
from bot.voice import Voice
from bot.voices import BASE, base_voice, find_voice
from config.console import say
from config.settings import Home, Settings
from ingest.archive import Archive
from ingest.chat import Line, Message, Person
from ingest.listening import Listener
from ingest.prompt import SELF
from likeness.errors import LikenessError
from likeness.records import Player, Role, Scene
from likeness.rehearsal.models import Bot, examples_of, voice_for
from likeness.rehearsal.period import Period
from registry.errors import RegistryError
from registry.store import Registry

RECALL_SECONDS = 30.0
"""Nobody waits for a rehearsal: what recall finds and what is taken for heard must not hang on how
busy the machine is, nor be less for who is asked first."""


def patient(settings: Settings) -> Settings:
    """The settings with as much time for recall as it takes."""
    recall = settings.recall.model_copy(update={"seconds": RECALL_SECONDS})
    return settings.model_copy(update={"recall": recall})


def base_of(home: Home, settings: Settings, players: Sequence[Player]) -> Voice:
    """The untrained base of the first version among the players, or the one to be trained.

    Raises AtselfError where there is none.
    """
    version = next((each.version for each in players if each.version), "")
    if not version:
        return base_voice(home, settings)
    registry = Registry(home.models)
    manifest = registry.get(version)
    if manifest.remote is not None:
        return find_voice(home, settings, BASE)
    trained = Voice.of(manifest, registry.model_path(version))
    return base_voice(home, settings, trained, manifest.base.id)


def voices_of(home: Home, settings: Settings, players: Sequence[Player]) -> dict[Player, Voice]:
    """The voices of the players that are models. Raises AtselfError where one is missing."""
    untrained = [each for each in players if each.role in (Role.BASE, Role.PROMPTED)]
    trained = [each for each in players if each.role in (Role.ADAPTER, Role.FULL)]
    base = base_of(home, settings, players) if untrained else None
    found = {each: voice_for(each.role, base) for each in untrained if base}
    known = {name: find_voice(home, settings, name or None) for name in _versions(trained)}
    return {**found, **{each: known[each.version] for each in trained}}


def _versions(players: Sequence[Player]) -> Sequence[str]:
    return list(dict.fromkeys(player.version for player in players))


@contextmanager
def open_bots(
    home: Home,
    settings: Settings,
    players: Sequence[Player],
    *,
    senses: Senses,
    manner: Manner,
    period: Period,
    seed: int,
) -> Iterator[list[Bot]]:
    """The model players, ready to speak; a model that several share is loaded once."""
    blind = replace(senses, memory=None)
    examples = examples_of(period.past, seed=seed)
    loaded: dict[object, Generator] = {}
    with ExitStack() as stack:
        bots = []
        voices = voices_of(home, settings, players)
        for player in (each for each in players if each.role.is_model):
            voice = voices[player]
            key = voice.remote or voice.model
            if key not in loaded:
                generator = open_generator(voice, settings, is_live=True)
                loaded[key] = stack.enter_context(closing(generator))
            remembers = player.role in (Role.PROMPTED, Role.FULL)
            is_shown = player.role is Role.PROMPTED
            bot = Bot(
                player,
                voice,
                loaded[key],
                settings,
                senses if remembers else blind,
                manner,
                seed,
                examples if is_shown else {},
            )
            bots.append(bot)
        yield bots


def hearing_together(bots: Sequence[Bot]) -> list[Bot]:
    """The bots of one scene: they hear the same, and what one has heard all have.

    Not for two scenes: what is heard hangs on what was heard before.
    """
    if not bots:
        return []
    hearing, settings = bots[0].senses.hearing, bots[0].settings
    gap = timedelta(minutes=settings.threads.gap_minutes)
    listener = Listener(gap, hearing.ranking, hearing.meaning)
    return [replace(bot, senses=replace(bot.senses, listener=listener)) for bot in bots]


def manner_before(archive: Archive, period: Period) -> Manner:
    """How @self typed before the period, as ``bot.manner`` learns it from all of an archive."""
    habits = Habits()
    for chat in archive.chats():
        habits.open(has_times=chat.has_times)
        for message in archive.messages(chat.id, before=period.start):
            habits.add(message)
    return habits.manner()


class Histories:
    """The lines of scenes as the messages they were, or as if they had been said."""

    def __init__(self, archive: Archive) -> None:
        self._archive, self._me = archive, archive.me()
        self._people = {person.handle: person for person in archive.people()}
        self._chats = {chat.id for chat in archive.chats()}

    def of(self, scene: Scene) -> list[Message]:
        """What the scene shows, oldest first."""
        known = {one.id: one for one in self._archive.get(line.message_id for line in scene.before)}
        return [
            known.get(line.message_id) or self._made(line, scene, number)
            for number, line in enumerate(scene.before)
        ]

    def chat(self, scene: Scene) -> str | None:
        """The chat that recall is bound to; none where a scene is of no chat: its owner asks."""
        return scene.chat if scene.chat in self._chats else None

    def _made(self, line: Line, scene: Scene, number: int) -> Message:
        id = line.message_id or f"{scene.id}:{number}"
        at = line.sent_at or scene.at
        return Message(id, scene.chat, self._person(line), at, line.text)

    def _person(self, line: Line) -> Person:
        if line.is_self or line.handle == SELF:
            return self._me
        stranger = Person(-1, line.handle, (line.handle,))
        return self._people.get(line.handle, stranger)


def players_of(
    home: Home,
    settings: Settings,
    *,
    models: Sequence[str] = (),
    against: str | None = None,
    wanted: Sequence[str] = (),
) -> tuple[Player, ...]:
    """The players of an evaluation, from floor to ceiling; ``wanted`` are names of roles.

    ``models`` are versions, by default the serving one; ``against`` adds another with memory. Where
    nothing is trained, and no server is set, the base and the rules remain, and where the base is
    no GGUF, it is left out. Raises LikenessError for a name that is none.
    """
    unknown = [name for name in wanted if name.upper() not in Role.__members__]
    if unknown:
        known = ", ".join(name.lower() for name in Role.__members__)
        raise LikenessError(f"--players: there is no {unknown[0]!r}; there are: {known}")
    registry = Registry(home.models)
    serving = registry.serving()
    versions = list(models) or ([serving.version] if serving else [])
    if not versions and settings.generate.server_url:
        versions = [""]
    if against and against in versions:
        raise LikenessError(f"--against: {against} is played already; name another version")
    for version in (*versions, *([against] if against else [])):
        if version:
            registry.get(version)  # an unknown one is an error, not a reason to leave out the base
    roles = [role for role in Role if not wanted or role.name.lower() in wanted]
    found = [player for role in roles for player in _cast(role, versions, against)]
    return tuple(found) if _has_base(home, settings, found) else _without_base(found)


def _cast(role: Role, versions: Sequence[str], against: str | None) -> Iterator[Player]:
    if role not in (Role.ADAPTER, Role.FULL):
        yield Player(role)
        return
    also = [against] if against and role is Role.FULL else []
    for version in (*versions, *also):
        yield Player(role, version)


def _has_base(home: Home, settings: Settings, players: Sequence[Player]) -> bool:
    """Whether the untrained base can speak here, if it is to; where it cannot, says why."""
    if not any(player.role in (Role.BASE, Role.PROMPTED) for player in players):
        return True
    try:
        base_of(home, settings, players)
    except (ModelUnusable, RegistryError) as error:
        say(f"{error}; without the base")
        return False
    return True


def _without_base(players: Sequence[Player]) -> tuple[Player, ...]:
    return tuple(each for each in players if each.role not in (Role.BASE, Role.PROMPTED))


def chat_named(home: Home, settings: Settings, title: str) -> str:
    """The id of the one chat with this title or id. Raises LikenessError."""
    with Archive.open(home.archive, pseudonyms=settings.ingest.pseudonyms) as archive:
        chats = archive.chats()
    found = [one.id for one in chats if title.casefold() in (one.title.casefold(), one.id)]
    if len(found) == 1:
        return found[0]
    known = ", ".join(repr(one.title or one.id) for one in chats[:8])
    problem = "several conversations are" if found else "no conversation is"
    raise LikenessError(f"--chat: {problem} called {title!r}; there are: {known}")
