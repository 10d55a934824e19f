"""``atself doctor``: what is here, what is missing and what to do about it.

Nothing heavy is imported: versions come from package metadata, bases and embedders from files.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
from rich.markup import escape

from cli.checks import Check, State
from cli.checks_bot import bot_checks
from cli.checks_home import home_checks
from cli.checks_install import install_checks
from cli.checks_likeness import likeness_checks
from cli.machine import Machine, inspect
from config.console import emit_json, home_option, json_option, stdout
from config.settings import Home

GIB = 1 << 30
LITTLE_DISK = 4 * GIB  # merged float32 weights and two GGUFs of the larger packaged base take 2 GiB
LITTLE_MEMORY = 3 * GIB
SIGNS = {State.GOOD: "[green]✓[/]", State.MISSING: "[red]✗[/]", State.ABSENT: "[dim]–[/]"}


@click.command(epilog="Example: atself doctor --home ~/personas/me --json")
@home_option
@json_option
@click.pass_context
def doctor(context: click.Context, home: Path, as_json: bool) -> None:
    """What is installed, what is missing, what will be used.

    ✓ is there, ✗ is needed and missing, – is not there and need not be. Exits 1 on any ✗.
    """
    checks = (
        *machine_checks(inspect(home)),
        *install_checks(),
        *home_checks(Home(home)),
        *bot_checks(Home(home)),
        *likeness_checks(Home(home)),
    )
    if as_json:
        emit_json([check.to_json() for check in checks])
    else:
        _show(checks)
    context.exit(1 if any(check.state is State.MISSING for check in checks) else 0)


def machine_checks(machine: Machine) -> Iterator[Check]:
    """The machine: enough of it, and what will be used."""
    yield Check("machine", "python", machine.python)
    bf16 = "bfloat16 in hardware" if machine.has_bf16 else "no bfloat16: trains in float32"
    yield Check("machine", "processor", f"{machine.cores} cores, {machine.processor}, {bf16}")
    yield _gpu(machine)
    if machine.memory is not None and machine.free_memory is not None:
        detail = f"{_gib(machine.memory)}, {_gib(machine.free_memory)} free"
        yield _at_least("memory", machine.free_memory, LITTLE_MEMORY, detail)
    yield _at_least("disk", machine.free_disk, LITTLE_DISK, f"{_gib(machine.free_disk)} free")


def _gpu(machine: Machine) -> Check:
    if machine.gpu:
        return Check("machine", "gpu", machine.gpu)
    return Check("machine", "gpu", "none: training and replies use the processor", State.ABSENT)


def _at_least(name: str, amount: int, least: int, detail: str) -> Check:
    if amount >= least:
        return Check("machine", name, detail)
    return Check("machine", name, detail, State.MISSING, f"training needs about {_gib(least)} free")


def _gib(size: int) -> str:
    return f"{size / GIB:.1f} GiB"


def _show(checks: tuple[Check, ...]) -> None:
    width = max(len(check.name) for check in checks)
    area = ""
    for check in checks:
        if check.area != area:
            area = check.area
            stdout().print(f"\n[bold]{escape(area)}[/]")
        advice = f" [yellow]→ {escape(check.advice)}[/]" if check.advice else ""
        name = escape(f"{check.name:<{width}}")
        stdout().print(f" {SIGNS[check.state]} {name}  {escape(check.detail)}{advice}")
