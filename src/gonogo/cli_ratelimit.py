"""gonogo ratelimit: its options, its page and its exit status."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

TEXT = "say what rate limiter stands at a URL, or whether it keeps a declared policy"


def add_arguments(add: Callable[..., Any]) -> None:
    """The options of the command."""
    add("url", metavar="URL", help="what is asked for")
    add("--env", metavar="NAME", help="the environment that lists the host; this machine needs none")
    add("--header", metavar="'K: V'", action="append", default=[], help="sent with each request; repeatable")
    add("--method", metavar="VERB", default="GET", help="GET unless given; a live environment takes reading ones only")
    add("--body", metavar="JSON", help="sent with each request; with --method POST")
    add("--policy", metavar="FILE", help="YAML that declares algorithm, limit and window: is it kept?")
    add("--max-requests", metavar="N", type=int, default=200, help="never send more (default: 200)")
    add("--patience", metavar="SECONDS", type=float, default=900.0, help="send nothing after (default: 900)")
    add("--other-header", metavar="'K: V'", help="a second key: is it left alone while the first is used up?")
    add("--other-path", metavar="PATH", help="a second route: has it a limit of its own?")
    add(
        "--exempt-path",
        metavar="PATH",
        action="append",
        default=[],
        help="has no limit, whatever is used up; repeatable",
    )
    add("--json", action="store_true", help="JSON on standard output, with the timeline")


def run(options: argparse.Namespace, root: Path, say: Callable[[str], None]) -> int:
    """Examine, print, and return the exit status."""
    from pathlib import Path  # noqa: PLC0415

    from gonogo.flows.rate.examine import Asked, examine  # noqa: PLC0415
    from gonogo.reporting.ratelimit_page import document, page  # noqa: PLC0415

    asked = Asked(
        url=options.url,
        root=root,
        environment=options.env,
        headers=tuple(options.header),
        policy=None if options.policy is None else Path(options.policy),
        at_most=options.max_requests,
        patience=options.patience,
        method=options.method.upper(),
        body=options.body,
        other_header=options.other_header,
        other_path=options.other_path,
        exempt=tuple(options.exempt_path),
    )
    seen = examine(asked, _tell if sys.stderr.isatty() else None)
    say(document(seen) if options.json else page(seen))
    return int(seen.status)


def _tell(sent: int, wait: float) -> None:
    if wait >= 1:
        sys.stderr.write(f"{sent} requests sent; waiting {wait:.0f} s\n")
