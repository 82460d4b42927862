"""Outcomes of a manifest into GO, NO-GO or HOLD."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from gonogo.gate.waivers import valid_waiver
from gonogo.model.check import Severity
from gonogo.model.environment import Release
from gonogo.model.verdict import Decision, Gated, Outcome, Verdict, Waiver


def decide(
    outcomes: Iterable[Outcome],
    *,
    manifest_ids: Sequence[str],
    executed_ids: Collection[str],
    not_due: Mapping[str, timedelta | None],
    narrowed: bool,
    waivers: Sequence[Waiver],
    environment_name: str,
    release: Release | None,
    now: datetime,
    problems: Sequence[str] = (),
) -> Gated:
    """GO only if every item of the manifest ran and each blocking one passed or has a valid waiver for its failure.

    A failure of a blocking item is NO-GO, and NO-GO wins over HOLD. Everything that is missing, inconclusive,
    counted twice or not in the manifest, and each of `problems`, is HOLD. Advisory items never decide, but at
    least one item has to have passed. `reasons` are worst first and, among equals, in order of the manifest.
    """
    judged = list(outcomes)
    order = {id_: place for place, id_ in enumerate(manifest_ids)}
    judged.sort(key=lambda outcome: (order.get(outcome.check.id, len(order)), outcome.check.id, outcome.reason))
    against: list[str] = []
    held: list[str] = []
    waived: dict[str, Waiver] = {}
    for outcome in judged:
        if outcome.check.severity is not Severity.BLOCKING or outcome.check.id not in order:
            continue
        id_ = outcome.check.id
        match outcome.verdict:
            case Verdict.FAIL:
                waiver, expired = _waiver(waivers, id_, environment_name, release, now)
                if waiver is None:
                    # A summary repeats items that are weighed here themselves, some under an expired waiver.
                    (held if _sums_up(outcome) else against).append(f"{id_}: {outcome.reason}")
                elif expired:
                    until = f"{waiver.until:%Y-%m-%d %H:%M %Z}".strip()
                    held.append(f"{id_}: the waiver of {waiver.owner} expired {until}; {outcome.reason}")
                else:
                    waived[id_] = waiver
            case Verdict.INCONCLUSIVE:
                held.append(f"{id_}: {outcome.reason}")
            case Verdict.PASS:
                pass
    held = [*_integrity(judged, manifest_ids, executed_ids, not_due, narrowed=narrowed), *problems, *held]
    if not against and not held and not any(o.verdict is Verdict.PASS and not _sums_up(o) for o in judged):
        held.append("nothing passed: no item of the manifest proves anything")
    decision = Decision.NO_GO if against else Decision.HOLD if held else Decision.GO
    return Gated(
        decision=decision,
        reasons=(*against, *held),
        waived=waived,
        not_due=dict(not_due),
        counts=_counts(judged, manifest_ids, executed_ids, waived=len(waived), not_due=len(not_due)),
    )


def _sums_up(outcome: Outcome) -> bool:
    return bool(outcome.check.rules) and all(rule.kind == "summary" for rule in outcome.check.rules)


def _waiver(
    waivers: Sequence[Waiver], id_: str, environment: str, release: Release | None, now: datetime
) -> tuple[Waiver | None, bool]:
    if release is None:
        return None, False  # a waiver is bound to a release; without one, none applies
    return valid_waiver(waivers, id_, environment, release.version, now)


def _integrity(
    outcomes: Sequence[Outcome],
    manifest_ids: Sequence[str],
    executed_ids: Collection[str],
    not_due: Collection[str],
    *,
    narrowed: bool,
) -> list[str]:
    """What is wrong with the run as a whole, whatever its items say."""
    held: list[str] = []
    manifest, executed = set(manifest_ids), set(executed_ids)
    if not manifest:
        held.append("nothing was checked: the manifest is empty")
    if narrowed:
        held.append(f"narrowed: {len(manifest & executed)} of {len(manifest)} items ran")
    have = Counter(outcome.check.id for outcome in outcomes)
    for id_ in dict.fromkeys(manifest_ids):
        if id_ not in executed:
            held.append(f"{id_}: did not run")
        elif id_ not in have:
            held.append(f"{id_}: has no outcome")
    twice = {
        id_ for counted in (Counter(manifest_ids), Counter(executed_ids), have) for id_, n in counted.items() if n > 1
    }
    held += [f"{id_}: stands there more than once" for id_ in sorted(twice)]
    held += [f"{id_}: is not in the manifest" for id_ in sorted((set(have) | executed) - manifest - set(not_due))]
    return held


def _counts(
    outcomes: Sequence[Outcome],
    manifest_ids: Sequence[str],
    executed_ids: Collection[str],
    *,
    waived: int,
    not_due: int,
) -> dict[str, int]:
    verdicts = Counter(outcome.verdict.value for outcome in outcomes)
    return {
        "manifest": len(set(manifest_ids)),
        "executed": len(set(executed_ids) & set(manifest_ids)),
        **{verdict.value: verdicts[verdict.value] for verdict in Verdict},
        "waived": waived,
        "not_due": not_due,
    }
