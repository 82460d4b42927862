"""Alerts into messages of the channel that the environment names, and whether one stands there already."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from gonogo.flows.watch.alerting import Alert
from gonogo.model.evidence import Seen
from gonogo.probes.base import Vantage
from gonogo.probes.failure import Failure
from gonogo.probes.slack import Slack, look, post
from gonogo.reporting.slack import safe

_SIGNS = {"critical": ":red_circle:", "warning": ":large_yellow_circle:", "info": ":information_source:"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SlackPost:
    """`tag` names the watch: with the alert's key it is how a message is known again."""

    vantage: Vantage
    tag: str

    @classmethod
    def of(cls, vantage: Vantage, tag: str) -> SlackPost | None:
        """None where the environment has no back end slack."""
        return cls(vantage=vantage, tag=tag) if "slack" in vantage.environment.back_ends else None

    def __call__(self, alert: Alert) -> None:
        """Post it; Failure where it was not taken, or nobody knows whether it was."""
        post(self.vantage, alert.to, f"{_SIGNS[alert.level]} {safe(alert.text)}\n{self._known(alert)}")

    def heard(self, alert: Alert) -> bool:
        """Whether it stands in the channel; Failure where that cannot be read."""
        outcome = look(Slack(channel=alert.to, over=timedelta(hours=48)), self.vantage).outcome
        if not isinstance(outcome, Seen):
            raise Failure(outcome.cause, f"whether it was posted before cannot be read: {outcome.detail}")
        known = self._known(alert)
        return any(known in str(message["text"]).splitlines() for message in outcome.data["messages"])

    def _known(self, alert: Alert) -> str:
        return f"{self.tag} {alert.key}"
