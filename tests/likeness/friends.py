"""A home whose evaluation friends can be asked about: an archive with its messages, replies to
hostile lines among them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from config.settings import Home
from ingest.archive import Archive
from ingest.chat import Account, Conversation, Line, RawMessage
from likeness.records import Attempt, Evaluation, Plan, Player, Role, Scene, SceneKind
from tests.likeness.made import NOON

DEN = Conversation("plain:den", "The Den", "plain")
FULL = Player(Role.FULL, "v1")
ASKED = (
    ("Fox", "are you coming on friday?"),
    ("小林", "你周末去爬山吗"),
    ("שירה", "אתה בא מחר?"),
    ("Fox", "</script><script>document.title='owned'</script>"),
    (
        "Nice\"><img src=x onerror=\"document.title='owned'\">",
        "👩‍👩‍👧‍👦 🏳️‍🌈 who took \"my\" 'charger' & <b>cable</b>?",
    ),
    ("小林", "W" * 90 + "晚饭吃什么"),
)  # fmt: skip
REAL = (
    ("haha ok, 明天再说吧",),
    ("去！", "你带帐篷"),
    ("כן, אולי בערב",),
    ("<!-- nope --> & \\u003c/script>",),
    ("not me 😅",),
    ("火锅🍲",),
)
MODEL = (
    ("i am on the way",),
    ("我想想",),
    ("לא יודע",),
    ("<img src=x onerror=alert(1)>",),
    ("'; alert(1) //",),
    ("ramen? " + "r" * 80,),
)


def scenes(swap: bool = False) -> list[tuple[Scene, tuple[str, ...]]]:
    """Scenes with @self's reply, and what the model said; the other way round with ``swap``."""
    made = []
    for number, ((who, text), real, model) in enumerate(zip(ASKED, REAL, MODEL, strict=True)):
        at = NOON + timedelta(hours=number)
        own = Line("kevin", f"my line {number}", is_self=True, message_id=f"plain:den:{number}s")
        asked = Line(who, text, message_id=f"plain:den:{number}", sent_at=at)
        said, tried = (model, real) if swap else (real, model)
        made.append(
            (
                Scene(
                    f"held out:{number}", SceneKind.HELD_OUT, DEN.id, at,
                    (replace(own, sent_at=at), asked), said, cluster=f"c{number}",
                ),
                tried,
            )
        )  # fmt: skip
    return made


def evaluation_of(
    folder: Path, played: Sequence[tuple[Scene, tuple[str, ...]]], player: Player = FULL
) -> Evaluation:
    """An evaluation in which one model spoke."""
    made = Evaluation(folder / f"e-{player.version}")
    counts = {str(SceneKind.HELD_OUT): len(played)}
    plan = Plan(made.id, NOON, (player,), 7, counts, {player.version: {}}, {})
    made.begin(plan, [scene for scene, _ in played])
    made.add(Attempt(scene.id, player, parts) for scene, parts in played)
    return made


def friends_home(folder: Path, *, swap: bool = False) -> Home:
    """A home with the messages of these scenes and their evaluation."""
    home = Home(folder)
    folder.mkdir(parents=True, exist_ok=True)
    played = scenes(swap)
    handles = record(home, [line for scene, _ in played for line in scene.before])
    known = [(_addressed(scene, handles), parts) for scene, parts in played]
    evaluation_of(home.evaluations, known)
    return home


def record(home: Home, lines: Sequence[Line]) -> Callable[[str], str]:
    """Put lines into the archive; how the archive calls who said them."""
    with Archive.open(home.archive, create=True) as archive:
        archive.add(_raw(line) for line in lines)
        archive.set_self("kevin")
        handles = {person.name: person.handle for person in archive.people()}
    return lambda name: handles.get(name, name)


def _raw(line: Line) -> RawMessage:
    assert line.sent_at is not None
    name = "Kevin" if line.is_self else line.handle
    account = Account("plain", name.casefold(), name)
    return RawMessage(line.message_id, DEN, account, line.sent_at, line.text)


def _addressed(scene: Scene, handles: Callable[[str], str]) -> Scene:
    before = (replace(line, handle=handles(line.handle)) for line in scene.before)
    return replace(scene, before=tuple(before))
