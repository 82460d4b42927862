"""gonogo rollout and gonogo compare: their options, what each prints, and its exit status."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

TEXT = "plan, make and take back a change of traffic; nothing is changed without --yes NAME"
Say = Callable[[str], None]
Verb = Callable[[argparse.Namespace, Path, Say], int]


def add_verbs(parser: argparse.ArgumentParser, parser_class: type[argparse.ArgumentParser]) -> None:
    """The verbs of the command, each with its options."""
    verbs = parser.add_subparsers(metavar="VERB", required=True, parser_class=parser_class)

    def verb(name: str, run: Verb, text: str) -> Callable[..., object]:
        made = verbs.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".", epilog=parser.epilog)
        made.set_defaults(verb=run)
        _common(made.add_argument)
        return made.add_argument

    add = verb("plan", _plan, "the split now and the one to come, and the exact call; only reads")
    add("--to", metavar="PERCENT|REVISION", help=_TO)


_TO = "a stage in percent for the newest revision, or the revision that gets all (default: rollout.stage)"


def _common(add: Callable[..., object]) -> None:
    add("--env", metavar="NAME", required=True, help="whose traffic")
    add("--scene", metavar="NAME", help="the scene that a rehearsed environment plays")
    add("--fault", metavar="NAME", action="append", default=[], help="switch this fault on there; repeatable")
    add("--json", action="store_true", help="JSON on standard output")


def run(options: argparse.Namespace, root: Path, say: Say) -> int:
    """One verb; its exit status."""
    verb: Verb = options.verb
    return verb(options, root, say)


def _plan(options: argparse.Namespace, root: Path, say: Say) -> int:
    from gonogo.flows import rollout, rollout_told  # noqa: PLC0415
    from gonogo.flows.rollout_order import take_order  # noqa: PLC0415
    from gonogo.judges.rollout_plan import Verb as Wanted  # noqa: PLC0415

    planned = rollout.plan(take_order(_asked(options, root), Wanted.APPLY))
    _show(options, say, rollout_told.plan_document(planned))
    return int(planned.status)


def _asked(options: argparse.Namespace, root: Path) -> Any:
    from gonogo.flows.rollout_order import Asked  # noqa: PLC0415

    return Asked(
        root=root,
        environment=options.env,
        to=getattr(options, "to", None),
        yes=getattr(options, "yes", None),
        scene=options.scene,
        faults=tuple(options.fault),
    )


def _show(options: argparse.Namespace, say: Say, document: dict[str, Any]) -> None:
    from gonogo.reporting.codec import page  # noqa: PLC0415
    from gonogo.reporting.rollout_page import rollout_page  # noqa: PLC0415

    say(page(document) if options.json else rollout_page(document))
