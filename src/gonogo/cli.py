"""The gonogo command: what neither pytest nor locust is for."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from gonogo import cli_commands as commands
from gonogo import cli_compare, cli_recovery, cli_rollout, cli_watch
from gonogo.cli_ratelimit import TEXT, add_arguments

_USAGE = 4  # ExitStatus.CONFIGURATION
_BROKEN = 3
_INTERRUPTED = 130
_EPILOG = "Exit status: 0 GO, 1 NO-GO, 6 HOLD, 4 configuration or usage, 7 refused for safety. Anything else is no GO."


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(_USAGE, f"{self.prog}: {message} (see {self.prog} --help)\n")


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        from importlib.metadata import version  # noqa: PLC0415

        commands.say(f"gonogo {version('gonogo')}\n")
        parser.exit(0)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status. One line for the user, never a traceback."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(encoding="utf-8", errors="backslashreplace")
    return _run(argv)


def _run(argv: Sequence[str] | None) -> int:
    try:
        options = _parser().parse_args(argv)
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 0
    run: Callable[[argparse.Namespace], int] = options.run
    from gonogo.model.errors import GonogoError  # noqa: PLC0415

    try:
        return run(options)
    except GonogoError as error:
        return _fail(str(error), int(error.exit_status))
    except KeyboardInterrupt:
        return _INTERRUPTED
    except Exception as error:
        if os.environ.get("GONOGO_DEBUG") == "1":
            raise
        lines = str(error).splitlines() or ["no message"]
        hint = "this is a fault of gonogo; GONOGO_DEBUG=1 shows where"
        return _fail(f"{type(error).__name__}: {lines[0]} ({hint})", _BROKEN)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="gonogo", description="A release gate: GO, NO-GO or HOLD, with proof.", epilog=_EPILOG)
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and end")
    parsers = parser.add_subparsers(metavar="COMMAND", required=True, parser_class=_Parser)

    def command(name: str, run: Callable[[argparse.Namespace], int], text: str) -> Callable[..., Any]:
        made = parsers.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".", epilog=_EPILOG)
        made.set_defaults(run=run)
        return made.add_argument

    _add_looking(command)

    add = command("signoff", commands.signoff_, "attest an item for one release in one environment")
    add("item", metavar="ID")
    add("--env", metavar="NAME", required=True)
    add("--release", metavar="R", required=True, help="version, or release file")
    add("--by", metavar="NAME", required=True, help="who attests it")
    add("--until", metavar="WHEN", required=True, help="valid until: 12h, 7d or 2026-12-01T00:00Z")
    add("--link", metavar="URL", required=True, help="where the proof stands")

    add = command("judge", commands.judge_, "judge a recorded run again; nothing is sent")
    add("folder", metavar="RUN", help="folder of the run")
    add("--env", metavar="NAME", help="with the limits of this environment as they are now")
    add("-v", "--verbose", action="store_true", help="list what passed, too")
    add("--language", choices=("en", "ko"), default="en")

    add = command("verify", commands.verify_, "check that the files of a run are whole and belong together")
    add("folder", metavar="RUN", help="folder of the run")

    add = command("page", commands.page_, "draw the page of a load run again from its load.json; nothing is sent")
    add("folder", metavar="RUN", help="folder of the run")

    add = command("schema", commands.schema_, "print the JSON Schema of a file")
    add("name", metavar="NAME", help="environment, release, checklist, incident, drill, verdict, ...")

    add = command("init", commands.init_, "write an environment and a first checklist for a service, and conftest.py")
    add("url", metavar="URL", help="where it answers, with its health path")
    add("--name", metavar="NAME", help="of the environment and its system (default: from the host)")
    add("--not-live", action="store_true", help="a staging or test system, which http may reach")

    add_arguments(command("ratelimit", commands.ratelimit_, TEXT))
    cli_compare.add_arguments(command("compare", commands.compare_, cli_compare.TEXT))

    for name, module in (("watch", cli_watch), ("rollout", cli_rollout), ("recovery", cli_recovery)):
        said = module.TEXT
        group = parsers.add_parser(name, help=said, description=said[0].upper() + said[1:] + ".", epilog=_EPILOG)
        group.set_defaults(run=commands.verb_)
        module.add_verbs(group, _Parser)

    add = command(
        "rehearse",
        commands.rehearse_,
        "keep a rehearsed environment up until Ctrl-C; print its addresses and throwaway secrets",
    )
    add("--scene", metavar="NAME", default="")
    add("--fault", metavar="NAME", action="append", default=[], help="switch this fault on; repeatable")
    add("--list-faults", action="store_true", help="list the faults and end")
    add("--env", metavar="NAME", default="local")
    return parser


def _add_looking(command: Callable[..., Callable[..., Any]]) -> None:
    """What shows a checklist, and where it looks."""
    add = command("list", commands.list_, "list the checklist items; nothing is sent")
    add("--system", metavar="NAME")
    add("--phase", metavar="NAME")
    add("--env", metavar="NAME", help="items of this environment's system")
    add("--json", action="store_true", help="JSON on standard output")

    add = command(
        "explain", commands.explain_, "show an item, its rule, its evidence and what turns it red; nothing is sent"
    )
    add("item", metavar="ID")
    add("--env", metavar="NAME", help="with the limits of this environment (default: local, or what comes with it)")

    add = command(
        "doctor", commands.doctor_, "look at an environment: as whom, what may not be read, what is unreachable"
    )
    add("--env", metavar="NAME", required=True)
    add("--release", metavar="FILE", help="release file: what is looked at of a release needs it")
    add("--phase", metavar="NAME", help="what this phase looks at alone (default: all phases)")
    add(
        "--fault", metavar="NAME", action="append", default=[],
        help="rehearse this fault, repeatable (rehearsed environments)",
    )  # fmt: skip


def _fail(text: str, status: int) -> int:
    from gonogo.reporting.escape import ci_log, visible  # noqa: PLC0415

    sys.stderr.write(ci_log(f"gonogo: {visible(text)}") + "\n")
    return status


if __name__ == "__main__":
    sys.exit(main())
