"""Who is using a folder, asked of the kernel: locks end with their process.

Folders are locked themselves (flock), so that no lock file can be left behind.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Lease:
    """A hold on a folder; others may hold it too, nobody may take it away. Release it once."""

    def __init__(self, folder: Path) -> None:
        """Raises FileNotFoundError where the folder is gone, or goes meanwhile."""
        self._handle: int | None = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(self._handle, fcntl.LOCK_SH)
            _require_same(self._handle, folder)
        except OSError:
            self.release()
            raise

    def release(self) -> None:
        """Let go."""
        handle, self._handle = self._handle, None
        if handle is not None:
            os.close(handle)


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold a folder while something in it is in use."""
    lease = Lease(folder)
    try:
        yield
    finally:
        lease.release()


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Wait until nobody else holds ``folder``, and keep everybody out until the end."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


@contextmanager
def claimed(folder: Path) -> Iterator[bool]:
    """Whether nobody holds ``folder``; if so, nobody can until the end."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield _try_lock(handle)
    finally:
        os.close(handle)


def _try_lock(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _require_same(handle: int, folder: Path) -> None:
    """Between opening and locking the folder may have been put away."""
    if not os.path.samestat(os.fstat(handle), folder.stat()):
        raise FileNotFoundError(f"{folder} is gone")
