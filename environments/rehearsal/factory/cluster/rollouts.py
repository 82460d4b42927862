"""What may go wrong when a release is changed: refused, overtaken by somebody else, unavailable, without an answer."""

from __future__ import annotations

from collections import Counter
from weakref import WeakKeyDictionary

from http_server import Call, Reply

from factory.cluster.resources import Place, Refused
from factory.cluster.store import Store
from factory.world import World

_TWICE = 2
_CHANGED = ("deployments", "ingresses")  # what a rollout sets


class Rollouts:
    """Faults of changes, each as often in a world as its name says. Dry runs meet only what is always so."""

    def __init__(self) -> None:
        self._seen: WeakKeyDictionary[World, Counter[str]] = WeakKeyDictionary()

    def before(self, world: World | None, store: Store, found: Place, call: Call) -> None:
        """Refused where the change does not come to be; or somebody else is faster."""
        if world is None or call.method != "PATCH" or found.resource.plural not in _CHANGED:
            return
        if world.fault("rollout-denied"):
            what = f'{found.resource.plural}.{found.resource.group} "{found.name}" is forbidden: cannot patch resource'
            raise Refused(403, "Forbidden", f'{what} "{found.resource.plural}" in the namespace "{found.namespace}"')
        if call.query.get("dryRun"):
            return
        if world.fault("rollout-unavailable-twice") and self._count(world, "rollout-unavailable-twice") < _TWICE:
            raise Refused(503, "ServiceUnavailable", "the server is currently unable to handle the request")
        if world.fault("rollout-conflict") and not self._count(world, "rollout-conflict"):
            with store.lock:
                present = store.get(found.resource.plural, found.namespace, found.name)
                if present is not None:
                    store.put(found.resource.plural, present)

    def after(self, world: World | None, found: Place, call: Call, reply: Reply) -> Reply:
        """The answer, or none though the change was made."""
        changed = call.method == "PATCH" and found.resource.plural in _CHANGED and not call.query.get("dryRun")
        if world is not None and changed and world.fault("rollout-answer-lost"):
            return reply if self._count(world, "rollout-answer-lost") else Reply(raw=(b"",))
        return reply

    def _count(self, world: World, name: str) -> int:
        """How often it was asked before."""
        seen = self._seen.setdefault(world, Counter())
        seen[name] += 1
        return seen[name] - 1
