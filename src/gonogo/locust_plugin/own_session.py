"""One Locust process whose users are somebody's own: the same orders, record and decision as the fleet's."""

from __future__ import annotations

import functools
import json
from argparse import Namespace
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import gevent
from locust import User
from locust.env import Environment as LocustEnvironment
from locust.runners import STATE_RUNNING, MasterRunner, WorkerRunner

from gonogo.flows.load.ending import Ended, end_load
from gonogo.flows.load.own import guard_users, hold_to_paths, own_order, own_rejects
from gonogo.flows.load.run import Aimed, Asked, bring_up
from gonogo.flows.load.wire import found_to_json
from gonogo.load.fleet import Found
from gonogo.load.schedule import Share
from gonogo.locust_plugin.own_ration import ASK, GRANT, OVER, Pool, Ration, RemoteRation
from gonogo.locust_plugin.own_run import Closed, OwnRun
from gonogo.locust_plugin.own_users import Seat, aim, seat_all, sides_of, spread
from gonogo.locust_plugin.session import FOUND, TIMELINE, Session
from gonogo.model.errors import ConfigError, SafetyRefusal
from gonogo.model.load import Profile, Target

_TICK_S = 0.1
_ENDS_WITHIN_S = 3.0


class OwnSession(Session):
    """A run of own users. Each process records its own; a master hands out what may be sent, in portions."""

    def __init__(self, environment: LocustEnvironment, options: Namespace) -> None:
        self.sides: Mapping[type[User], str] = {}
        self.rejects: Mapping[str, int] = {}
        self.run: OwnRun | None = None
        self.pool: Pool | None = None
        super().__init__(environment, options)

    def open(self, asked: Asked) -> None:
        """As the fleet's; classes say their sides, and Locust's -u, -r and -t stay within the profile."""
        options = self.options
        order = own_order(asked, options.run_time)
        sides = sides_of(self.environment.user_classes, tuple(order.paths))
        order = replace(order, paths={side: path for side, path in order.paths.items() if side in sides.values()})
        users = self._users(sides, order.profile, options.num_users)
        guard_users(order, _a_side(spread(sides, users), sides))
        if options.num_users is None:
            options.num_users = users
        if options.spawn_rate is None:
            ramp = order.profile.ramp.total_seconds()
            options.spawn_rate = users / ramp if ramp else users
        options.run_time = None  # the profile's end is this session's
        self.rejects = own_rejects(order)
        self.aimed = bring_up(order, self.stack)
        self._aim(self.aimed.targets)
        for each, count in spread(sides, users).items():
            if not count:
                self.say(f"note: {users} users are too few for every class; {each.__name__} has none")
        if isinstance(self.environment.runner, MasterRunner):
            self.environment.runner.register_message(ASK, self._grant)

    def take(self, order: Mapping[str, str]) -> None:
        """A worker's order."""
        super().take(order)
        self.rejects = json.loads(order["rejects"])
        if self.order is not None:
            self._aim(self.order[1])

    def listen(self, runner: WorkerRunner) -> None:
        """What a worker hears of its master."""
        super().listen(runner)
        runner.register_message(GRANT, self._granted)
        runner.register_message(OVER, self._over)

    def begin(self) -> None:
        """Forget the run before, and open the gate of this one."""
        super().begin()
        self.run = None
        self.problems: list[str] = []
        runner = self.environment.runner
        if self.aimed is not None:
            profile, targets = self.aimed.order.profile, self.aimed.targets
        elif self.order is not None:
            profile, targets, _ = self.order
        else:
            return
        names = [target.side for target in targets]
        crowd = self._crowd()
        if isinstance(runner, MasterRunner):
            self.pool = Pool(profile.requests if crowd is None else 0, names)
            gevent.spawn(self._mind, runner, self.parts)
            if profile.duration is not None:
                gevent.spawn_later(profile.duration.total_seconds(), self._timed_out, self.parts)
            return
        ration = RemoteRation(runner, names) if isinstance(runner, WorkerRunner) else Ration(profile.requests, names)
        self.run = OwnRun(
            profile,
            targets,
            ration,
            rejects=self.rejects,
            events=profile.requests is not None and profile.requests <= TIMELINE,
            listener=self.show,
        )
        if crowd is not None:
            self.run.halt(crowd)
        gevent.spawn(self._tend, self.run)
        if profile.duration is not None and not isinstance(runner, WorkerRunner):
            gevent.spawn_later(profile.duration.total_seconds(), self.run.halt)

    def stop(self, reason: str) -> None:
        """Let nothing more through, and wait for the answers that are under way."""
        if self.run is not None and self.found is None:
            self.run.halt(reason)
            self.run.drain(_ENDS_WITHIN_S)
            self._finish()

    def share(self, share: Share) -> dict[str, str]:
        """The order without a share: own users ask for each portion."""
        return super().share(share) | {"rejects": json.dumps(self.rejects)}

    def judge(self, aimed: Aimed, found: Found | None, seen: int) -> Ended:
        """As the fleet's, by the paths that the users brought; a task that raised is told."""
        raised: Counter[str] = Counter()
        if self.environment.runner is not None:
            for each in self.environment.runner.exceptions.values():
                raised[f"a task raised: {each['msg']}"] += each["count"]
        problems = [*self.problems, *(f"{count} x {said}" for said, count in raised.items())]
        return end_load(
            aimed,
            found,
            workers_expected=self.workers,
            workers_seen=seen,
            own=hold_to_paths(aimed.order, found, problems),
        )

    def _aim(self, targets: tuple[Target, ...]) -> None:
        by_side = {target.side: target for target in targets}
        first = not self.sides
        self.sides = sides_of(self.environment.user_classes, tuple(by_side))
        aim(self.sides, targets)
        if first:
            seat_all(self.sides, lambda user: self._seat(user, by_side))

    def _seat(self, user: Any, targets: Mapping[str, Target]) -> None:
        Seat(user, targets[self.sides[type(user)]], self.run or Closed())

    def _users(self, sides: Mapping[type[User], str], profile: Profile, asked: int | None) -> int:
        """As many as were asked for, or as the profile has connections on every side."""
        if asked is not None:
            return asked
        most = profile.connections
        for users in range(most * len(set(sides.values())), 0, -1):
            counts = _a_side(spread(sides, users), sides)
            if max(counts.values()) <= most:
                break
        if not all(counts.values()):
            names = ", ".join(each.__name__ for each in sides)
            raise ConfigError(
                f"{profile.name!r} has {most} user{'s' * (most != 1)} a side, too few for the classes {names}:"
                " name one a side after the options, or a profile with more connections"
            )
        return users

    def _tend(self, run: OwnRun) -> None:
        runner = self.environment.runner
        while self.run is run and self.found is None and runner is not None:
            gevent.sleep(_TICK_S)
            crowd = self._crowd()
            if crowd is not None:
                run.halt(crowd)
            spawned = runner.state == STATE_RUNNING
            if run.look(runner.user_count, spawned=spawned):
                self._finish()
                if not isinstance(runner, WorkerRunner):
                    self.leave()

    def _mind(self, runner: MasterRunner, parts: Mapping[str, Any]) -> None:
        while parts is self.parts and self.ended is None:
            crowd = self._crowd()
            if crowd is not None:
                self.problems.append(crowd)
                runner.send_message(OVER)
                return
            gevent.sleep(_TICK_S)

    def _crowd(self) -> str | None:
        """More users than the environment allows, from the web UI or the keyboard."""
        runner = self.environment.runner
        if self.aimed is None or runner is None or runner.target_user_count < 1:
            return None
        try:
            guard_users(self.aimed.order, _a_side(_spread(self.sides, runner.target_user_count), self.sides))
        except SafetyRefusal as refusal:
            return str(refusal)
        return None

    def _finish(self) -> None:
        if self.run is None or self.found is not None:
            return
        self.found = self.run.found()
        self.over.set()
        runner = self.environment.runner
        if isinstance(runner, WorkerRunner):
            runner.send_message(FOUND, {"json": json.dumps(found_to_json(self.found))})

    def _timed_out(self, parts: Mapping[str, Any]) -> None:
        if parts is self.parts and self.ended is None and isinstance(self.environment.runner, MasterRunner):
            self.environment.runner.send_message(OVER)

    def _grant(self, environment: LocustEnvironment, msg: Any, **_: Any) -> None:
        if self.pool is not None and isinstance(environment.runner, MasterRunner):
            self.pool.answer(environment.runner, msg.node_id, msg.data["side"], self.workers)

    def _over(self, **_: Any) -> None:
        if self.run is not None:
            self.run.halt()

    def _granted(self, msg: Any, **_: Any) -> None:
        if self.run is not None and isinstance(self.run.ration, RemoteRation):
            self.run.ration.granted(msg.data)


def _spread(sides: Mapping[type[User], str], users: int) -> dict[type[User], int]:
    return _remembered(tuple(sides.items()), users)


@functools.lru_cache(maxsize=16)
def _remembered(sides: tuple[tuple[type[User], str], ...], users: int) -> dict[type[User], int]:
    return spread(dict(sides), users)


def _a_side(counts: Mapping[type[User], int], sides: Mapping[type[User], str]) -> dict[str, int]:
    made = dict.fromkeys(sides.values(), 0)
    for each, count in counts.items():
        made[sides[each]] += count
    return made
