"""What each gonogo command does: options into an exit status, text on standard output."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

# Each command imports what it needs: `gonogo --help` answers at once.


def list_(options: argparse.Namespace) -> int:
    """The checklist items, as lines or JSON."""
    from gonogo.flows import explain  # noqa: PLC0415

    checks = explain.select(_root(), system=options.system, phase=options.phase, environment=options.env)
    if options.json:
        import json  # noqa: PLC0415

        say(json.dumps(explain.listed(checks), ensure_ascii=False, indent=2) + "\n")
    else:
        say(explain.listing(checks))
    return 0


def explain_(options: argparse.Namespace) -> int:
    """One item: its rule, its evidence, what turns it red."""
    from gonogo.flows.explain import explain  # noqa: PLC0415

    say(explain(_root(), options.item, options.env))
    return 0


def doctor_(options: argparse.Namespace) -> int:
    """Look at an environment; HOLD when not all of it can be looked at."""
    from pathlib import Path  # noqa: PLC0415

    from gonogo.flows import doctor  # noqa: PLC0415
    from gonogo.model.errors import ExitStatus  # noqa: PLC0415
    from gonogo.reporting.escape import ci_log  # noqa: PLC0415

    with _ending():
        release = Path(options.release) if options.release else None
        examined = doctor.examine(_root(), options.env, release, options.phase, tuple(options.fault))
    say(ci_log(doctor.show(examined)))
    return int(ExitStatus.GO if doctor.healthy(examined) else ExitStatus.HOLD)


def signoff_(options: argparse.Namespace) -> int:
    """Write a sign-off into the ledger."""
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
    say(said + "\n")
    return 0


def judge_(options: argparse.Namespace) -> int:
    """Judge a recorded run again."""
    from pathlib import Path  # noqa: PLC0415

    from gonogo.flows.replay import rejudge  # noqa: PLC0415
    from gonogo.reporting.terminal import board, paper_of  # noqa: PLC0415

    environment = None
    if options.env:
        from gonogo.config.environment import load_environment  # noqa: PLC0415

        environment = load_environment(options.env, _root() / "environments")
    run = rejudge(Path(options.folder), environment)
    say(board(run, paper=paper_of(sys.stdout), verbose=options.verbose, language=options.language))
    return int(run.gated.decision.exit_status)


def verify_(options: argparse.Namespace) -> int:
    """Whether the files of a run belong together; HOLD when not."""
    from pathlib import Path  # noqa: PLC0415

    from gonogo.model.errors import ExitStatus  # noqa: PLC0415
    from gonogo.reporting.escape import ci_log  # noqa: PLC0415
    from gonogo.reporting.verify import verify  # noqa: PLC0415

    problems = verify(Path(options.folder))
    for problem in problems:
        say(ci_log(problem) + "\n")
    if not problems:
        say(f"{options.folder}: whole; its files belong together\n")
    return int(ExitStatus.HOLD if problems else ExitStatus.GO)


def page_(options: argparse.Namespace) -> int:
    """The page of a load run, drawn again."""
    from pathlib import Path  # noqa: PLC0415

    from gonogo.flows.redraw import redraw  # noqa: PLC0415
    from gonogo.reporting.escape import ci_log  # noqa: PLC0415

    say(ci_log(f"drawn: {redraw(Path(options.folder))}") + "\n")
    return 0


def schema_(options: argparse.Namespace) -> int:
    """Print a JSON Schema."""
    from gonogo.flows.schemas import schema  # noqa: PLC0415

    say(schema(options.name))
    return 0


def init_(options: argparse.Namespace) -> int:
    """Write the first files of a project."""
    from pathlib import Path  # noqa: PLC0415

    from gonogo.flows.initialise import initialise  # noqa: PLC0415

    begun = initialise(Path(), options.url, options.name, live=not options.not_live)
    for path, written in begun.files:
        say(f"{'wrote' if written else 'kept '}  {path}\n")
    for note in begun.notes:
        say(f"note:  {note}\n")
    say(f"next:  {begun.command}\n")
    return 0


def ratelimit_(options: argparse.Namespace) -> int:
    """Examine a limiter."""
    from gonogo.cli_ratelimit import run  # noqa: PLC0415

    with _ending():
        return run(options, _root(), say)


def verb_(options: argparse.Namespace) -> int:
    """One verb of a command that has verbs."""
    verb: Callable[[argparse.Namespace, Path, Callable[[str], None]], int] = options.verb
    with _ending():
        return verb(options, _root(), say)


def compare_(options: argparse.Namespace) -> int:
    """Compare both sides."""
    from gonogo.cli_compare import run  # noqa: PLC0415

    with _ending():
        return run(options, _root(), say)


def rehearse_(options: argparse.Namespace) -> int:
    """Keep a rehearsed environment up, or list its faults."""
    from gonogo.flows import rehearse  # noqa: PLC0415

    if options.list_faults:
        say(rehearse.faults(_root(), options.env))
        return 0
    with _ending():
        rehearse.keep_up(_root(), options.env, options.scene, tuple(options.fault), say)
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


def say(text: str) -> None:
    """Text for the user, whether or not anybody still reads."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader has seen enough: the status stays what it is, and exiting must not complain
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
