"""What holds of every judge, whatever a server answers."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gonogo.judges import JUDGES
from gonogo.judges.base import Expression, ObjectiveName
from gonogo.judges.incident.playbook import Playbook, Suspect, Symptom
from gonogo.judges.verdict import judge_check
from gonogo.model.check import Rule
from gonogo.model.evidence import Cause, Evidence, Unseen
from gonogo.model.verdict import Case, Verdict

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just(10**400)
ENTRY_KEYS = ("t", "value", "status_code", "persona_used", "process_time_ms", "error_type", "message")
SERVICE_KEYS = ("service", "traffic", "revisions", "revision", "percent", "name", "ready")
keys = st.sampled_from(
    ("a", "entries", "count", "over_s", "records", "buckets", "complete", *ENTRY_KEYS, *SERVICE_KEYS)
)
json_values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=5) | st.dictionaries(keys, inner, max_size=5), max_leaves=25
)
documents = st.dictionaries(keys, json_values, max_size=6)

SYMPTOM = Symptom(when=Expression("a > count"), says="{a} of {entries[0]}")
LIMIT = Symptom(value=Expression("value"), breaks=ObjectiveName("p95"), says="{value}")
SUSPECT = Suspect(name="s", playbook="p", says="{a}", symptoms=(SYMPTOM,), supports=(LIMIT,), next="Look at {a}.")
OPTIONS: dict[str, list[dict[str, Any]]] = {
    "auto_recovery": [{"error_ratio": "a", "p95_ms": "value", "oom_count": "entries"}],
    "bursts": [{"value": "entries", "min_count": 1}],
    "chosen": [{"value": "value", "by": "a", "objectives": {"ok": "p95", "x": "errors"}}],
    "complete": [{"figures": {"one": "a", "two": "percentile(value, `95`)"}}],
    "error_mix": [{"value": "entries"}],
    "even": [{"value": "entries"}, {"value": "a", "group": "a", "measure": "value", "expected": "personas"}],
    "expect": [
        {"value": "a", "equals": "ok"},
        {"value": "a", "one_of": (1, "b", True)},
        {"value": "a", "contains": "x"},
        {"value": "a", "matches": "x+"},
        {"value": "a", "empty": True},
        {"value": "a", "below": 5},
        {"value": "divide(a, count)", "objective": "errors"},
        {"value": "percentile(@, `95`)", "objective": "p95"},
        {"value": "max(entries[].value)", "at_least": 0, "min_samples": 3},
        {"value": "a", "same_as": "value"},
        {"value": "a", "equals": "ok", "who": "entries", "show": "{t} {duration(value)}"},
        {"value": "max(entries[].value)", "objective": "p95", "who": "entries", "each": "value"},
    ],
    "has_all": [{"value": "a", "names": "personas"}],
    "has_text": [{"value": "entries", "text": "a"}],
    "likely_cause": [{"playbook": "p", "playbooks": (Playbook(name="p", trouble=(LIMIT,)),), "causes": (SUSPECT,)}],
    "listed": [{"value": "a"}, {"value": "entries", "show": "{t} {message}"}],
    "load": [{}, {"enforced": True}],
    "patterns": [{"value": "entries"}],
    "postman": [{}, {"request": "a"}],
    "release_plan": [{}, {"to": "previous", "value": "a"}, {"decided": "count"}],
    "unpromoted": [{}, {"value": "a"}],
    "scope": [{"value": "entries", "min_samples": 1}],
    "severity": [{"error_ratio": "a", "p95_ms": "value"}, {"error_ratio": "a", "p95_ms": "value", "health": "count"}],
    "signed": [{}],
    "split": [{"value": "entries", "measure": "value", "by": ("a", "hour")}],
    "summary": [{}],
    "thresholds": [{"required": ("p95",)}],
    "timeline": [{"objectives": {"total": "p95"}}, {"objectives": {"total": "errors"}, "value": "a"}],
    "traffic_plan": [{"to": "first"}, {"to": "previous", "value": "a"}],
    "trend": [{"value": "entries"}],
    "what_if": [{"value": "a"}, {"value": "entries", "min_samples": 1}],
    "watched": [{}, {"run": "it"}, {"run": "it", "measures": ("latency",), "proven": False}],
}
EVERY = [(kind, options) for kind, several in OPTIONS.items() for options in several]


def test_every_judge_is_here() -> None:
    """A new judge is held to what holds of all."""
    assert set(OPTIONS) == set(JUDGES)
    assert all(entry.options.__doc__ for entry in JUDGES.values())


@pytest.mark.parametrize(("kind", "options"), EVERY, ids=[f"{kind}-{n}" for n, (kind, _) in enumerate(EVERY)])
@settings(max_examples=25, deadline=None)
@given(document=documents, side=st.sampled_from([None, "canary"]))
def test_never_raises(
    make_case: Callable[..., Case], kind: str, options: dict[str, Any], document: dict[str, Any], side: str | None
) -> None:
    """Any JSON document at all, NaN and huge numbers too, comes to a finding with one line of reason."""
    made = JUDGES[kind].options(**options)
    finding = JUDGES[kind].judge(made, make_case(document, options=made, kind=kind, side=side))
    assert isinstance(finding.verdict, Verdict)
    assert finding.reason
    assert finding.rule
    assert finding.observed


@pytest.mark.parametrize(("kind", "options"), EVERY, ids=[f"{kind}-{n}" for n, (kind, _) in enumerate(EVERY)])
@pytest.mark.parametrize("cause", list(Cause))
def test_nothing_seen_is_never_a_pass(
    *,
    make_case: Callable[..., Case],
    see: Callable[..., Evidence],
    kind: str,
    options: dict[str, Any],
    cause: Cause,
) -> None:
    """Rows 1 to 60: whatever keeps a look from being seen, no judge passes on it."""
    made = JUDGES[kind].options(**options)
    for side in (None, "canary"):
        evidence = see(Unseen(cause=cause, detail="gone", data={"a": "ok", "entries": []}), side=side)
        rule = Rule(kind=kind, options=made)
        for reached in (frozenset[str](), frozenset({"stable"})):
            outcome = judge_check(make_case(evidence, rules=(rule,), reached=reached))
            assert outcome.verdict is not Verdict.PASS
            assert outcome.verdict is Verdict.INCONCLUSIVE or side is not None


def test_import_is_cheap() -> None:
    """The table of contents needs neither JMESPath nor anything that does I/O."""
    program = "import sys, gonogo.judges, gonogo.gate.decide; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, encoding="utf-8", check=True)
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert "gonogo" in loaded
    assert not loaded & {"jmespath", "pytest", "locust", "httpx", "yaml", "requests", "google"}
