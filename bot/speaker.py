"""One responder on a thread of its own: opened, proven, used and closed there."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import AbstractContextManager

from bot.errors import SpeakingFailed
from bot.questions import Job, Queue
from bot.responder import Responder
from config.errors import AtselfError

_log = logging.getLogger("atself.worker")


class Speaker:
    """Serves jobs from ``queue`` by ``serve``, from :meth:`take_over` until :meth:`leave`.

    ``serve`` answers a job or fails it, and raises where the responder failed for no reason of the
    job's; the self-test then tells whether it is of further use. If not, it is opened anew, once,
    and takes the job up again.
    """

    def __init__(
        self,
        open_responder: Callable[[], AbstractContextManager[Responder]],
        queue: Queue,
        serve: Callable[[Responder, Job], None],
        fail: Callable[[Job, AtselfError], None],
    ) -> None:
        self._open, self._queue, self._serve, self._fail = open_responder, queue, serve, fail
        self._proven: Future[str] = Future()
        self._is_on, self._is_leaving = threading.Event(), False
        self._left = threading.Event()
        self._broken: Job | None = None
        self._thread = threading.Thread(target=self._run, name="atself-speaking", daemon=True)
        self.name = ""

    def prove(self) -> str:
        """Open the responder and let it speak; its name. Raises AtselfError where it cannot."""
        self._thread.start()
        try:
            return self._proven.result()
        except AtselfError:
            raise
        except Exception as error:
            raise SpeakingFailed(f"the model cannot be opened ({_place(error)})") from error

    def take_over(self) -> None:
        """Begin to serve."""
        self._is_on.set()

    def leave(self) -> None:
        """Serve no more after the job at hand, and wait for its end."""
        self._is_leaving = True
        self._is_on.set()
        self._queue.wake()
        if self._thread.is_alive():
            self._left.wait()

    def join(self) -> None:
        """Wait until everything is closed."""
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        try:
            self._speak()
        except BaseException as error:
            if not self._proven.done():
                self._proven.set_exception(error)
            else:
                self._refuse(error)
        finally:
            self._left.set()

    def _speak(self) -> None:
        """Serve with one responder, and where that breaks with another, to the end."""
        is_over = False
        while not is_over:
            with self._open() as responder:
                responder.prove()
                self.name = responder.voice.name
                if not self._proven.done():
                    self._proven.set_result(self.name)
                self._is_on.wait()
                is_over = self._serving(responder)
                if is_over:
                    self._left.set()

    def _serving(self, responder: Responder) -> bool:
        """Serve until there is no more to do; false where the responder is beyond use."""
        again, self._broken = self._broken, None
        while not self._is_leaving or again:
            job = again or self._queue.get(lambda: self._is_leaving)
            if job is None:
                return True
            try:
                self._serve(responder, job)
            except Exception as error:
                if again is not job and self._is_broken(responder, error):
                    self._broken = job
                    return False
                self._fail(job, _explained(error))
            again = None
        return True

    def _is_broken(self, responder: Responder, error: Exception) -> bool:
        """Whether the self-test fails, too; a server somewhere else is not opened anew."""
        if responder.voice.is_remote:
            return False
        try:
            responder.prove()
        except Exception as problem:
            _log.error("%s: beyond use (%s); opening it again", self.name, _place(problem))
            return True
        return False

    def _refuse(self, error: BaseException) -> None:
        """With no responder left, fail what is asked until another takes over."""
        reason = SpeakingFailed(f"{self.name} cannot be opened again ({_place(error)}); reload")
        _log.error("%s", reason)
        job = self._broken
        while job or not self._is_leaving:
            job = job or self._queue.get(lambda: self._is_leaving)
            if job is None:
                return
            self._fail(job, reason)
            job = None


def _explained(error: Exception) -> AtselfError:
    return error if isinstance(error, AtselfError) else SpeakingFailed(_place(error))


def _place(error: BaseException) -> str:
    """What went wrong and where in the code: the text of a foreign error may quote a chat."""
    if isinstance(error, AtselfError):
        return str(error)
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    where = f"{frame.tb_frame.f_code.co_filename}:{frame.tb_lineno}" if frame else "nowhere"
    return f"{type(error).__name__} at {where}"
