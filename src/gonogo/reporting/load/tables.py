"""load.json into the tables of its page: objectives, outcomes, properties, steps of a capacity search."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gonogo.model.units import show_number
from gonogo.reporting.escape import html as safe
from gonogo.reporting.load.charts import OUTCOMES

Json = dict[str, Any]
_WORDS = {"pass": "passed", "fail": "failed", "not_visible": "not visible"}
_CLASSES = {"pass": "pass", "fail": "fail", "not_visible": "inconclusive"}
_MEANINGS = {
    "P1": "never more than the limit",
    "P2": "no early rejection",
    "P3": "the limit is enforced",
    "P4": "rejects with the declared status",
    "P5": "Retry-After on every reject",
    "P6": "Retry-After is long enough",
    "P7": "Retry-After is not too long",
    "P8": "headers are well formed",
    "P9": "Remaining counts down",
    "P10": "Remaining 0 means rejected",
    "P11": "headers state the declared limit",
    "P12": "Reset tells the truth",
    "P13": "the quota comes back whole",
    "P14": "rejected requests do not count",
    "P15": "keys are apart",
    "P16": "counts what it is declared to",
    "P17": "forged addresses do not evade",
    "P18": "spellings of the path do not evade",
    "P19": "missing keys do not evade",
    "P20": "one limit for all instances",
    "P21": "health stays answered",
    "P22": "no error below the limit",
    "P23": "admitted stay fast while others are rejected",
    "P24": "rejections are cheap",
    "P25": "rejections are not cached",
    "P26": "both sides limit alike",
    "P27": "no more across a window's edge",
    "P28": "concurrency is limited apart",
    "P29": "an outage of the store is survived",
    "P30": "limits survive a rollout",
}


def meaning(property_id: str) -> str:
    """An id with what it is about."""
    known = _MEANINGS.get(property_id)
    return property_id if known is None else f"{property_id} {known}"


def objectives(document: Mapping[str, Any]) -> str:
    """Those that decide; the others of the environment folded away."""
    found = [slo for side in document["sides"].values() for slo in side["slos"]]
    deciding, rest = [slo for slo in found if slo["decides"]], [slo for slo in found if not slo["decides"]]
    parts = [_objective_table(deciding) if deciding else "<p>None decides this profile.</p>"]
    return f"<h2>Objectives</h2>{''.join(parts)}{_folded(rest, _objective_table)}"


def outcomes(document: Mapping[str, Any]) -> str:
    """Counts and latencies an outcome class and side, those that came."""
    rows = []
    for name, side in document["sides"].items():
        for outcome in OUTCOMES:
            one, all_of = side["outcomes"][outcome], side["requests"]
            if not one["count"] and outcome != "accepted":
                continue
            times = [f"{one[each]:.1f}" if one["count"] else "" for each in ("p50", "p90", "p95", "p99", "max")]
            cells = [str(one["count"]), f"{one['count'] / all_of:.1%}" if all_of else "", *times]
            rows.append(
                f'<tr><th scope="row">{safe(name)}</th><td>{outcome}{_kinds(side, outcome)}</td>{_numbers(cells)}</tr>'
            )
    heads = ("Requests", "Share", "p50 ms", "p90", "p95", "p99", "max")
    steps = any(side.get("capacity") for side in document["sides"].values())
    note = '<p class="soft">Of all steps together, those beyond the capacity too.</p>' if steps else ""
    return f"<h2>Outcomes</h2>{note}{_table(('Side', 'Outcome'), heads, rows)}"


def properties(document: Mapping[str, Any]) -> str:
    """Those that decide and those that failed; the others folded away."""
    found = [(name, one) for name, side in document["sides"].items() for one in side["rate_limit"]]
    found += [(one.get("side", ""), one) for one in document.get("between", ())]
    if not found:
        return ""
    shown = [each for each in found if each[1].get("decides", True) or each[1]["verdict"] == "fail"]
    rest = [each for each in found if each not in shown]
    table = _property_table(shown) if shown else ""
    words = [one for _, one in rest]
    return f"<h2>Properties</h2>{table}{_folded(words, lambda _: _property_table(rest))}"


def steps(name: str, found: Mapping[str, Any]) -> str:
    """The steps of one side in the order in which they were sent, folded away."""
    rows = []
    for number, step in enumerate(found["steps"], 1):
        times = ["" if step[each] is None else f"{step[each]:.1f}" for each in ("p50", "p95", "p99")]
        cells = [show_number(step["rate"]), f"{step['achieved']:.1f}", *times, f"{step['error_ratio']:.1%}"]
        word = f'<strong class="{_STEP[step["verdict"]]}">{safe(step["verdict"])}</strong>'
        rows.append(
            f'<tr><td class="number">{number}</td><td class="word">{word}</td>{_numbers(cells)}'
            f'<td class="why">{safe(step["reason"])}</td></tr>'
        )
    heads = ("Rate", "Achieved", "p50 ms", "p95", "p99", "Errors")
    table = _table(("Step", "Verdict"), heads, rows, last="Why")
    return f"<details><summary>{safe(name)}: {len(rows)} steps</summary>{table}</details>"


_STEP = {"kept": "pass", "broken": "fail", "unsure": "inconclusive"}


def verdict(one: Mapping[str, Any]) -> str:
    """The word of a verdict; without colour where it decides nothing."""
    kind = _CLASSES[one["verdict"]] if one.get("decides", True) else "soft"
    return f'<strong class="{kind}">{_WORDS[one["verdict"]]}</strong>'


def _folded(rest: Sequence[Json], table: Callable[[Sequence[Json]], str]) -> str:
    """What decides nothing, behind a line that says how it ended."""
    if not rest:
        return ""
    counts = [f"{sum(one['verdict'] == each for one in rest)} {word}" for each, word in _WORDS.items()]
    said = ", ".join(count for count in counts if not count.startswith("0 "))
    return f"<details><summary>{len(rest)} that do not decide this profile: {said}</summary>{table(rest)}</details>"


def _objective_table(found: Sequence[Json]) -> str:
    rows = [
        f'<tr><td class="word">{verdict(slo)}</td><td>{safe(slo["name"])}</td>'
        f'<td class="number">{"none" if slo["value"] is None else _amount(slo["value"], slo["unit"])}</td>'
        f'<td class="number">{safe(slo["comparator"])} {_amount(slo["limit"], slo["unit"])}</td>'
        f'<td class="number">{slo["samples"]}</td></tr>'
        for slo in found
    ]
    return _table(("Verdict", "Objective"), ("Value", "Limit", "Samples"), rows)


def _amount(value: float, unit: str) -> str:
    return safe(show_number(value) + ("" if unit in ("ratio", "count") else f" {unit}"))


def _kinds(side: Mapping[str, Any], outcome: str) -> str:
    """Which errors: statuses, and reasons where there was no answer."""
    if outcome != "error":
        return ""
    reject = str((side.get("limiter") or {}).get("reject_status"))
    kinds = [f"{n} x {status}" for status, n in side["statuses"].items() if int(status) >= 400]
    kinds = [kind for kind in kinds if kind.rpartition(" ")[2] not in ("429", reject)]
    kinds += [f"{n} x {reason}" for reason, n in side["errors"].items()]
    return f' <span class="soft">{safe(", ".join(kinds))}</span>' if kinds else ""


def _property_table(found: Sequence[tuple[str, Json]]) -> str:
    rows = [
        f'<tr><td class="word">{verdict(one)}</td><td>{safe(name)}</td><td class="id">{safe(meaning(one["id"]))}</td>'
        f'<td class="why">{safe(one["reason"])}{_would(one)}</td></tr>'
        for name, one in found
    ]
    return _table(("Verdict", "Side", "Property", "Why"), (), rows, kind="properties")


def _would(one: Mapping[str, Any]) -> str:
    return f'<br><span class="soft">would fail: {safe(one["would_fail"])}</span>' if one.get("would_fail") else ""


def _numbers(cells: Sequence[str]) -> str:
    return "".join(f'<td class="number">{cell}</td>' for cell in cells)


def _table(texts: Sequence[str], numbers: Sequence[str], rows: Sequence[str], *, last: str = "", kind: str = "") -> str:
    cells = "".join(f'<th scope="col">{text}</th>' for text in texts)
    cells += "".join(f'<th scope="col" class="number">{text}</th>' for text in numbers)
    cells += f'<th scope="col">{last}</th>' if last else ""
    named = f' class="{kind}"' if kind else ""
    return (
        f'<div class="scroll"><table{named}><thead><tr>{cells}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'
    )
