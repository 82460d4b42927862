"""Locust into a gate: options, one user that drives the fleet, and a decision as the exit status."""

from __future__ import annotations

import atexit
import functools
import json
import sys
from argparse import ArgumentParser, Namespace
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from time import monotonic, time
from typing import Any, NoReturn

import gevent
from gevent.event import Event as Happened
from locust import User, events, task
from locust.env import Environment as LocustEnvironment
from locust.exception import StopUser
from locust.runners import STATE_MISSING, MasterRunner, Runner, WorkerRunner
from locust.stats import RequestStats, StatsError, bucket_response_time

from gonogo.flows.load import METHODS, Aimed, Asked, bring_up, take_order
from gonogo.flows.load_ending import Ended, end_load
from gonogo.flows.load_wire import found_from_json, found_to_json, merge_found, order_from_json, order_to_json
from gonogo.load.fleet import Fleet, Found
from gonogo.load.lane import Batch
from gonogo.load.schedule import Share
from gonogo.load.waiting import Poller, wait
from gonogo.model.errors import ExitStatus, GonogoError
from gonogo.model.load import OutcomeClass, Profile, Target

_SHOWN = 100  # lines a side for single answers; the summary counts the rest
_TIMELINE = 5000  # requests a side; runs up to this size keep every single one
_ENDS_WITHIN_S = 3.0
_JOIN_WITHIN_S = 30  # workers that have not joined by then are missing
_ORDER, _FOUND = "gonogo-order", "gonogo-found"
_BROKEN = 3
_FINE = 0.004  # s; gevent wakes to about a millisecond
_YIELD_EVERY_S = 0.02


class FleetUser(User):
    """One user that sends what the profile says to every side, through an event loop of its own."""

    @task
    def drive(self) -> NoReturn:
        """Send it all, once, and end the run. A second user has nothing left to send."""
        session = _SESSIONS.get(id(self.environment))
        if session is not None and session.fleet is None:
            session.drive()
        raise StopUser


class Session:
    """One Locust process that loads an environment; in the web UI it may do so many times."""

    def __init__(self, environment: LocustEnvironment, options: Namespace) -> None:
        self.environment = environment
        self.options = options
        self.stack = ExitStack()
        self.aimed: Aimed | None = None
        self.order: tuple[Profile, tuple[Target, ...], Share] | None = None  # a worker's, from its master
        self.begin()

    def begin(self) -> None:
        """Forget the run before."""
        self.fleet: Fleet | None = None
        self.found: Found | None = None
        self.over = Happened()
        self.ended: Ended | None = None
        self.lines: dict[str, int] = {}
        self.workers = 1
        self.parts: dict[str, Found] = {}  # of a master's workers, by their ids

    def open(self) -> None:
        """Look at guards and configuration, then bring the environment up. Nothing has been sent."""
        self.aimed = bring_up(take_order(_asked(self.environment, self.options)), self.stack)

    def drive(self) -> None:
        """Send what was ordered; returns when all of it was answered or the run was stopped."""
        if self.order is not None:
            profile, targets, share = self.order
        elif self.aimed is not None:
            profile, targets, share = self.aimed.order.profile, self.aimed.targets, Share()
        else:
            return
        self.fleet = Fleet(
            profile,
            targets,
            events=profile.requests is not None and profile.requests <= _TIMELINE,
            share=share,
            wait=_Waiting(),
            listener=self.told,
        )
        try:
            self.found = self.fleet.run()
        finally:
            self.over.set()
            runner = self.environment.runner
            if not isinstance(runner, WorkerRunner):
                gevent.spawn(self.leave)
            elif self.found is not None:
                runner.send_message(_FOUND, {"json": json.dumps(found_to_json(self.found))})

    def hand_out(self, runner: MasterRunner) -> None:
        """A share for every worker that is there, and an eye on them until each has answered or is lost."""
        if self.aimed is None:
            return
        workers = [node.id for node in (*runner.clients.ready, *runner.clients.spawning, *runner.clients.running)]
        self.workers = max(len(workers), self.options.expect_workers)
        for index, worker in enumerate(workers):
            share = Share(index=index, of=len(workers))
            order = order_to_json(self.aimed.order.profile, self.aimed.targets, share)
            runner.send_message(_ORDER, {"json": json.dumps(order)}, worker)
        gevent.spawn(self._watch, runner, frozenset(workers), self.parts)

    def _watch(self, runner: MasterRunner, workers: frozenset[str], parts: dict[str, Found]) -> None:
        while True:
            here = {node.id for node in runner.clients.all if node.state != STATE_MISSING}
            if all(worker in parts or worker not in here for worker in workers):
                break
            gevent.sleep(0.2)
        if parts is self.parts and self.ended is None:
            self.leave()

    def told(self, batch: Batch) -> None:
        """Answers since the last time: a line each while they are few, and Locust's own statistics."""
        enter(self.environment.stats, batch)
        for latency in batch.latencies:
            shown = self.lines.get(batch.side, 0)
            self.lines[batch.side] = shown + 1
            if shown < _SHOWN:
                status = str(batch.status) if batch.status else "---"
                self.say(f"{batch.side:<7} {shown + 1:>4}  {status}  {latency / 1e6:8.1f} ms  {batch.outcome.value}")
            elif shown == _SHOWN:
                self.say(f"{batch.side:<7} more than {_SHOWN} answers; the summary counts the rest")

    def leave(self) -> None:
        """Everything was sent: a headless run is over; in the web UI another may be started."""
        runner = self.environment.runner
        if runner is not None:
            runner.quit() if self.options.headless else runner.stop()

    def stop(self, reason: str) -> None:
        """Send nothing more, and wait for the answers that are under way."""
        if self.fleet is not None and not self.over.is_set():
            self.fleet.stop(reason)
            self.over.wait(_ENDS_WITHIN_S)

    def conclude(self) -> None:
        """Decide, write load.json and say it, once a run; the decision is the exit status."""
        if self.aimed is None:
            return
        if self.ended is None:
            self.stop("it was interrupted")
            if isinstance(self.environment.runner, MasterRunner):
                found, seen = merge_found(tuple(self.parts.values())), len(self.parts)
            else:
                found, seen = self.found, 1
            self.ended = end_load(self.aimed, found, workers_expected=self.workers, workers_seen=seen)
            for line in self.ended.lines:
                self.say(line)
            if self.options.json:
                print(json.dumps(self.ended.document, ensure_ascii=False, indent=1), flush=True)
        self.environment.process_exit_code = int(self.ended.judged.decision.exit_status)

    def say(self, line: str) -> None:
        """A line for people; standard output belongs to the JSON where that was asked for."""
        print(line, file=sys.stderr if self.options.json else sys.stdout, flush=True)


def enter(stats: RequestStats, batch: Batch) -> None:
    """A batch into Locust's statistics. A reject is no failure; it has a line of its own."""
    name = f"{batch.side} {batch.endpoint.partition(' ')[2]}"
    if batch.outcome is OutcomeClass.LIMITED:
        name += f" ({batch.status})"
    milliseconds = [latency / 1e6 for latency in batch.latencies]
    first, *rest = milliseconds
    failed = batch.outcome is OutcomeClass.ERROR
    second = int(time())
    buckets = Counter(bucket_response_time(each) for each in rest)
    for entry in (stats.total, stats.entries[name, batch.method]):
        entry.log(first, 0)  # type: ignore[arg-type]
        entry.num_requests += len(rest)
        entry.num_reqs_per_sec[second] += len(rest)
        entry.total_response_time += sum(rest)  # type: ignore[assignment]
        entry.min_response_time = min(*milliseconds, entry.min_response_time or first)  # type: ignore[assignment]
        entry.max_response_time = max(entry.max_response_time, *milliseconds)  # type: ignore[assignment]
        for bucket, count in buckets.items():
            entry.response_times[bucket] += count
        if failed:
            entry.num_failures += len(milliseconds)
            entry.num_fail_per_sec[second] += len(milliseconds)
    if failed:
        why = f"answered {batch.status}" if batch.status else "no answer"
        key = StatsError.create_key(batch.method, name, why)
        stats.errors.setdefault(key, StatsError(batch.method, name, why)).occurrences += len(milliseconds)


_SESSIONS: dict[int, Session] = {}


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
    add("--reports", metavar="DIR", help="folder for run folders (default: reports/out)")
    parser.set_defaults(web_host="127.0.0.1")
    parser.error = functools.partial(_usage, parser)  # type: ignore[method-assign]


def _open(environment: LocustEnvironment, runner: Runner, **_: Any) -> None:
    options = environment.parsed_options
    if options is None:
        return
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(encoding="utf-8", errors="backslashreplace")
    session = _SESSIONS[id(environment)] = Session(environment, options)
    atexit.register(session.stack.close)
    if isinstance(runner, WorkerRunner):
        runner.register_message(_ORDER, _take)
        return
    if isinstance(runner, MasterRunner):
        runner.register_message(_FOUND, _collect)
        options.num_users = options.spawn_rate = options.expect_workers  # one for each worker
    try:
        session.open()
    except GonogoError as error:
        session.stack.close()
        _stop(str(error), error.exit_status)
    options.only_summary = True  # the lines of this run are its own
    if isinstance(runner, MasterRunner) and options.headless:
        _await_workers(session, runner)


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


def _take(environment: LocustEnvironment, msg: Any, **_: Any) -> None:
    _SESSIONS[id(environment)].order = order_from_json(json.loads(msg.data["json"]))


def _collect(environment: LocustEnvironment, msg: Any, **_: Any) -> None:
    _SESSIONS[id(environment)].parts[msg.node_id] = found_from_json(json.loads(msg.data["json"]))


def _stopping(environment: LocustEnvironment, **_: Any) -> None:
    if (session := _SESSIONS.get(id(environment))) is not None:
        session.stop("Locust stopped it")


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
        session.options.json = False  # Locust would print its own over ours; --json-file has it
    finally:
        session.stack.close()


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
        out=Path(options.reports) if options.reports else None,
    )


def _root(environment: LocustEnvironment) -> Path:
    """The folder that holds environments/: where Locust was started, or above the locustfile."""
    here = Path.cwd()
    places = [Path(file).resolve().parent.parent for file in environment.parsed_locustfiles or ()]
    return next((place for place in (here, *places) if (place / "environments").is_dir()), here)


class _Waiting:
    """The fleet's waiting: other greenlets run while there is time, and the last milliseconds are kept exactly."""

    def __init__(self) -> None:
        self._yielded = 0.0

    def __call__(self, poller: Poller, timeout: float) -> list[tuple[int, int]]:
        now = monotonic()
        fd = poller.fileno()
        if timeout > _FINE and fd >= 0:
            ready = poller.poll(0)
            if not ready:
                _wait_read(fd, timeout - _FINE / 2)
                ready = poller.poll(0)
            self._yielded = now
        else:
            ready = wait(poller, min(timeout, _FINE))
        if now - self._yielded > _YIELD_EVERY_S:
            self._yielded = now
            gevent.sleep(0)
        return ready


def _wait_read(fd: int, timeout: float) -> None:
    hub = gevent.get_hub()
    watcher = hub.loop.io(fd, 1)
    try:
        with gevent.Timeout(timeout, exception=False):
            hub.wait(watcher)
    finally:
        watcher.close()


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
