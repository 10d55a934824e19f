"""Memory that is handed out clean while files are written from it.

hnswlib writes the whole block it once asked for, used or not, and what it did not use holds what
this process had there before: pieces of vectors and ids, of what is being forgotten, too.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager

_M_PERTURB = -6  # malloc.h of glibc: fill what is allocated, and what is freed, with a byte
_BYTE = 0x55


@contextmanager
def clean_heap() -> Iterator[None]:
    """Until the end every new block is filled with one byte. Without effect where not glibc's."""
    _perturb(_BYTE)
    try:
        yield
    finally:
        _perturb(0)


def _perturb(byte: int) -> None:
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_PERTURB, byte)
