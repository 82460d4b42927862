"""The steps of a capacity run through the fleet of this process, or through those of a master's workers."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import gevent
from gevent.event import Event as Happened
from gevent.queue import Queue
from locust.runners import STATE_MISSING, MasterRunner, WorkerRunner

from gonogo.flows.load.capacity import Search, Sender, Sent
from gonogo.flows.load.run import Aimed
from gonogo.flows.load.wire import found_from_json, found_to_json, merge_found, order_from_json, order_to_json
from gonogo.judges.loads.capacity_step import bars
from gonogo.load.fleet import Fleet, Found, never_begun
from gonogo.load.lag import Lag
from gonogo.load.lane import Batch
from gonogo.load.schedule import Share
from gonogo.locust_plugin.waiting import Waiting
from gonogo.model.errors import GonogoError
from gonogo.model.load import Profile, Target

STEP, STEPPED, HALT = "gonogo-step", "gonogo-stepped", "gonogo-halt"  # messages between a master and its workers
_LOOK_EVERY_S = 0.05


class OneProcess(Sender):
    """Each step is a fleet of its own, in this process."""

    def __init__(self, listener: Callable[[Batch], None], share: Share | None = None) -> None:
        self._listener = listener
        self._share = share or Share()
        self._fleet: Fleet | None = None

    def send(self, profile: Profile, targets: Sequence[Target]) -> Sent:
        """Send it all, and return when everything was answered."""
        lag = Lag(Waiting())
        self._fleet = Fleet(profile, targets, share=self._share, wait=lag, listener=self._listener)
        return Sent(found=self._fleet.run(), late=lag.late)

    def stop(self, reason: str) -> None:
        """Send nothing more."""
        if self._fleet is not None:
            self._fleet.stop(reason)


class Workers(Sender):
    """Each step in shares, one a worker; `lost` is how many workers are gone, and `on_loss` is told of it."""

    def __init__(self, runner: MasterRunner, workers: Sequence[str]) -> None:
        self._runner = runner
        self._workers = tuple(workers)
        self._number = 0
        self._parts: dict[str, tuple[Found, float]] = {}
        self.lost = 0
        self.on_loss: Callable[[str], None] = lambda _reason: None
        runner.register_message(STEPPED, self._collect)

    def send(self, profile: Profile, targets: Sequence[Target]) -> Sent:
        """Hand it out, and wait until each worker has answered or is lost."""
        self._number += 1
        parts: dict[str, tuple[Found, float]] = {}
        self._parts = parts
        for index, worker in enumerate(self._workers):
            order = order_to_json(profile, targets, Share(index=index, of=len(self._workers)))
            self._runner.send_message(STEP, {"number": self._number, "json": json.dumps(order)}, worker)
        while True:
            here = {node.id for node in self._runner.clients.all if node.state != STATE_MISSING}
            self.lost = len(set(self._workers) - here)
            if all(worker in parts or worker not in here for worker in self._workers):
                break
            gevent.sleep(_LOOK_EVERY_S)
        if self.lost:
            self.on_loss(f"{self.lost} of {len(self._workers)} workers were lost")
        found = merge_found([each for each, _ in parts.values()])
        if found is None:
            found = never_begun("no worker answered")
        return Sent(found=found, late=max((late for _, late in parts.values()), default=0.0))

    def stop(self, reason: str) -> None:
        """Send nothing more."""
        for worker in self._workers:
            self._runner.send_message(HALT, {"reason": reason}, worker)

    def _collect(self, msg: Any, **_: Any) -> None:
        if msg.data["number"] == self._number:
            self._parts[msg.node_id] = found_from_json(json.loads(msg.data["json"])), float(msg.data["late"])


class Served:
    """A worker's end: it sends the steps that its master asks for, one after the other, until it is stopped."""

    def __init__(self, runner: WorkerRunner, listener: Callable[[Batch], None]) -> None:
        self._runner = runner
        self._listener = listener
        self._steps: Queue[Mapping[str, Any]] = Queue()
        self._sender: OneProcess | None = None
        self._idle = Happened()
        self._idle.set()
        runner.register_message(STEP, lambda msg, **_: self._steps.put(msg.data))
        runner.register_message(HALT, lambda msg, **_: self.stop(msg.data["reason"]))

    def serve(self) -> None:
        """Does not return: the greenlet is killed when the run is over."""
        while True:
            asked = self._steps.get()
            profile, targets, share = order_from_json(json.loads(asked["json"]))
            self._sender = OneProcess(self._listener, share)
            self._idle.clear()
            try:
                sent = self._sender.send(profile, targets)
            except GonogoError as error:
                sent = Sent(found=never_begun(str(error)), late=0.0)
            finally:
                self._idle.set()
            said = {"number": asked["number"], "json": json.dumps(found_to_json(sent.found)), "late": sent.late}
            self._runner.send_message(STEPPED, said)

    def stop(self, reason: str) -> None:
        """End the step that is under way."""
        if self._sender is not None and not self._idle.is_set():
            self._sender.stop(reason)


def search(aimed: Aimed, sender: Sender, say: Callable[[str], None]) -> Search:
    """The search of the order's profile; every step is said as it ends."""
    kept = {side: bars(standard.names, standard.objectives) for side, standard in aimed.order.standards.items()}
    return Search(aimed.order.profile, aimed.targets, kept, sender, say=lambda line: say(aimed.redactor.scrub(line)))
