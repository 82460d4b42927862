"""gonogo watch: its verbs, their options, and what each prints."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

TEXT = "watch a canary beside its stable side, or judge a watch that was recorded"
Say = Callable[[str], None]
Verb = Callable[[argparse.Namespace, Path, Say], int]


def add_verbs(parser: argparse.ArgumentParser, parser_class: type[argparse.ArgumentParser]) -> None:
    """The verbs of the command, each with its options."""
    verbs = parser.add_subparsers(metavar="VERB", required=True, parser_class=parser_class)

    def verb(name: str, run: Verb, text: str) -> Callable[..., object]:
        made = verbs.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".", epilog=parser.epilog)
        made.set_defaults(verb=run)
        return made.add_argument

    add = verb("replay", _replay, "judge recorded samples again; nothing is sent")
    add("samples", metavar="SAMPLES", help="JSON lines, as `gonogo schema samples` says")
    add("--rules", metavar="FILE", help="YAML with the keys of an environment's `watch`")
    add("--env", metavar="NAME", help="the rules of this environment instead")
    add("--json", action="store_true", help="JSON on standard output")


def run(options: argparse.Namespace, root: Path, say: Say) -> int:
    """One verb; its exit status."""
    verb: Verb = options.verb
    return verb(options, root, say)


def _replay(options: argparse.Namespace, root: Path, say: Say) -> int:
    from gonogo.flows import watch_replay  # noqa: PLC0415

    rules = None if options.rules is None else Path(options.rules)
    replayed = watch_replay.replay(Path(options.samples), rules=rules, environment=options.env, root=root)
    say(watch_replay.document(replayed) if options.json else watch_replay.page(replayed))
    return int(replayed.status)
