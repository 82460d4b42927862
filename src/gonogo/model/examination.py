"""What one look at a rate limiter came to."""

from __future__ import annotations

from dataclasses import dataclass, field

from gonogo.model.errors import ExitStatus
from gonogo.model.load import Event
from gonogo.model.rate_scenes import Skipped
from gonogo.model.ratelimit import Algorithm, Inferred, Policy, PropertyResult, Shown

_SURE = 0.25  # confidence below which an algorithm is only a guess


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """The timeline of one URL and what it shows; `results` are there for a policy, `inferred` without one."""

    url: str
    environment: str | None
    events: tuple[Event, ...]
    ended: str  # why nothing more was sent
    policy: Policy | None = None
    results: tuple[PropertyResult, ...] = ()
    inferred: Inferred | None = None
    cautions: tuple[str, ...] = field(default=())
    skipped: tuple[Skipped, ...] = ()
    more: int = 0  # requests that would show all that was skipped, about

    @property
    def status(self) -> ExitStatus:
        """GO: kept, or told; NO-GO: a property failed; HOLD: not decidable."""
        if self.policy is None:
            sure = self.inferred is not None and (
                self.inferred.algorithm is Algorithm.NONE or self.inferred.confidence >= _SURE
            )
            return ExitStatus.GO if sure and not self.cautions else ExitStatus.HOLD
        verdicts = [result.verdict for result in self.results]
        if Shown.FAIL in verdicts:
            return ExitStatus.NO_GO
        enforced = self.policy.algorithm is Algorithm.NONE or any(
            result.id == "P3" and result.verdict is Shown.PASS for result in self.results
        )
        proven = enforced and Shown.PASS in verdicts and not self.cautions
        return ExitStatus.GO if proven else ExitStatus.HOLD
