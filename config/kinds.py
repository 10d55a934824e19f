"""Values that settings may take, and what every table of them has in common."""

from __future__ import annotations

import re
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

Share = Annotated[float, Field(ge=0, le=1)]
Quantization = Literal["F16", "Q8_0", "Q6_K", "Q5_K_M", "Q4_K_M"]
Method = Literal["lora", "rslora", "dora", "full"]
_CLOCK = r"((?:[01]?\d|2[0-3]):[0-5]\d)"
_HOURS = re.compile(rf"\s*{_CLOCK}\s*[-–]\s*{_CLOCK}\s*")


def _split_commas(value: object) -> object:
    """Lists may be written ``a, b`` where TOML's brackets are not at hand (the environment)."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def _time_zone(value: object) -> object:
    try:
        ZoneInfo(str(value))
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"{value!r} is no IANA time zone such as Asia/Jakarta") from error
    return value


def _hours(value: object) -> object:
    """``23:00-8:00`` as ``23:00-08:00``; empty, ``off`` and ``none`` are no hours."""
    if not isinstance(value, str) or value.strip().lower() in ("", "off", "none"):
        return "" if isinstance(value, str) else value
    found = _HOURS.fullmatch(value)
    if found is None or found[1].zfill(5) == found[2].zfill(5):
        raise ValueError(f"{value!r} is no span of hours such as 23:00-08:00")
    return f"{found[1].zfill(5)}-{found[2].zfill(5)}"


Quantizations = Annotated[tuple[Quantization, ...], BeforeValidator(_split_commas)]
Names = Annotated[tuple[str, ...], BeforeValidator(_split_commas)]
TimeZone = Annotated[str, BeforeValidator(_time_zone)]
Hours = Annotated[str, BeforeValidator(_hours)]


class Section(BaseModel):
    """A table of the configuration file."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)
