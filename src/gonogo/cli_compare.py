"""gonogo compare: its options, its page and its exit status."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

TEXT = "put the same question to canary and legacy, and compare success and response times"


def add_arguments(add: Callable[..., Any]) -> None:
    """The options of the command."""
    add("--env", metavar="NAME", required=True, help="whose two sides")
    add("--requests", metavar="N", type=int, help="to each side (default: as the item says)")
    add("--delay", metavar="TIME", help="between two requests to a side (default: as the item says)")
    add("--item", metavar="ID", help="the item that says what is asked (default: the one that compares)")
    add("--scene", metavar="NAME", help="the scene that a rehearsed environment plays")
    add("--fault", metavar="NAME", action="append", default=[], help="switch this fault on there; repeatable")
    add("--json", action="store_true", help="JSON on standard output")


def run(options: argparse.Namespace, root: Path, say: Callable[[str], None]) -> int:
    """Compare, print, and return the exit status."""
    from gonogo.flows.compare import Asked, compare  # noqa: PLC0415
    from gonogo.model.errors import ConfigError  # noqa: PLC0415
    from gonogo.model.units import parse_duration  # noqa: PLC0415
    from gonogo.reporting.codec import page  # noqa: PLC0415
    from gonogo.reporting.compare_page import compare_page  # noqa: PLC0415

    try:
        delay = None if options.delay is None else parse_duration(options.delay)
    except ValueError as error:
        raise ConfigError(f"--delay: {error}") from None
    compared = compare(
        Asked(
            root=root,
            environment=options.env,
            requests=options.requests,
            delay=delay,
            item=options.item,
            scene=options.scene,
            faults=tuple(options.fault),
        )
    )
    say(page(compared.document) if options.json else compare_page(compared.document))
    if not options.json:
        say(f"kept in {compared.folder}\n")
    return int(compared.status)
