"""Large things loaded once per process, by whichever thread asks first."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from threading import Lock
from typing import Any

_GUARD = Lock()
_LOCKS: dict[Hashable, Lock] = {}
_LOADED: dict[Hashable, Any] = {}


def loaded(key: Hashable, load: Callable[[], Any]) -> Any:
    """What ``load`` returned when ``key`` was first asked for; other threads wait for it."""
    with _GUARD:
        if key in _LOADED:
            return _LOADED[key]
        lock = _LOCKS.setdefault(key, Lock())
    with lock:
        if key not in _LOADED:
            _LOADED[key] = load()
        return _LOADED[key]


def is_loaded(key: Hashable) -> bool:
    """Whether :func:`loaded` would return at once."""
    return key in _LOADED


def unload(key: Hashable) -> None:
    """Forget what was loaded; its memory goes once nobody uses it any more."""
    with _GUARD:
        _LOADED.pop(key, None)
