"""gonogo recovery: its verbs, what each prints, and its exit status."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gonogo.flows.recovery import Asked

TEXT = "tell a recovery's timeline, and write the notice for customers, from an incident file; nothing is sent"
Say = Callable[[str], None]
Verb = Callable[[argparse.Namespace, Path, Say], int]


def add_verbs(parser: argparse.ArgumentParser, parser_class: type[argparse.ArgumentParser]) -> None:
    """The verbs of the command, each with its options."""
    verbs = parser.add_subparsers(metavar="VERB", required=True, parser_class=parser_class)

    def verb(name: str, run: Verb, text: str) -> Callable[..., object]:
        made = verbs.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".", epilog=parser.epilog)
        made.set_defaults(verb=run)
        made.add_argument("--env", metavar="NAME", required=True, help="whose RTO, RPO, contacts and templates")
        made.add_argument("--incident", metavar="FILE", help="the incident file (default: the environment's)")
        made.add_argument("--language", choices=("en", "ko"), help="of what is printed")
        return made.add_argument

    add = verb("report", _report, "the six phases against their budgets, RTO and RPO, as Markdown, page and JSON")
    add("--json", action="store_true", help="JSON on standard output")
    verb("notice", _notice, "the notice for customers in English and Korean; HOLD while a field is empty or ahead")


def _report(options: argparse.Namespace, root: Path, say: Say) -> int:
    from gonogo.flows.recovery import report  # noqa: PLC0415
    from gonogo.reporting.codec import page  # noqa: PLC0415
    from gonogo.reporting.escape import ci_log  # noqa: PLC0415

    told = report(_asked(options, root))
    if options.json:
        say(page(told.document))
        return int(told.status)
    say(ci_log(told.pages[f"timeline.{options.language or 'en'}.md"]))
    say(f"\nkept in {told.folder}\n")
    return int(told.status)


def _notice(options: argparse.Namespace, root: Path, say: Say) -> int:
    from gonogo.flows.recovery import notices  # noqa: PLC0415
    from gonogo.reporting.escape import ci_log, lines, visible  # noqa: PLC0415

    told = notices(_asked(options, root))
    wanted = [options.language] if options.language else list(told.texts)
    say(ci_log(lines("\n".join(told.texts[language] for language in wanted))))
    lacks = [f"empty: {', '.join(told.empty)}"] if told.empty else []
    if lacks or told.ahead:
        sys.stderr.write(ci_log(visible(f"gonogo: not to be sent yet, {'; '.join([*lacks, *told.ahead])}")) + "\n")
    return int(told.status)


def _asked(options: argparse.Namespace, root: Path) -> Asked:
    from gonogo.flows.recovery import Asked  # noqa: PLC0415

    return Asked(root=root, environment=options.env, incident=Path(options.incident) if options.incident else None)
