"""A blocking call into one with a total deadline, for clients whose timeouts only bound each read."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

T = TypeVar("T")


class OutOfTime(Exception):
    """The deadline ran out; the call was left behind."""


def within(deadline: timedelta, call: Callable[[], T]) -> T:
    """What `call` returns or raises, or OutOfTime after `deadline`.

    The call runs on a daemon thread of its own. A thread cannot be killed: one that is out of time ends when its own
    socket timeout does, and holds up neither the run nor the interpreter's exit.
    """
    result: list[T] = []
    raised: list[BaseException] = []

    def run() -> None:
        try:
            result.append(call())
        except BaseException as error:  # noqa: BLE001 - handed to the caller below
            raised.append(error)

    thread = threading.Thread(target=run, daemon=True, name="gonogo-look")
    thread.start()
    thread.join(deadline.total_seconds())
    if raised:
        raise raised[0]
    if not result:
        raise OutOfTime
    return result[0]
