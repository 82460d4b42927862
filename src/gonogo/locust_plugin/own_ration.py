"""How many requests own users may still send to a side: counted here, or asked for at the master."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from gevent.event import Event as Happened
from locust.runners import MasterRunner, WorkerRunner

ASK, GRANT, OVER = "gonogo-ask", "gonogo-grant", "gonogo-over"  # the last: the profile has ended
_ANSWERED_WITHIN_S = 10
_PORTIONS = 10  # a worker's at least, so that the last ones do not lie with one that is slow


class Ration:
    """What one process may send; None is without a bound."""

    def __init__(self, cap: int | None, sides: Iterable[str]) -> None:
        self._left: dict[str, int | None] = dict.fromkeys(sides, cap)

    def take(self, side: str) -> bool:
        """Whether one more request may be sent; it counts as sent."""
        left = self._left[side]
        if left is None:
            return True
        self._left[side] = max(0, left - 1)
        return left > 0

    def spent(self, side: str) -> bool:
        """Whether nothing may be sent to it any more."""
        return self._left[side] == 0


class Pool:
    """What a master has left for its workers."""

    def __init__(self, cap: int | None, sides: Iterable[str]) -> None:
        self._cap = cap
        self._left: dict[str, int | None] = dict.fromkeys(sides, cap)

    def answer(self, runner: MasterRunner, worker: str, side: str, workers: int) -> None:
        """Grant a portion. When the last of a side is gone, every worker hears it."""
        left = self._left.get(side, 0)
        if left is None:
            runner.send_message(GRANT, {"side": side, "n": None, "spent": False}, worker)
            return
        portion = min(left, max(1, (self._cap or 0) // (_PORTIONS * max(1, workers))))
        self._left[side] = left - portion
        gone = left == portion
        runner.send_message(GRANT, {"side": side, "n": portion, "spent": gone}, worker)
        if gone:
            for other in list(runner.clients):
                if other != worker:
                    runner.send_message(GRANT, {"side": side, "n": 0, "spent": True}, other)


class RemoteRation(Ration):
    """What a worker may send, a portion at a time."""

    def __init__(self, runner: WorkerRunner, sides: Iterable[str]) -> None:
        super().__init__(0, sides)
        self._runner = runner
        self._gone: set[str] = set()
        self._asked: dict[str, Happened] = {}

    def take(self, side: str) -> bool:
        """As Ration's; waits for the master when the portion is used up."""
        while not super().take(side):
            if side in self._gone:
                return False
            waiting = self._asked.get(side)
            if waiting is None:
                waiting = self._asked[side] = Happened()
                self._runner.send_message(ASK, {"side": side})
            if not waiting.wait(_ANSWERED_WITHIN_S):
                return False
        return True

    def granted(self, data: Mapping[str, Any]) -> None:
        """What the master said."""
        side, portion = data["side"], data["n"]
        if data["spent"]:
            self._gone.add(side)
        left = self._left.get(side, 0)
        self._left[side] = None if portion is None or left is None else left + portion
        if portion != 0 or data["spent"]:
            waiting = self._asked.pop(side, None)
            if waiting is not None:
                waiting.set()

    def spent(self, side: str) -> bool:
        """Also when others have it all."""
        return side in self._gone and super().spent(side)
