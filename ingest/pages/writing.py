"""Pages from templates: self-contained, everything people wrote escaped, written whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

SHARED = Path(__file__).parent


def render(template: Path, **values: Any) -> str:
    """The page at ``template``, which extends ``page.html.j2``; a name it does not know fails."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader([template.parent, SHARED]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template.name).render(**values)


def write_whole(path: Path, page: str) -> Path:
    """Write ``page`` to ``path`` at once, in folders made for it; returns the path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    part.write_text(page, encoding="utf-8")
    part.replace(path)
    return path
