"""What AI Factory's users did before the rehearsal began: the n-th of a kind happened at n times its pace since 1970.

Rows of the database and figures of the metrics are both computed from these paces, so that they agree.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

DAY = 86400.0
PAST_DAYS = 32
JUDGMENT_S = 86.4  # 1,000 a day
WORKFLOW_S = 172.8  # 500 a day
FEEDBACK_S = 172.8  # on every second judgment
INTENT_S = 432.0  # every fifth judgment came from the chat
ACCESS_S = 600.0
# Shares, as remainders of the running number n.
CACHE_HITS = (20, 11)  # n % 20 < 11: 55 %
FAILED_WORKFLOWS = (100, 2)
THUMBS_DOWN = (20, 1)
BY_RULE = 6  # n % 10 < 6; those below 8 the LLM, the rest both


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Events at n * every_s (n whole) since 1970 of which those with first <= n % of < first + count are meant."""

    every_s: float
    of: int = 1
    first: int = 0
    count: int = 1

    def total(self, since: float, until: float) -> int:
        """How many were in (since, until]; 0 if `until` is earlier."""
        return max(self._up_to(until) - self._up_to(since), 0)

    def _up_to(self, at: float) -> int:
        n = math.floor(at / self.every_s)  # events 0..n
        whole, rest = divmod(n + 1, self.of)
        return whole * self.count + min(max(rest - self.first, 0), self.count)
