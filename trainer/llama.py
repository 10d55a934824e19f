"""llama.cpp without its running commentary on stderr."""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any


@cache
def quiet_llama() -> Any:
    """The llama_cpp module, silenced: failures reach us as return values and exceptions."""
    import llama_cpp

    # Kept alive by the module object: llama.cpp holds only the address.
    llama_cpp.atself_discard = llama_cpp.llama_log_callback(lambda _level, _text, _data: None)
    llama_cpp.llama_log_set(llama_cpp.atself_discard, ctypes.c_void_p(0))
    return llama_cpp
