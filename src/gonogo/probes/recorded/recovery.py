"""The recorded incident and the last recorded drill into documents."""

from __future__ import annotations

from dataclasses import dataclass

from gonogo.model.evidence import Cause, Seen
from gonogo.model.recovery import DrillResult, timeline
from gonogo.probes.base import Probe, Sight, Vantage
from gonogo.probes.failure import Failure
from gonogo.probes.http.observer import observe


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentFile:
    """The file that the environment names as `incident`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillFile:
    """The file that the environment names as `drill`."""


def look_at_incident(_: IncidentFile, vantage: Vantage) -> Sight:
    """{id, class, class_words: {en, ko}, summary: {en, ko}, began, detected, restored, elapsed_s, detection_s,
    phases: [{name, words, started, ended, took_s, budget_s, over_s, note}], not_begun, ahead, open, doubts, data_loss,
    data_loss_s, affected_customers, commander}. `restored`, `data_loss`, `data_loss_s` and `affected_customers` are
    null while they are not recorded; `elapsed_s` runs from `began` to `restored`, or to now. No file is NO_DATA.
    """

    def see() -> Seen:
        incident = vantage.told().incident()
        if incident.began > vantage.now:
            raise Failure(Cause.BROKEN, f"the incident begins in the future, at {incident.began.isoformat()}")
        return Seen(data=timeline(incident, vantage.now))

    return observe(vantage.environment.incident, see)


def look_at_drill(_: DrillFile, vantage: Vantage) -> Sight:
    """{by, steps: [{name, started, ended, took_s, result, link}], failed: [name], began, ended, age_s, findings}.

    `age_s` is how long ago the drill ended. No file is NO_DATA; one that is not over, or whose steps do not come one
    after the other, is BROKEN.
    """

    def see() -> Seen:
        drill = vantage.told().drill()
        steps = drill.steps()
        ended = drill.switch_back.ended
        if ended > vantage.now:
            raise Failure(Cause.BROKEN, f"the drill ends in the future, at {ended.isoformat()}")
        if drill.switch_over.ended > drill.switch_back.started or any(
            not drill.switch_over.started <= step.started <= step.ended <= ended for step in steps.values()
        ):
            raise Failure(Cause.BROKEN, "the drill's steps lie outside of switching over and back")
        return Seen(
            data={
                "by": drill.by,
                "steps": [
                    {
                        "name": name,
                        "started": step.started.isoformat(),
                        "ended": step.ended.isoformat(),
                        "took_s": (step.ended - step.started).total_seconds(),
                        "result": step.result.value,
                        "link": step.link,
                    }
                    for name, step in steps.items()
                ],
                "failed": [name for name, step in steps.items() if step.result is not DrillResult.PASSED],
                "began": drill.switch_over.started.isoformat(),
                "ended": ended.isoformat(),
                "age_s": (vantage.now - ended).total_seconds(),
                "findings": list(drill.findings),
            }
        )

    return observe(vantage.environment.drill, see)


INCIDENT = Probe(options=IncidentFile, look=look_at_incident)
DRILL = Probe(options=DrillFile, look=look_at_drill)
