"""Counts of answers into the reason to stop a run early."""

from __future__ import annotations

from collections import deque

WINDOW = 1_000_000_000  # ns; with ticks of a quarter second a burn is seen well within 2 s
FEWEST = 5  # answers; a ratio of fewer says nothing
FEWEST_ERRORS = 3
FIRST = 5


class Burn:
    """Watches one side: refused credentials on each of the first answers, errors over the ratio in the last second."""

    __slots__ = ("_answers", "_counts", "_denied", "_ratio", "_side")

    def __init__(self, side: str, ratio: float | None) -> None:
        self._side = side
        self._ratio = ratio
        self._counts: deque[tuple[int, int, int]] = deque()  # when, answers, errors
        self._answers = 0
        self._denied = 0

    def denied(self, status: int) -> str | None:
        """Called with each of the first answers; the reason to stop once all of them were 401."""
        self._answers += 1
        self._denied += status == 401
        if self._answers == self._denied == FIRST:
            return f"{self._side}: 401 on each of the first {FIRST} requests: the credentials are not accepted"
        return None

    @property
    def early(self) -> bool:
        """Whether `denied` still wants to know."""
        return self._answers < FIRST

    def tick(self, now: int, answers: int, errors: int) -> str | None:
        """Answers and errors since the last tick; the reason to stop, if there is one."""
        if self._ratio is None or not answers:
            return None
        counts = self._counts
        counts.append((now, answers, errors))
        while counts[0][0] < now - WINDOW and sum(each[1] for each in counts) - counts[0][1] >= FEWEST:
            counts.popleft()
        total, wrong = sum(each[1] for each in counts), sum(each[2] for each in counts)
        if total >= FEWEST and wrong >= FEWEST_ERRORS and wrong / total > self._ratio:
            return f"{self._side}: {wrong} of {total} answers were errors, more than the ratio {self._ratio:g}"
        return None
