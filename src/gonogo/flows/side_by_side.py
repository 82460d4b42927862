"""Looks in lanes of threads: all lanes at once, each look waited for until one end that they share."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import TypeVar

from gonogo.model.run import PlannedLook

T = TypeVar("T")

Lane = tuple[Sequence[PlannedLook], int]
"""Looks that wait for each other, and how many of them are taken at once."""


def side_by_side(
    lanes: Sequence[Lane], take: Callable[[PlannedLook], T], within: timedelta
) -> Iterator[tuple[PlannedLook, T | BaseException | None]]:
    """Each look with what `take` returned or raised, as they end; those that did not end in time come last, with None.

    The threads are daemons: a look that hangs for ever does not keep the process alive.
    """
    ended: queue.SimpleQueue[tuple[PlannedLook, T | BaseException]] = queue.SimpleQueue()

    def work(tasks: queue.SimpleQueue[PlannedLook]) -> None:
        while True:
            try:
                look = tasks.get_nowait()
            except queue.Empty:
                return
            try:
                ended.put((look, take(look)))
            except BaseException as error:  # noqa: BLE001 - a probe that ends its thread ends one look
                ended.put((look, error))

    for looks, at_once in lanes:
        tasks: queue.SimpleQueue[PlannedLook] = queue.SimpleQueue()
        for look in looks:
            tasks.put(look)
        for _ in range(min(at_once, len(looks))):
            threading.Thread(target=work, args=(tasks,), name="gonogo-look", daemon=True).start()
    waiting = {look.key: look for looks, _ in lanes for look in looks}
    limit = time.monotonic() + within.total_seconds()
    while waiting:
        try:
            look, result = ended.get(timeout=max(0.0, limit - time.monotonic()))
        except queue.Empty:
            break
        del waiting[look.key]
        yield look, result
    for look in waiting.values():
        yield look, None
