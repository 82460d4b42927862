"""What a cluster holds, with the history that lists and watches are answered from. Stored objects are never changed."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Iterator
from typing import Any

from factory.cluster.resources import RESOURCES

_EVENTS = 2000  # what a watch may still ask for
_SNAPSHOTS = 16  # lists whose further pages can still be had

Key = tuple[str, str]  # namespace, name
Event = tuple[int, str, str, dict[str, Any]]  # resourceVersion, plural, type, object


class Store:
    """Objects by plural and (namespace, name), under one lock."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        self.version = 1000
        self.oldest = self.version  # what a watch may begin from
        self._rows: dict[str, dict[Key, dict[str, Any]]] = {plural: {} for plural in RESOURCES}
        self._events: deque[Event] = deque(maxlen=_EVENTS)
        self._snapshots: OrderedDict[int, list[dict[str, Any]]] = OrderedDict()
        self.moving: set[Key] = set()  # deployments that are being rolled out

    def clear(self) -> None:
        """Another world: nothing is left, and no watch or list goes on from before."""
        with self.lock:
            for rows in self._rows.values():
                rows.clear()
            self.moving.clear()
            self._events.clear()
            self._snapshots.clear()
            self.version += 1
            self.oldest = self.version
            self.changed.notify_all()

    def rows(self, plural: str, namespace: str = "") -> list[dict[str, Any]]:
        """In the order of a list: by namespace and name."""
        found = self._rows[plural]
        keys = sorted(key for key in found if not namespace or key[0] == namespace)
        return [found[key] for key in keys]

    def get(self, plural: str, namespace: str, name: str) -> dict[str, Any] | None:
        return self._rows[plural].get((namespace, name))

    def put(self, plural: str, found: dict[str, Any]) -> dict[str, Any]:
        """Keep this object, with a new resourceVersion; what was there before stays as it was for who holds it."""
        with self.lock:
            self.version += 1
            metadata = {**found["metadata"], "resourceVersion": str(self.version)}
            kept = {**found, "metadata": metadata}
            key = (metadata["namespace"], metadata["name"])
            kind = "MODIFIED" if key in self._rows[plural] else "ADDED"
            self._rows[plural][key] = kept
            self._tell((self.version, plural, kind, kept))
            return kept

    def remove(self, plural: str, namespace: str, name: str) -> dict[str, Any] | None:
        """Forget an object; None if there was none."""
        with self.lock:
            found = self._rows[plural].pop((namespace, name), None)
            if found is not None:
                self.version += 1
                metadata = {**found["metadata"], "resourceVersion": str(self.version)}
                self._tell((self.version, plural, "DELETED", {**found, "metadata": metadata}))
            return found

    def since(self, version: int, plural: str) -> Iterator[Event]:
        """Events of a kind after a version, oldest first."""
        with self.lock:
            return iter([one for one in self._events if one[0] > version and one[1] == plural])

    def keep(self, rows: list[dict[str, Any]]) -> int:
        """Hold a list as it is now for its further pages; its number."""
        with self.lock:
            self._snapshots[self.version] = rows
            while len(self._snapshots) > _SNAPSHOTS:
                self._snapshots.popitem(last=False)
            return self.version

    def kept(self, version: int) -> list[dict[str, Any]] | None:
        """A list that was held; None if it expired."""
        return self._snapshots.get(version)

    def _tell(self, event: Event) -> None:
        if len(self._events) == _EVENTS:
            self.oldest = self._events[0][0]
        self._events.append(event)
        self.changed.notify_all()
