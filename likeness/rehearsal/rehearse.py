"""A rehearsal from beginning to end, or from where it was stopped.

period → scenes, gate → plan ─► everybody answers scene after scene ─► measures
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import orjson

from bot.senses import Senses, open_senses
from config.console import progress, say
from config.errors import AtselfError
from config.locks import claimed
from config.settings import Home, Settings
from ingest.archive import Archive
from likeness.errors import LikenessError
from likeness.measures.choice import distractors
from likeness.records import PLAN, Attempt, Evaluation, Plan, Player, Scene
from likeness.rehearsal.casting import (
    RECALL_SECONDS,
    Histories,
    hearing_together,
    manner_before,
    open_bots,
    patient,
)
from likeness.rehearsal.models import Bot
from likeness.rehearsal.period import Period, read_period, still_there
from likeness.rehearsal.plans import plan_of
from likeness.rehearsal.rules import attempts_of, by_meaning, by_words
from likeness.rehearsal.scenes import Staged, stage
from registry.artefact import write_json

GATE, PICKS = "gate.json", "picks.json"
SCENES = 200
ASIDE = 8
"""For so many held-out scenes there is one question about a fact, and one about the unknown."""
_TOLD = 30.0
"""Seconds between two lines of progress where there is no terminal."""


Picked = Mapping[Player, Mapping[str, Attempt]]


@dataclass(frozen=True, slots=True)
class Clock:
    """``now`` dates plans, ``seconds`` measures budgets."""

    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    seconds: Callable[[], float] = time.monotonic


REAL = Clock()


def rehearse(
    home: Home,
    settings: Settings,
    players: Sequence[Player],
    *,
    scenes: int = SCENES,
    seed: int = 7,
    minutes: float | None = None,
    title: str = "",
    chat: str | None = None,
    aside: int | None = None,
    clock: Clock = REAL,
) -> Evaluation:
    """Let ``players`` speak in ``scenes`` moments of the held-out period, and measure it.

    The same call goes on where it was stopped: by ``minutes``, after which only scenes in which
    everybody spoke are measured, or by a crash. Another archive, model or setting that changes
    what is said makes another evaluation. ``chat`` is the id of the only chat to take scenes from.
    ``aside`` is how many questions are asked about facts, and how many about the unknown, by
    default an eighth of the scenes; with 0 there are none, nor the user's own.
    Raises AtselfError where there is no dataset, nothing held out, or no such model.
    """
    settings, began = patient(settings), clock.seconds()
    end = None if minutes is None else began + 60 * minutes
    with Archive.open(home.archive, pseudonyms=settings.ingest.pseudonyms) as archive:
        forgets = archive.forgets
        period = still_there(read_period(home, chat=chat), archive)
        if len(period.held_out) < scenes:
            say(f"{home.dataset}: {len(period.held_out):,} replies were held out, all are scenes")
        staged = stage(home, settings, archive, period, scenes=scenes, seed=seed)
        count = max(1, scenes // ASIDE) if aside is None else aside
        every = [*staged.scenes, *_aside(home, settings, archive, period, count, seed)]
        plan = plan_of(home, settings, players, every, seed, title, clock.now())
        evaluation = _begun(home, plan, every, staged)
        with _alone(evaluation):
            has_news = _perform(home, settings, archive, period, evaluation, end, clock)
            _require_nobody_forgotten(archive, forgets, evaluation)
            _measure(evaluation, home, settings, has_news=has_news)
    return evaluation


def _perform(
    home: Home,
    settings: Settings,
    archive: Archive,
    period: Period,
    evaluation: Evaluation,
    end: float | None,
    clock: Clock,
) -> bool:
    """Let everybody speak who has not yet, until ``end`` of the clock; whether anybody did."""
    plan, scenes = evaluation.plan, evaluation.scenes
    done = {(one.scene, one.player) for one in evaluation.attempts}
    with open_senses(home, settings, archive, seconds=RECALL_SECONDS) as senses:
        picked = picks(evaluation, settings, archive, period, senses)
        left = [one for one in _ordered(scenes, plan.seed) if missing(one, plan, picked, done)]
        if not left:
            return False
        cast = open_bots(
            home,
            settings,
            plan.players,
            senses=senses,
            manner=manner_before(archive, period),
            period=period,
            seed=plan.seed,
        )
        with cast as bots:
            histories, forgets = Histories(archive), archive.forgets
            for scene in _told(_within(left, end, clock), len(left), clock):
                rivals = distractors(scene, scenes, plan.seed)
                _require_nobody_forgotten(archive, forgets, evaluation)
                evaluation.add(spoken(scene, bots, picked, histories, done, rivals))
    return True


def _require_nobody_forgotten(archive: Archive, forgets: int, evaluation: Evaluation) -> None:
    """Raises LikenessError, with nothing left of the rehearsal, where somebody was meanwhile."""
    if archive.forgets == forgets and evaluation.folder.is_dir():
        return
    shutil.rmtree(evaluation.folder, ignore_errors=True)
    raise LikenessError(
        f"{evaluation.folder}: somebody was forgotten meanwhile, whom its scenes may quote; run "
        "`atself dataset`, then evaluate again"
    )


def spoken(
    scene: Scene,
    bots: Sequence[Bot],
    picked: Picked,
    histories: Histories,
    done: Collection[tuple[str, Player]],
    rivals: Sequence[tuple[str, ...]] = (),
) -> list[Attempt]:
    """What those say in a scene who have not spoken in it; ``rivals`` as models are asked."""
    history, chat = histories.of(scene), histories.chat(scene)
    rules = [found[scene.id] for found in picked.values() if scene.id in found]
    said = [one for one in rules if (scene.id, one.player) not in done]
    waiting = hearing_together([bot for bot in bots if (scene.id, bot.player) not in done])
    return said + [bot.attempt(scene, history, chat, rivals) for bot in waiting]


def picks(
    evaluation: Evaluation, settings: Settings, archive: Archive, period: Period, senses: Senses
) -> Picked:
    """What the players of rules say, by scene: found once, and kept in the evaluation."""
    plan, path = evaluation.plan, evaluation.folder / PICKS
    rules = [player for player in plan.players if not player.role.is_model]
    known = _kept(path)
    if known is None:
        embedder = getattr(senses.memory, "embedder", None)
        closest = by_meaning(embedder) if embedder else by_words
        scenes, seed = evaluation.scenes, plan.seed
        found = [
            attempts_of(each, scenes, settings, archive, period, seed, closest) for each in rules
        ]
        part = path.with_name(f"{PICKS}.part")
        part.write_bytes(orjson.dumps([one.to_json() for each in found for one in each]))
        part.replace(path)
        known = [one for each in found for one in each]
    return {player: {one.scene: one for one in known if one.player == player} for player in rules}


def _kept(path: Path) -> list[Attempt] | None:
    """What was picked before; None where it is to be picked (again)."""
    try:
        return [Attempt.from_json(each) for each in orjson.loads(path.read_bytes())]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def missing(
    scene: Scene,
    plan: Plan,
    picked: Picked,
    done: Collection[tuple[str, Player]],
) -> bool:
    """Whether somebody has something to say in a scene and has not."""
    return any(
        (scene.id, player) not in done
        for player in plan.players
        if player.role.is_model or scene.id in picked[player]
    )


def _ordered(scenes: Sequence[Scene], seed: int) -> list[Scene]:
    """In an order by lot: wherever it stops, what was played is spread over everything."""
    order = list(scenes)
    Random(f"order {seed}").shuffle(order)
    return order


def _within(scenes: Sequence[Scene], end: float | None, clock: Clock) -> Iterator[Scene]:
    """As many as are begun before the end, at least one."""
    for number, scene in enumerate(scenes):
        if number and end is not None and clock.seconds() >= end:
            say(f"the time is up: {number:,} of {len(scenes):,} scenes were played")
            return
        yield scene


def _told(scenes: Iterable[Scene], total: int, clock: Clock) -> Iterator[Scene]:
    """Progress with rate and remaining time: a bar, or a line now and then."""
    began = told = clock.seconds()
    number = 0
    with progress() as display:
        task = display.add_task("Rehearsing", total=total, note="")
        for number, scene in enumerate(scenes, 1):
            yield scene
            now = clock.seconds()
            rate = number / max(now - began, 1e-6)
            display.update(task, completed=number, note=f"{rate:.2f} scenes/s")
            if not display.console.is_terminal and now - told >= _TOLD:
                told = now
                say(f"{number:,} of {total:,} scenes, {rate:.2f}/s, {_left(total - number, rate)}")
    seconds = max(clock.seconds() - began, 1.0)
    say(f"rehearsed {number:,} scenes in {seconds:.0f} s ({number / seconds:.2f}/s)")


def _left(scenes: int, rate: float) -> str:
    seconds = scenes / rate
    return f"{seconds:.0f} s to go" if seconds < 90 else f"{seconds / 60:.0f} min to go"


def _aside(
    home: Home, settings: Settings, archive: Archive, period: Period, count: int, seed: int
) -> list[Scene]:
    """Questions beside what happened: about facts, about the unknown, and the user's own."""
    if not count:
        return []
    from likeness.probes import probe_scenes
    from likeness.questions import controlled_scenes

    until = period.start
    probes = probe_scenes(archive, settings, until=until, facts=count, unknown=count, seed=seed)
    try:
        return [*probes, *controlled_scenes(home, archive)]
    except AtselfError as error:  # somebody named in the list left: no reason to rehearse nothing
        say(f"{error}; without the questions of the list")
        return probes


def _measure(evaluation: Evaluation, home: Home, settings: Settings, *, has_news: bool) -> None:
    from likeness.measures.measuring import measure

    if has_news or not _is_measured(evaluation):
        evaluation.finish(measure(evaluation, home, settings).to_json())


def _is_measured(evaluation: Evaluation) -> bool:
    try:
        return bool(evaluation.measures)
    except LikenessError:  # damaged: measured again
        return False


def _begun(home: Home, plan: Plan, scenes: Sequence[Scene], staged: Staged) -> Evaluation:
    """The evaluation of a plan, begun where it was not."""
    evaluation = Evaluation(home.evaluations / plan.id)
    if not (evaluation.folder / PLAN).is_file():
        evaluation.folder.mkdir(parents=True, exist_ok=True)
        write_json(evaluation.folder / GATE, staged.gate)
        evaluation.begin(plan, scenes)
        say(f"{evaluation.folder}: {plan.told_scenes}; {len(plan.players)} players")
    return evaluation


@contextmanager
def _alone(evaluation: Evaluation) -> Iterator[None]:
    with claimed(evaluation.folder) as is_free:
        if not is_free:
            raise LikenessError(
                f"{evaluation.folder}: another atself is at this evaluation; wait for it"
            )
        yield
