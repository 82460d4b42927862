"""One Locust process: its orders, its run, what its workers say, and the decision."""

from __future__ import annotations

import json
import sys
import uuid
from argparse import Namespace
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from time import monotonic

import gevent
from gevent.event import Event as Happened
from locust.env import Environment as LocustEnvironment
from locust.runners import STATE_MISSING, MasterRunner, WorkerRunner

from gonogo.flows.load.capacity import Search
from gonogo.flows.load.ending import Ended, end_load
from gonogo.flows.load.run import Aimed, Asked, bring_up, take_order
from gonogo.flows.load.wire import found_from_json, found_to_json, merge_found, order_from_json, order_to_json
from gonogo.load.fleet import Fleet, Found, never_begun
from gonogo.load.lane import Batch
from gonogo.load.schedule import Share
from gonogo.locust_plugin.capacity import OneProcess, Served, Workers, search
from gonogo.locust_plugin.statistics import enter
from gonogo.locust_plugin.waiting import Waiting
from gonogo.model.errors import GonogoError
from gonogo.model.load import OutcomeClass, Profile, Target

ORDER, FOUND = "gonogo-order", "gonogo-found"  # messages between a master and its workers
_SHOWN = 100  # lines a side for single answers; the summary counts the rest
TIMELINE = 5000  # requests a side; runs up to this size keep every single one
_ENDS_WITHIN_S = 3.0
_ANSWERS_WITHIN_S = 5.0
_CSV_WITHIN_S = 1.2  # Locust writes its CSV once a second, and not once more at the end


class Session:
    """One Locust process that loads an environment; in the web UI it may do so many times."""

    def __init__(self, environment: LocustEnvironment, options: Namespace) -> None:
        self.environment = environment
        self.options = options
        self.json = bool(options.json)
        self.stack = ExitStack()
        self.aimed: Aimed | None = None
        self.order: tuple[Profile, tuple[Target, ...], Share] | None = None  # a worker's, from its master
        self.served: Served | None = None  # a worker's, for the steps of its master's search
        self.begin()

    def begin(self) -> None:
        """Forget the run before; each has an id of its own."""
        if self.aimed is not None:
            self.aimed = replace(self.aimed, order=replace(self.aimed.order, run_id=uuid.uuid4().hex))
        self.fleet: Fleet | Search | None = None
        self.found: Found | None = None
        self.over = Happened()
        self.ended: Ended | None = None
        self.spoken: Ended | None = None
        self.left = False
        self.lines: dict[str, int] = {}
        self.workers = self.seen = 1
        self.parts: dict[str, Found] = {}  # of a master's workers, by their ids

    def open(self, asked: Asked) -> None:
        """Look at guards and configuration, then bring the environment up. Nothing has been sent."""
        self.aimed = bring_up(take_order(asked), self.stack)

    def drive(self) -> None:
        """Send what was ordered; returns when all of it was answered or the run was stopped."""
        if self.order is not None:
            profile, targets, share = self.order
        elif self.aimed is not None:
            profile, targets, share = self.aimed.order.profile, self.aimed.targets, Share()
        else:
            return
        if profile.steps is not None and self.served is not None:
            self.served.serve()
        try:
            if profile.steps is not None and self.aimed is not None:
                self.fleet = search(self.aimed, OneProcess(self.enter), self.say)
            else:
                self.fleet = Fleet(
                    profile,
                    targets,
                    events=profile.requests is not None and profile.requests <= TIMELINE,
                    share=share,
                    wait=Waiting(),
                    listener=self.told,
                )
            self.found = self.fleet.run()
        except GonogoError as error:
            self.found = never_begun(str(error))
        except Exception as error:  # noqa: BLE001 - Locust would begin the run again, and again
            self.found = never_begun(f"the load generator failed: {type(error).__name__}: {error}")
        finally:
            self.over.set()
            runner = self.environment.runner
            if not isinstance(runner, WorkerRunner):
                gevent.spawn(self.leave)
            elif self.found is not None:
                runner.send_message(FOUND, {"json": json.dumps(found_to_json(self.found))})

    def hand_out(self, runner: MasterRunner) -> None:
        """A share for every worker that is there, and an eye on them until each has answered or is lost."""
        if self.aimed is None:
            return
        workers = [node.id for node in (*runner.clients.ready, *runner.clients.spawning, *runner.clients.running)]
        self.workers = max(len(workers), self.options.expect_workers)
        for index, worker in enumerate(workers):
            runner.send_message(ORDER, self.share(Share(index=index, of=len(workers))), worker)
        if self.aimed.order.profile.steps is not None:
            gevent.spawn(self._search, self.aimed, Workers(runner, workers))
        else:
            gevent.spawn(self._watch, runner, frozenset(workers), self.parts)

    def _search(self, aimed: Aimed, workers: Workers) -> None:
        self.fleet = found = search(aimed, workers, self.say)
        workers.on_loss = found.stop
        try:
            self.found = found.run()
        finally:
            self.seen = self.workers - workers.lost
            self.over.set()
            self.leave()

    def share(self, share: Share) -> dict[str, str]:
        """What a worker is told of its run."""
        if self.aimed is None:
            return {}
        return {"json": json.dumps(order_to_json(self.aimed.order.profile, self.aimed.targets, share))}

    def listen(self, runner: WorkerRunner) -> None:
        """Hear the orders of a master."""
        runner.register_message(ORDER, lambda msg, **_: self.take(msg.data))
        self.served = Served(runner, self.enter)

    def take(self, order: Mapping[str, str]) -> None:
        """What a master told this worker; its run begins soon."""
        self.order = order_from_json(json.loads(order["json"]))

    def collect(self, worker: str, data: Mapping[str, str]) -> None:
        """What a worker found. One that had a reason to stop ends the run of all."""
        found = self.parts[worker] = found_from_json(json.loads(data["json"]))
        if found.aborted is not None and self.ended is None:
            gevent.spawn(self.leave)

    def _watch(self, runner: MasterRunner, workers: frozenset[str], parts: dict[str, Found]) -> None:
        while True:
            here = {node.id for node in runner.clients.all if node.state != STATE_MISSING}
            if all(worker in parts or worker not in here for worker in workers):
                break
            gevent.sleep(0.2)
        if parts is self.parts:  # also when Locust has stopped it before: it goes on waiting without its workers
            self.leave()

    def told(self, batch: Batch) -> None:
        """Answers since the last time, into Locust's own statistics and as lines."""
        self.enter(batch)
        self.show(batch.side, batch.status, batch.outcome, batch.latencies)

    def show(self, side: str, status: int, outcome: OutcomeClass, latencies: Sequence[int]) -> None:
        """A line an answer while they are few; latencies in ns."""
        for latency in latencies[: _SHOWN + 1 - self.lines.get(side, 0)]:
            shown = self.lines[side] = self.lines.get(side, 0) + 1
            if shown <= _SHOWN:
                self.say(f"{side:<7} {shown:>4}  {status or '---'}  {latency / 1e6:8.1f} ms  {outcome.value}")
            else:
                self.say(f"{side:<7} more than {_SHOWN} answers; the summary counts the rest")

    def enter(self, batch: Batch) -> None:
        """Into Locust's own statistics."""
        enter(self.environment.stats, batch)

    def leave(self) -> None:
        """Everything was sent: a headless run is over; in the web UI another may be started."""
        if self.left:
            return
        self.left = True
        runner = self.environment.runner
        if self.options.headless and self.options.csv_prefix:
            gevent.sleep(_CSV_WITHIN_S)
        if runner is not None:
            runner.quit() if self.options.headless else runner.stop()

    def stop(self, reason: str) -> None:
        """Send nothing more, and wait for the answers that are under way."""
        if self.served is not None:
            self.served.stop(reason)
        if self.fleet is not None and not self.over.is_set():
            self.fleet.stop(reason)
            self.over.wait(_ENDS_WITHIN_S)

    def conclude(self) -> None:
        """Decide, write load.json and say it, once a run; the decision is the exit status."""
        if self.aimed is None:
            return
        if self.ended is None:
            self.stop("it was interrupted (a signal, --run-time or the web UI)")
            if isinstance(self.environment.runner, MasterRunner) and not isinstance(self.fleet, Search):
                self._call_in(self.environment.runner)
                found, seen = merge_found(tuple(self.parts.values())), len(self.parts)
            else:
                found, seen = self.found, self.seen
            self.ended = self.judge(self.aimed, found, seen)
            if not self.options.headless:
                self.last_word()
        self.environment.process_exit_code = int(self.ended.judged.decision.exit_status)

    def judge(self, aimed: Aimed, found: Found | None, seen: int) -> Ended:
        """The decision, written down."""
        capacities = self.fleet.capacities if isinstance(self.fleet, Search) else ()
        return end_load(aimed, found, workers_expected=self.workers, workers_seen=seen, capacities=capacities)

    def _call_in(self, runner: MasterRunner) -> None:
        """Workers that have not answered are stopped, and get a moment to say what they saw."""
        missing = [node.id for node in runner.clients.all if node.state != STATE_MISSING and node.id not in self.parts]
        for worker in missing:
            runner.send_message("stop", None, worker)
        end = monotonic() + _ANSWERS_WITHIN_S
        while not self.parts.keys() >= set(missing) and monotonic() < end:
            gevent.sleep(0.05)

    def last_word(self) -> None:
        """What the run came to, once; where the process ends with the run, below Locust's own tables."""
        if self.ended is None or self.spoken is self.ended:
            return
        self.spoken = self.ended
        for line in self.ended.lines:
            self.say(line)
        if self.json:
            print(json.dumps(self.ended.document, ensure_ascii=False, indent=1), flush=True)

    def say(self, line: str) -> None:
        """A line for people; standard output belongs to the JSON where that was asked for."""
        print(line, file=sys.stderr if self.json else sys.stdout, flush=True)
