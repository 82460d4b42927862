"""Runs of several systems at the same time: each its own rehearsal and its own looks, none waiting for another."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

Result = TypeVar("Result")


def abreast(works: Sequence[Callable[[], Result]], end: Callable[[], None]) -> list[Result]:
    """What every work came to, in their order; a single one is done in this thread.

    The first exception of a work is raised here, and so is what interrupts this thread (Ctrl-C). `end` is called
    before that: it takes from the others what they work on, and they are not waited for.
    """
    if len(works) == 1:
        return [works[0]()]
    ended: queue.SimpleQueue[tuple[dict[int, Result], BaseException | None]] = queue.SimpleQueue()

    def work(at: int) -> None:
        try:
            ended.put(({at: works[at]()}, None))
        except BaseException as error:  # noqa: BLE001 - raised again by the thread that waits
            ended.put(({}, error))

    for at in range(len(works)):
        threading.Thread(target=work, args=(at,), name="gonogo-run", daemon=True).start()
    results: dict[int, Result] = {}
    failed: BaseException | None = None
    try:
        while failed is None and len(results) < len(works):
            done, failed = ended.get()
            results.update(done)
    except BaseException:
        end()
        raise
    if failed is not None:
        end()
        raise failed
    return [results[at] for at in range(len(works))]
