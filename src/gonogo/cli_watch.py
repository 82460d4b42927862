"""gonogo watch: its verbs, their options, and what each prints."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

TEXT = "watch a canary beside its stable side, or judge a watch that was recorded"
Say = Callable[[str], None]
_NEVER = "nothing was ever watched here; `gonogo watch start` does"
_LONGEST_DAYS = 30  # a canary that nobody decided on for a month is none
Verb = Callable[[argparse.Namespace, Path, Say], int]


def add_verbs(parser: argparse.ArgumentParser, parser_class: type[argparse.ArgumentParser]) -> None:
    """The verbs of the command, each with its options."""
    verbs = parser.add_subparsers(metavar="VERB", required=True, parser_class=parser_class)

    def verb(name: str, run: Verb, text: str) -> Callable[..., object]:
        made = verbs.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".", epilog=parser.epilog)
        made.set_defaults(verb=run)
        return made.add_argument

    add = verb("start", _start, "watch a canary beside its stable side until it is decided")
    add("--env", metavar="NAME", default="local", help="whose `watch` says the rules (default: local)")
    add("--every", metavar="TIME", help="a sample this often (default: as the environment's `watch` says)")
    add("--for", metavar="TIME", dest="lasts", help="decide after this time (default: as `watch` says)")
    add(
        "--report-every",
        metavar="TIME",
        default="30m",
        help="a line in the log, and a gentle look at the rate limits, this often (default: 30m)",
    )
    add("--on-no-go", choices=("notify", "rollback"), default="notify", help="what NO-GO does beside ending the watch")
    add("--replace", action="store_true", help="end the watch that runs, and begin anew")
    add("--foreground", action="store_true", help="stay here: for a service manager, a container, CI")
    add("--samples", metavar="FILE", help="samples that something else appends to this file, in place of measuring")
    add("--release", metavar="FILE", help="release file, in place of the environment's own")
    add("--scene", metavar="NAME", help="the scene that a rehearsed environment plays")
    add("--fault", metavar="NAME", action="append", default=[], help="switch this fault on there; repeatable")

    add = verb("status", _status, "how the newest watch stands; the exit status is its decision so far")
    add("--env", metavar="NAME", help="of this environment (default: of all)")
    add("--json", action="store_true", help="JSON on standard output")
    add("--follow", action="store_true", help="look on until it has ended")

    add = verb("log", _log, "what happened in the newest watch")
    add("--env", metavar="NAME", help="of this environment (default: the one that was watched)")
    add("--tail", metavar="N", type=int, help="the last N lines only")
    add("--since", metavar="WHEN", help="from then on: 2h (ago), or 2026-12-01T09:00Z")
    add("--until", metavar="WHEN", help="up to then")

    add = verb("stop", _stop, "end a watch before its end, which is HOLD")
    add("--env", metavar="NAME", help="of this environment (default: the one that is watched)")
    add("--all", action="store_true", help="every watch that runs here")

    add = verb("replay", _replay, "judge recorded samples again; nothing is sent")
    add("samples", metavar="SAMPLES", help="JSON lines, as `gonogo schema samples` says")
    add("--rules", metavar="FILE", help="YAML with the keys of an environment's `watch`")
    add("--env", metavar="NAME", help="the rules of this environment instead")
    add("--json", action="store_true", help="JSON on standard output")


def _replay(options: argparse.Namespace, root: Path, say: Say) -> int:
    from gonogo.flows import watch_replay  # noqa: PLC0415
    from gonogo.model.errors import ConfigError  # noqa: PLC0415

    if options.rules is not None and options.env is not None:
        raise ConfigError("--rules FILE or --env NAME, not both: they would be two sets of rules")
    rules = None if options.rules is None else Path(options.rules)
    replayed = watch_replay.replay(Path(options.samples), rules=rules, environment=options.env, root=root)
    say(watch_replay.document(replayed) if options.json else watch_replay.page(replayed))
    return int(replayed.status)


def _start(options: argparse.Namespace, root: Path, say: Say) -> int:
    from gonogo.flows.watch.begin import Asked, take_order, watch_here  # noqa: PLC0415
    from gonogo.flows.watch.process import begin_behind  # noqa: PLC0415
    from gonogo.flows.watch.store import read_log, watches  # noqa: PLC0415
    from gonogo.reporting.escape import ci_log, visible  # noqa: PLC0415

    asked = Asked(
        root=root,
        environment=options.env,
        every=_duration(options.every, "--every"),
        lasts=_duration(options.lasts, "--for"),
        report_every=_duration(options.report_every, "--report-every"),
        on_no_go=options.on_no_go,
        replace=options.replace,
        samples=None if options.samples is None else Path(options.samples).absolute(),
        release=None if options.release is None else Path(options.release).absolute(),
        scene=options.scene,
        faults=tuple(options.fault),
    )
    order = take_order(asked)
    if options.foreground:
        from gonogo.cli_live import shown  # noqa: PLC0415

        with shown(say) as show:
            return int(watch_here(order, show).exit_status)
    before = watches(asked.base)
    begun = begin_behind(asked.base, _again(options, asked), root)
    anew = "goes on with the watch that was cut off" if begun.folder in before else "a new watch"
    acts = "rolls back" if options.on_no_go == "rollback" else "only notifies"
    say(
        f"watching {options.env} in process {begun.pid}, {anew}; NO-GO {acts};"
        f" gonogo watch status --env {options.env}; {begun.folder}\n"
    )
    if begun.folder not in before:
        for entry in read_log(begun.folder):
            if entry.get("kind") == "note":
                say(ci_log(visible(f"note: {entry['text']}")) + "\n")
    return 0


def _again(options: argparse.Namespace, asked: Any) -> list[str]:
    """The same options, for the process behind."""
    given = {
        "--env": options.env,
        "--every": options.every,
        "--for": options.lasts,
        "--report-every": options.report_every,
        "--on-no-go": options.on_no_go,
        "--samples": asked.samples,
        "--release": asked.release,
        "--scene": options.scene,
    }
    words = [f"{name}={value}" for name, value in given.items() if value is not None]
    return [*words, *(["--replace"] if options.replace else []), *(f"--fault={fault}" for fault in options.fault)]


def _status(options: argparse.Namespace, root: Path, say: Say) -> int:
    from gonogo.flows.watch import looking  # noqa: PLC0415
    from gonogo.model.errors import ConfigError  # noqa: PLC0415
    from gonogo.reporting.escape import ci_log, visible  # noqa: PLC0415

    reports = root / "reports" / "out"
    names = [options.env] if options.env else looking.environments(reports)
    if not names:
        raise ConfigError(_NEVER)
    if options.follow:
        from gonogo.cli_live import follow  # noqa: PLC0415

        one = looking.standing(reports, _only(names))
        follow(one.folder, say, lambda: looking.standing(reports, one.environment))
    found = [looking.standing(reports, name) for name in names]
    for one in found:
        if options.json:
            import json  # noqa: PLC0415

            say(
                json.dumps(
                    {
                        **one.status,
                        "decision": one.decision.value,
                        "ended": one.ended,
                        "acted": looking.acted(one.folder),
                    },
                    ensure_ascii=False,
                )
                + "\n"
            )
        else:
            lines = [visible(one.word), *([one.until] if one.until else ())]
            lines += looking.rests_on(one.folder, one.status.get("last"))
            say(ci_log("\n".join(lines)) + "\n")
    return max(int(one.decision.exit_status) for one in found) if all(one.decision != "NO-GO" for one in found) else 1


def _log(options: argparse.Namespace, root: Path, say: Say) -> int:
    from gonogo.flows.watch import looking  # noqa: PLC0415
    from gonogo.reporting.escape import ci_log, visible  # noqa: PLC0415

    reports = root / "reports" / "out"
    now = datetime.now(UTC)
    since, until = (looking.moment(f"--{name}", getattr(options, name), now) for name in ("since", "until"))
    one = looking.standing(reports, options.env or _only(looking.environments(reports)))
    lines = looking.log(one.folder, options.tail, since, until)
    if not lines:
        say(f"{one.environment}: nothing is in the log {'of that time' if since or until else 'yet'}\n")
    say(ci_log("".join(f"{visible(line)}\n" for line in lines)))
    return 0


def _stop(options: argparse.Namespace, root: Path, say: Say) -> int:
    from gonogo.flows.watch import looking  # noqa: PLC0415
    from gonogo.flows.watch.lock import holder  # noqa: PLC0415
    from gonogo.flows.watch.store import watch_folder  # noqa: PLC0415

    reports = root / "reports" / "out"
    running = [name for name in looking.environments(reports) if holder(watch_folder(reports, name))]
    names = running if options.all else [options.env or _only(running, "nobody watches here now")]
    if not names:
        say("nothing is watched here\n")
    for name in names:
        say(looking.stop(reports, name).word + "\n")
    return 0


def _only(names: list[str], none: str = _NEVER) -> str:
    from gonogo.model.errors import ConfigError  # noqa: PLC0415

    if not names:
        raise ConfigError(none)
    if len(names) != 1:
        raise ConfigError(f"name one with --env (there is {', '.join(names)})")
    return names[0]


def _duration(text: str | None, option: str) -> timedelta | None:
    from gonogo.model.errors import ConfigError  # noqa: PLC0415
    from gonogo.model.units import parse_duration  # noqa: PLC0415

    if text is None:
        return None
    try:
        found = parse_duration(text)
    except (ValueError, OverflowError) as error:
        raise ConfigError(f"{option}: {error}") from None
    if found.total_seconds() <= 0:
        raise ConfigError(f"{option} is a time longer than 0")
    if found > timedelta(days=_LONGEST_DAYS):
        raise ConfigError(f"{option} is at most {_LONGEST_DAYS}d")
    return found
