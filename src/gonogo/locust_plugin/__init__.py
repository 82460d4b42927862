"""Locust into a gate: options, one user that drives the fleet, and a decision as the exit status."""

from __future__ import annotations

import atexit
import functools
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from time import monotonic
from typing import Any, NoReturn

import gevent
from locust import User, events, task
from locust.env import Environment as LocustEnvironment
from locust.exception import StopUser
from locust.runners import MasterRunner, Runner, WorkerRunner

from gonogo.flows.load.run import METHODS, Asked
from gonogo.locust_plugin.own_session import OwnSession
from gonogo.locust_plugin.quiet import hush, interrupt_here
from gonogo.locust_plugin.session import FOUND, Session
from gonogo.model.errors import ConfigError, ExitStatus, GonogoError, SafetyRefusal

_JOIN_WITHIN_S = 30  # workers that have not joined by then are missing
_DISMISS_WITHIN_S = 5.0
_SETTLE_S = 1.0
_BROKEN = 3
_HERE = ("127.0.0.1", "localhost", "::1")
_SESSIONS: dict[int, Session] = {}


class FleetUser(User):
    """One user that sends what the profile says to every side, through an event loop of its own."""

    @task
    def drive(self) -> NoReturn:
        """Send it all, once, and end the run. A second user has nothing left to send."""
        session = _SESSIONS.get(id(self.environment))
        if session is not None and session.fleet is None and session.found is None:
            session.drive()
        raise StopUser


def _add_options(parser: ArgumentParser, **_: Any) -> None:
    group = parser.add_argument_group("gonogo", "load profiles; Locust's own --profile names one")
    add = functools.partial(group.add_argument)
    add("--env", metavar="NAME", help="environment (default: local, the rehearsal)")
    add("--fault", action="append", metavar="NAME", help="rehearse this fault, repeatable (rehearsed environments)")
    add("--method", default="GET", metavar="VERB", help=f"one of {', '.join(METHODS)}")
    add("--canary-path", default="/api/v2/health", metavar="PATH")
    add("--legacy-path", default="/health", metavar="PATH")
    add("--requests", type=int, metavar="N", help="requests a side, at most what the environment allows")
    add("--delay", metavar="1s", help="between an answer and the next request: 500ms, 1s")
    add("--body", metavar="JSON", help="body of every request")
    add("--release", metavar="FILE", help="release file; its version and commit stand in load.json")
    add("--reports", metavar="DIR", help="folder for run folders (default: reports/out)")
    parser.set_defaults(web_host="127.0.0.1", master_bind_host="127.0.0.1")
    parser.error = functools.partial(_usage, parser)  # type: ignore[method-assign]


def _open(environment: LocustEnvironment, runner: Runner, **_: Any) -> None:
    options = environment.parsed_options
    if options is None:
        return
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(encoding="utf-8", errors="backslashreplace")
    own = [each for each in environment.user_classes if not issubclass(each, FleetUser)]
    session = _SESSIONS[id(environment)] = (OwnSession if own else Session)(environment, options)
    atexit.register(session.stack.close)
    if isinstance(runner, WorkerRunner):
        session.listen(runner)
        # Ctrl-C reaches every process of a terminal. The last to listen is the first to hear: what was seen is told
        # to the master before Locust tells it that the worker has quit.
        environment.events.quitting.add_listener(_stopping)
        interrupt_here()
        return
    if isinstance(runner, MasterRunner):
        runner.register_message(FOUND, _collect)
        if not own:
            options.num_users = options.spawn_rate = options.expect_workers  # one for each worker
    try:
        if 0 < len(own) < len(environment.user_classes):
            names = ", ".join(each.__name__ for each in own)
            raise ConfigError(f"FleetUser and classes of your own do not load together: name one of them ({names})")
        _guard_web(options)
        session.open(_asked(environment, options))
        hush()
        interrupt_here()
        options.only_summary = True  # the lines of this run are its own
        if isinstance(runner, MasterRunner) and options.headless:
            _await_workers(session, runner)
    except GonogoError as error:
        session.stack.close()
        _dismiss(runner, options)
        _stop(str(error), error.exit_status)
    except KeyboardInterrupt:
        session.stack.close()
        _dismiss(runner, options)
        _stop("HOLD: interrupted before anything was sent", ExitStatus.HOLD)


def _dismiss(runner: Runner, options: Namespace) -> None:
    """Tell the workers of --processes that there is no run; else they stay for a minute, until they miss the master."""
    if not isinstance(runner, MasterRunner) or not options.processes:
        return
    end = monotonic() + _DISMISS_WITHIN_S
    while len(runner.clients.ready) < options.expect_workers and monotonic() < end:
        gevent.sleep(0.05)
    gevent.sleep(_SETTLE_S)  # a worker says that it is ready before it is: told to leave too early, it stays
    runner.quit()


def _guard_web(options: Namespace) -> None:
    """Whoever reaches the web UI can start load: it is for this machine alone."""
    if not options.headless and options.web_host not in _HERE:
        raise SafetyRefusal(
            f"--web-host {options.web_host!r}: the web UI starts load, so it is opened on 127.0.0.1 only"
        )


def _await_workers(session: Session, runner: MasterRunner) -> None:
    """Locust's own waiting has no end, or one with a status that says NO-GO."""
    wanted, seconds = session.options.expect_workers, session.options.expect_workers_max_wait or _JOIN_WITHIN_S
    end = monotonic() + seconds
    while len(runner.clients.ready) < wanted:
        if monotonic() > end:
            there = len(runner.clients.ready)
            runner.quit()
            session.stack.close()
            _stop(f"HOLD: {there} of {wanted} workers joined within {seconds} s; nothing was sent", ExitStatus.HOLD)
        gevent.sleep(0.1)


def _begin(environment: LocustEnvironment, **_: Any) -> None:
    if (session := _SESSIONS.get(id(environment))) is not None:
        session.begin()
        if isinstance(environment.runner, MasterRunner):
            session.hand_out(environment.runner)


def _collect(environment: LocustEnvironment, msg: Any, **_: Any) -> None:
    _SESSIONS[id(environment)].collect(msg.node_id, msg.data)


def _stopping(environment: LocustEnvironment, **_: Any) -> None:
    if (session := _SESSIONS.get(id(environment))) is not None:
        session.stop("it was interrupted (a signal, --run-time or the web UI)")


def _test_stop(environment: LocustEnvironment, **_: Any) -> None:
    if (session := _SESSIONS.get(id(environment))) is not None:
        session.conclude()


def _conclude(environment: LocustEnvironment, **_: Any) -> None:
    session = _SESSIONS.get(id(environment))
    if session is None or isinstance(environment.runner, WorkerRunner):
        return
    environment.process_exit_code = _BROKEN  # until it is known better
    try:
        session.conclude()
        session.options.json = False  # Locust would print its own beside ours; --json-file has it
    finally:
        session.stack.close()


def _last_word(**_: Any) -> None:
    for session in _SESSIONS.values():
        session.last_word()


def _asked(environment: LocustEnvironment, options: Namespace) -> Asked:
    return Asked(
        root=_root(environment),
        environment=options.env,
        profile=options.profile,
        host=options.host,
        faults=tuple(options.fault or ()),
        method=options.method.upper(),
        canary_path=options.canary_path,
        legacy_path=options.legacy_path,
        requests=options.requests,
        delay=options.delay,
        body=options.body,
        release=Path(options.release) if options.release else None,
        out=Path(options.reports) if options.reports else None,
    )


def _root(environment: LocustEnvironment) -> Path:
    """The folder that holds environments/: where Locust was started, or above the locustfile."""
    here = Path.cwd()
    places = [Path(file).resolve().parent.parent for file in environment.parsed_locustfiles or ()]
    return next((place for place in (here, *places) if (place / "environments").is_dir()), here)


def _usage(parser: ArgumentParser, message: str) -> NoReturn:
    parser.exit(int(ExitStatus.CONFIGURATION), f"locust: {message} (see locust -f FILE --help)\n")


def _stop(message: str, status: ExitStatus) -> NoReturn:
    print(f"locust: {message}", file=sys.stderr, flush=True)
    sys.exit(int(status))


events.init_command_line_parser.add_listener(_add_options)
events.init.add_listener(_open)
events.test_start.add_listener(_begin)
events.test_stopping.add_listener(_stopping)
events.test_stop.add_listener(_test_stop)
events.quitting.add_listener(_conclude)
events.quit.add_listener(_last_word)
