"""One thread that speaks: order, limits, cancelling, failures, and another model without a gap."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.errors import ModelUnusable, SpeakingFailed
from bot.generation import Ending, Sampling, never
from bot.generator import LlamaGenerator
from bot.questions import Priority, Question
from bot.responder import GREETING, Responder
from bot.voice import Voice
from bot.worker import Worker
from config.settings import Settings
from ingest.markup import transcript_markup
from ingest.prompt import RENDERER, Segment
from tests.bot.conftest import HEAD, START, Say
from tests.bot.scripted import ScriptedGeneration, ScriptedGenerator

VOICE = Voice("v1", Path("model.gguf"), RENDERER, transcript_markup(), HEAD, "kevin", 2048)
Open = Callable[[], AbstractContextManager[Responder]]


class Puppet(ScriptedGenerator):
    """Says ``text`` once ``go`` is set, unless it is cancelled; breaks where it is told to."""

    def __init__(self, text: str = " yes", *, broken: Sequence[str] = ()) -> None:
        super().__init__(text)
        self.go = threading.Event()
        self.go.set()
        self.begun = threading.Event()
        self.broken = list(broken)
        self.threads: set[int] = set()
        self.is_closed = False

    def generate(
        self,
        segments: Sequence[Segment],
        *,
        sampling: Sampling,
        seed: int,
        cancelled: Callable[[], bool] = never,
    ) -> ScriptedGeneration:
        self.threads.add(threading.get_ident())
        said = super().generate(segments, sampling=sampling, seed=seed, cancelled=cancelled)
        if any(word in self.prompts[-1] for word in self.broken):
            raise RuntimeError("llama_decode returned -3")
        self.begun.set()
        while GREETING not in self.prompts[-1] and not self.go.wait(0.005):
            if cancelled():
                return ScriptedGeneration("", Ending.CANCELLED)
        return said

    def close(self) -> None:
        self.threads.add(threading.get_ident())
        self.is_closed = True

    @property
    def answered(self) -> list[str]:
        """The last lines of what it was asked, the greeting left out."""
        lines = [prompt.splitlines()[-2].split(": ")[1] for prompt in self.prompts]
        return [line for line in lines if line != GREETING]


def opening(puppet: Puppet, name: str = "v1") -> Open:
    @contextmanager
    def opened() -> Iterator[Responder]:
        with closing(puppet):
            yield Responder(replace(VOICE, name=name), puppet, Settings())

    return opened


@pytest.fixture
def question(say: Say) -> Callable[..., Question]:
    """A question with a line of its own."""

    def asked(text: str, priority: Priority = Priority.ADDRESSED, **more: object) -> Question:
        made = Question([say("bob", text)], "test:chat", None, START, 5, priority)
        return replace(made, **more)  # type: ignore[arg-type]

    return asked


Ask = Callable[..., Question]


async def blocked(worker: Worker, puppet: Puppet, question: Question) -> asyncio.Task[object]:
    """The worker busy with a question until the puppet may go on."""
    puppet.go.clear()
    puppet.begun.clear()
    task: asyncio.Task[object] = asyncio.ensure_future(worker.answer(question))
    await asyncio.to_thread(puppet.begun.wait)
    return task


def run(puppet: Puppet, scene: Callable[[Worker], object], **limits: int) -> None:
    async def play() -> None:
        worker = Worker(opening(puppet), clock=lambda: START, **limits)
        try:
            assert await worker.open() == "v1"
            await scene(worker)  # type: ignore[misc]
        finally:
            await asyncio.to_thread(worker.close)
        assert puppet.is_closed
        assert len(puppet.threads) == 1
        assert threading.get_ident() not in puppet.threads

    asyncio.run(play())


def test_everything_happens_on_one_thread_of_its_own(question: Ask) -> None:
    async def scene(worker: Worker) -> None:
        answer = await worker.answer(question("tea?"))
        assert answer.reply.parts == ("yes",)
        assert (worker.stats.answered, worker.stats.failed, worker.stats.queued) == (1, 0, 0)
        assert worker.stats.model == "v1"
        assert worker.stats.first_token_seconds is not None

    run(Puppet(), scene)


def test_addressed_questions_come_first_and_of_those_the_oldest(question: Ask) -> None:
    puppet = Puppet()

    async def scene(worker: Worker) -> None:
        first = await blocked(worker, puppet, question("first"))
        assert worker.stats.current == "test:chat"
        kinds = [("o1", Priority.OVERHEARD), ("a1", Priority.ADDRESSED)]
        kinds += [("o2", Priority.OVERHEARD), ("a2", Priority.ADDRESSED)]
        tasks = [asyncio.ensure_future(worker.answer(question(*kind))) for kind in kinds]
        await asyncio.sleep(0)
        assert worker.stats.queued == 4
        puppet.go.set()
        await asyncio.gather(first, *tasks)
        assert puppet.answered == ["first", "a1", "a2", "o1", "o2"]

    run(puppet, scene)


def test_the_least_urgent_falls_out_of_a_full_queue_and_is_told(question: Ask) -> None:
    puppet = Puppet()

    async def scene(worker: Worker) -> None:
        first = await blocked(worker, puppet, question("first"))
        low = asyncio.ensure_future(worker.answer(question("low", Priority.OVERHEARD)))
        await asyncio.sleep(0)
        high = asyncio.ensure_future(worker.answer(question("high")))
        with pytest.raises(SpeakingFailed, match="too many"):
            await low
        with pytest.raises(SpeakingFailed, match="too many"):
            await worker.answer(question("lower", Priority.OVERHEARD))
        puppet.go.set()
        await asyncio.gather(first, high)
        assert puppet.answered == ["first", "high"]
        assert worker.stats.fallen == 2

    run(puppet, scene, most_waiting=1)


def test_cancelling_the_task_ends_the_generation_and_the_waiting(question: Ask) -> None:
    puppet = Puppet()

    async def scene(worker: Worker) -> None:
        speaking = await blocked(worker, puppet, question("first"))
        waiting = asyncio.ensure_future(worker.answer(question("second")))
        await asyncio.sleep(0)
        for task in (speaking, waiting):
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        third = asyncio.ensure_future(worker.answer(question("third")))
        puppet.begun.clear()
        await asyncio.to_thread(puppet.begun.wait)
        puppet.go.set()
        await third
        assert puppet.answered == ["first", "third"]
        assert worker.stats.dropped == 2

    run(puppet, scene)


def test_a_question_can_be_withdrawn(question: Ask) -> None:
    puppet = Puppet()

    async def scene(worker: Worker) -> None:
        moved_on: list[bool] = []
        asked = question("tea?", cancelled=lambda: bool(moved_on))
        task = await blocked(worker, puppet, asked)
        moved_on.append(True)
        answer = await task
        assert answer.reply.parts == ()  # type: ignore[attr-defined]
        assert answer.timings.ending is Ending.CANCELLED  # type: ignore[attr-defined]

    run(puppet, scene)


def test_what_comes_too_late_is_not_written(question: Ask) -> None:
    puppet = Puppet()

    async def scene(worker: Worker) -> None:
        with pytest.raises(SpeakingFailed, match="after the deadline"):
            await worker.answer(question("tea?", deadline=START - timedelta(seconds=1)))
        answer = await worker.answer(question("tea?", deadline=START + timedelta(seconds=1)))
        assert answer.reply.parts == ("yes",)
        assert puppet.answered == ["tea?"]

    run(puppet, scene)


def test_a_model_that_raises_fails_its_job_and_the_worker_lives_on(question: Ask) -> None:
    puppet = Puppet(broken=["poison"])

    async def scene(worker: Worker) -> None:
        with pytest.raises(SpeakingFailed, match=r"RuntimeError at .*test_worker\.py") as problem:
            await worker.answer(question("poison"))
        assert "\n" not in str(problem.value)
        assert (await worker.answer(question("tea?"))).reply.parts == ("yes",)
        assert (worker.stats.failed, worker.stats.answered) == (1, 1)

    run(puppet, scene)


def test_a_model_beyond_use_is_opened_again_once_and_answers(question: Ask) -> None:
    sick, well = Puppet(), Puppet(" better")
    opened = iter([opening(sick, "v1"), opening(well, "v1")])

    async def play() -> None:
        worker = Worker(lambda: next(opened)())
        await worker.open()
        sick.broken.append("@")
        assert (await worker.answer(question("tea?"))).reply.parts == ("better",)
        assert sick.is_closed
        well.broken.append("@")
        with pytest.raises(SpeakingFailed, match=r"v1 cannot be opened again .*reload"):
            await worker.answer(question("tea?"))
        with pytest.raises(SpeakingFailed, match="cannot be opened again"):
            await worker.answer(question("and now?"))
        third = Puppet(" new")
        assert await worker.exchange(opening(third, "v2")) == "v2"
        assert (await worker.answer(question("tea?"))).reply.parts == ("new",)
        await asyncio.to_thread(worker.close)

    asyncio.run(play())


def test_another_model_takes_over_between_two_jobs(question: Ask) -> None:
    old, new = Puppet(" old"), Puppet(" new")

    async def scene(worker: Worker) -> None:
        first = await blocked(worker, old, question("first"))
        second = asyncio.ensure_future(worker.answer(question("second")))
        exchange = asyncio.ensure_future(worker.exchange(opening(new, "v2")))
        await asyncio.to_thread(new.begun.wait)
        assert not exchange.done()
        old.go.set()
        assert (await first).reply.parts == ("old",)  # type: ignore[attr-defined]
        assert (await second).reply.parts in (("new",), ("old",))
        assert await exchange == "v2"
        assert worker.stats.model == "v2"
        assert old.is_closed
        assert (await worker.answer(question("third"))).reply.parts == ("new",)

    run(old, scene)
    assert new.is_closed


@pytest.mark.parametrize("text", ["", " \n", "\n@bob: I am bob"])
def test_a_model_with_nothing_to_say_does_not_take_over(question: Ask, text: str) -> None:
    async def scene(worker: Worker) -> None:
        mute = Puppet(text.split("\n@")[0])
        with pytest.raises(SpeakingFailed, match="v2: answers a greeting with nothing"):
            await worker.exchange(opening(mute, "v2"))
        assert mute.is_closed
        assert (await worker.answer(question("tea?"))).reply.parts == ("yes",)
        assert worker.stats.model == "v1"

    run(Puppet(), scene)


def test_a_stopped_worker_fails_what_waits(question: Ask) -> None:
    puppet = Puppet()

    async def scene(worker: Worker) -> None:
        first = await blocked(worker, puppet, question("first"))
        second = asyncio.ensure_future(worker.answer(question("second")))
        await asyncio.sleep(0)
        await asyncio.to_thread(worker.close)
        for task in (first, second):
            with pytest.raises(SpeakingFailed, match="stopped"):
                await task
        with pytest.raises(SpeakingFailed, match="stopped"):
            await worker.answer(question("third"))

    run(puppet, scene)


@pytest.mark.slow
def test_a_bad_artefact_leaves_the_old_model_serving(
    smollm2_voice: Voice, tmp_path: Path, question: Ask
) -> None:
    short = tmp_path / "model.gguf"
    short.write_bytes(smollm2_voice.model.read_bytes()[:2_000_000])
    settings = Settings()
    quick = settings.generate.model_copy(update={"max_new_tokens": 8})
    settings = settings.model_copy(update={"generate": quick})

    @contextmanager
    def opened(voice: Voice) -> Iterator[Responder]:
        with LlamaGenerator(voice, context_tokens=512, threads=1, chats=2) as generator:
            yield Responder(voice, generator, settings)

    bad = {
        "cannot load it": replace(smollm2_voice, model=short),
        "no such model file": replace(smollm2_voice, model=tmp_path / "gone.gguf"),
        "made for prompt renderer": replace(smollm2_voice, renderer="atself-0"),
    }

    async def play() -> None:
        worker = Worker(lambda: opened(smollm2_voice))
        await worker.open()
        for reason, voice in bad.items():
            with pytest.raises(ModelUnusable, match=reason):
                await worker.exchange(lambda voice=voice: opened(voice))  # type: ignore[misc]
            assert (await worker.answer(question("tea or coffee?"))).timings.generated
        again = replace(smollm2_voice, name="v2")
        assert await worker.exchange(lambda: opened(again)) == "v2"
        assert (await worker.answer(question("tea or coffee?"))).timings.generated
        await asyncio.to_thread(worker.close)

    asyncio.run(play())
