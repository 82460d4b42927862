"""The gonogo command: what neither pytest nor locust is for."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from gonogo.cli_ratelimit import TEXT, add_arguments

if TYPE_CHECKING:
    from pathlib import Path

# Everything else is imported by the command that needs it: `gonogo --help` answers at once.

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

        _say(f"gonogo {version('gonogo')}\n")
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
    commands = parser.add_subparsers(metavar="COMMAND", required=True, parser_class=_Parser)

    def command(name: str, run: Callable[[argparse.Namespace], int], text: str) -> Callable[..., Any]:
        made = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".", epilog=_EPILOG)
        made.set_defaults(run=run)
        return made.add_argument

    add = command("list", _list, "list the checklist items; nothing is sent")
    add("--system", metavar="NAME")
    add("--phase", metavar="NAME")
    add("--env", metavar="NAME", help="items of this environment's system")
    add("--json", action="store_true", help="JSON on standard output")

    add = command("explain", _explain, "show an item, its rule, its evidence and what turns it red; nothing is sent")
    add("item", metavar="ID")
    add("--env", metavar="NAME", help="with the limits of this environment (default: local)")

    add = command("doctor", _doctor, "look at an environment: as whom, what may not be read, what is unreachable")
    add("--env", metavar="NAME", required=True)
    add("--release", metavar="FILE", help="release file: what is looked at of a release needs it")

    add = command("signoff", _signoff, "attest an item for one release in one environment")
    add("item", metavar="ID")
    add("--env", metavar="NAME", required=True)
    add("--release", metavar="R", required=True, help="version, or release file")
    add("--by", metavar="NAME", required=True, help="who attests it")
    add("--until", metavar="WHEN", required=True, help="valid until: 12h, 7d or 2026-12-01T00:00Z")
    add("--link", metavar="URL", required=True, help="where the proof stands")

    add = command("judge", _judge, "judge a recorded run again; nothing is sent")
    add("folder", metavar="RUN", help="folder of the run")
    add("--env", metavar="NAME", help="with the limits of this environment as they are now")
    add("-v", "--verbose", action="store_true", help="list what passed, too")
    add("--language", choices=("en", "ko"), default="en")

    add = command("verify", _verify, "check that the files of a run are whole and belong together")
    add("folder", metavar="RUN", help="folder of the run")

    add = command("schema", _schema, "print the JSON Schema of a file")
    add("name", metavar="NAME", help="environment, release, checklist, verdict or evidence")

    add = command("init", _init, "write an environment and a first checklist for a service, and conftest.py")
    add("url", metavar="URL", help="where it answers, with its health path")
    add("--name", metavar="NAME", help="of the environment and its system (default: from the host)")
    add("--not-live", action="store_true", help="a staging or test system, which http may reach")

    add_arguments(command("ratelimit", _ratelimit, TEXT))

    add = command("rehearse", _rehearse, "keep a rehearsed environment up until Ctrl-C and print its addresses")
    add("--scene", metavar="NAME", default="")
    add("--fault", metavar="NAME", action="append", default=[], help="switch this fault on; repeatable")
    add("--list-faults", action="store_true", help="list the faults and end")
    add("--env", metavar="NAME", default="local")
    return parser


def _list(options: argparse.Namespace) -> int:
    from gonogo.flows import explain  # noqa: PLC0415

    checks = explain.select(_root(), system=options.system, phase=options.phase, environment=options.env)
    if options.json:
        import json  # noqa: PLC0415

        _say(json.dumps(explain.listed(checks), ensure_ascii=False, indent=2) + "\n")
    else:
        _say(explain.listing(checks))
    return 0


def _explain(options: argparse.Namespace) -> int:
    from gonogo.flows.explain import explain  # noqa: PLC0415

    _say(explain(_root(), options.item, options.env))
    return 0


def _doctor(options: argparse.Namespace) -> int:
    from pathlib import Path  # noqa: PLC0415

    from gonogo.flows import doctor  # noqa: PLC0415
    from gonogo.model.errors import ExitStatus  # noqa: PLC0415
    from gonogo.reporting.escape import ci_log  # noqa: PLC0415

    with _ending():
        findings = doctor.examine(_root(), options.env, Path(options.release) if options.release else None)
    _say(ci_log(doctor.show(findings)))
    return int(ExitStatus.GO if doctor.healthy(findings) else ExitStatus.HOLD)


def _signoff(options: argparse.Namespace) -> int:
    from gonogo.flows.attest import attest  # noqa: PLC0415

    said = attest(
        _root(),
        item=options.item,
        environment=options.env,
        release=options.release,
        by=options.by,
        until=options.until,
        link=options.link,
    )
    _say(said + "\n")
    return 0


def _judge(options: argparse.Namespace) -> int:
    from pathlib import Path  # noqa: PLC0415

    from gonogo.flows.replay import rejudge  # noqa: PLC0415
    from gonogo.reporting.terminal import board, paper_of  # noqa: PLC0415

    environment = None
    if options.env:
        from gonogo.config.environment import load_environment  # noqa: PLC0415

        environment = load_environment(options.env, _root() / "environments")
    run = rejudge(Path(options.folder), environment)
    _say(board(run, paper=paper_of(sys.stdout), verbose=options.verbose, language=options.language))
    return int(run.gated.decision.exit_status)


def _verify(options: argparse.Namespace) -> int:
    from pathlib import Path  # noqa: PLC0415

    from gonogo.model.errors import ExitStatus  # noqa: PLC0415
    from gonogo.reporting.escape import ci_log  # noqa: PLC0415
    from gonogo.reporting.verify import verify  # noqa: PLC0415

    problems = verify(Path(options.folder))
    for problem in problems:
        _say(ci_log(problem) + "\n")
    if not problems:
        _say(f"{options.folder}: whole; plan, evidence and verdict belong together\n")
    return int(ExitStatus.HOLD if problems else ExitStatus.GO)


def _schema(options: argparse.Namespace) -> int:
    from gonogo.flows.schemas import schema  # noqa: PLC0415

    _say(schema(options.name))
    return 0


def _init(options: argparse.Namespace) -> int:
    from pathlib import Path  # noqa: PLC0415

    from gonogo.flows.initialise import initialise  # noqa: PLC0415

    begun = initialise(Path(), options.url, options.name, live=not options.not_live)
    for path, written in begun.files:
        _say(f"{'wrote' if written else 'kept '}  {path}\n")
    for note in begun.notes:
        _say(f"note:  {note}\n")
    _say(f"next:  {begun.command}\n")
    return 0


def _ratelimit(options: argparse.Namespace) -> int:
    from gonogo.cli_ratelimit import run  # noqa: PLC0415

    with _ending():
        return run(options, _root(), _say)


def _rehearse(options: argparse.Namespace) -> int:
    from gonogo.flows import rehearse  # noqa: PLC0415

    if options.list_faults:
        _say(rehearse.faults(_root(), options.env))
        return 0
    with _ending():
        rehearse.keep_up(_root(), options.env, options.scene, tuple(options.fault), _say)
    return 0


def _ending() -> Any:
    """SIGTERM ends a command as Ctrl-C does, so that what it started goes down with it."""
    from gonogo.flows.ending import ended_by_sigterm  # noqa: PLC0415

    return ended_by_sigterm()


def _root() -> Path:
    """The project's folder: here, or the nearest folder above that holds environments/ and checks/."""
    from pathlib import Path  # noqa: PLC0415

    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "environments").is_dir() and (folder / "checks").is_dir():
            return folder
    return here


def _say(text: str) -> None:
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader has seen enough: the status stays what it is, and exiting must not complain
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _fail(text: str, status: int) -> int:
    from gonogo.reporting.escape import ci_log, visible  # noqa: PLC0415

    sys.stderr.write(ci_log(f"gonogo: {visible(text)}") + "\n")
    return status


if __name__ == "__main__":
    sys.exit(main())
