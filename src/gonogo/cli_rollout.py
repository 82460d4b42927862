"""gonogo rollout and gonogo compare: their options, what each prints, and its exit status."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

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

    add = verb("apply", _apply, "make that change, read it back until it stands, and record it")
    add("--to", metavar="PERCENT|REVISION", help=_TO)
    _changing(add)

    add = verb("rollback", _rollback, "all traffic back to the previous revision, or a part of it")
    add("--to", metavar="PERCENT|REVISION", help=_BACK)
    _changing(add)

    add = verb("rule-deployment", _rule, "take a deployment of rules, a prompt or DSL back by the system's own request")
    add("--to", metavar="DEPLOYMENT", help="the deployment that is taken back (default: the newest)")
    _changing(add)

    add = verb("reset-metrics", _reset, "set the canary's own counters back to zero")
    add("--yes", metavar="NAME", help=_YES)


_YES = "the environment's name once more: without it nothing is changed"
_TO = "a stage in percent for the newest revision, or the revision that gets all (default: rollout.stage)"
_BACK = "what the newest revision keeps in percent, or the revision that gets all, or `before`: the split before"


def _changing(add: Callable[..., object]) -> None:
    add("--yes", metavar="NAME", help=_YES)
    add("--within", metavar="TIME", help="how long to wait for it to stand (default: 60s, a Helm release 5m)")


def _common(add: Callable[..., object]) -> None:
    add("--env", metavar="NAME", required=True, help="whose traffic")
    add("--scene", metavar="NAME", help="the scene that a rehearsed environment plays")
    add("--fault", metavar="NAME", action="append", default=[], help="switch this fault on there; repeatable")
    add("--json", action="store_true", help="JSON on standard output")


def _plan(options: argparse.Namespace, root: Path, say: Say) -> int:
    return _roll(options, root, say, "apply")


def _apply(options: argparse.Namespace, root: Path, say: Say) -> int:
    return _roll(options, root, say, "apply")


def _rollback(options: argparse.Namespace, root: Path, say: Say) -> int:
    return _roll(options, root, say, "rollback")


def _roll(options: argparse.Namespace, root: Path, say: Say, wanted: str) -> int:
    from gonogo.flows.rollout.order import Asked, take_order  # noqa: PLC0415
    from gonogo.flows.rollout.roll import roll  # noqa: PLC0415
    from gonogo.judges.plans.rollout import Verb as Wanted  # noqa: PLC0415
    from gonogo.reporting.codec import page  # noqa: PLC0415
    from gonogo.reporting.rollout_page import rollout_page  # noqa: PLC0415

    asked = Asked(
        root=root,
        environment=options.env,
        to=options.to,
        yes=getattr(options, "yes", None),
        within=None if (within := getattr(options, "within", None)) is None else _duration(within),
        scene=options.scene,
        faults=tuple(options.fault),
    )
    order = take_order(asked, Wanted(wanted))
    ended = roll(order, _tell if sys.stderr.isatty() else None)
    say(page(ended.document) if options.json else rollout_page(ended.document))
    if ended.folder is not None and not options.json:
        say(f"kept in {ended.folder}\n")
    return int(ended.status)


def _rule(options: argparse.Namespace, root: Path, say: Say) -> int:
    from gonogo.flows.rollout.order import Asked  # noqa: PLC0415
    from gonogo.flows.rollout.rule_deployment import take_back  # noqa: PLC0415
    from gonogo.reporting.codec import page  # noqa: PLC0415
    from gonogo.reporting.rollout_page import rule_page  # noqa: PLC0415

    asked = Asked(
        root=root,
        environment=options.env,
        to=options.to,
        yes=options.yes,
        within=None if options.within is None else _duration(options.within),
        scene=options.scene,
        faults=tuple(options.fault),
    )
    taken = take_back(asked, _tell if sys.stderr.isatty() else None)
    say(page(taken.document) if options.json else rule_page(taken.document))
    if taken.folder is not None and not options.json:
        say(f"kept in {taken.folder}\n")
    return int(taken.status)


def _reset(options: argparse.Namespace, root: Path, say: Say) -> int:
    from gonogo.flows.rollout.metrics_reset import reset_metrics  # noqa: PLC0415
    from gonogo.flows.rollout.order import Asked  # noqa: PLC0415
    from gonogo.reporting.codec import page  # noqa: PLC0415
    from gonogo.reporting.rollout_page import reset_page  # noqa: PLC0415

    reset = reset_metrics(
        Asked(root=root, environment=options.env, yes=options.yes, scene=options.scene, faults=tuple(options.fault))
    )
    say(page(reset.document) if options.json else reset_page(reset.document))
    if reset.folder is not None and not options.json:
        say(f"kept in {reset.folder}\n")
    return int(reset.status)


def _tell(what: str) -> None:
    from gonogo.reporting.escape import ci_log, visible  # noqa: PLC0415

    sys.stderr.write(ci_log(visible(what)) + "\n")


def _duration(text: str) -> timedelta:
    from gonogo.model.errors import ConfigError  # noqa: PLC0415
    from gonogo.model.units import parse_duration  # noqa: PLC0415

    try:
        return parse_duration(text)
    except ValueError as error:
        raise ConfigError(f"--within: {error}") from None
