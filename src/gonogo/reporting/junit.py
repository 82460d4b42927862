"""A judged run into JUnit XML: pass, failure, and error for what could not be decided."""

from __future__ import annotations

from gonogo.model.evidence import Evidence
from gonogo.model.run import Run
from gonogo.model.verdict import Verdict
from gonogo.reporting.escape import xml
from gonogo.reporting.view import Row, view


def junit(run: Run, language: str = "en") -> str:
    """One test suite an area. Undecided items are errors, so that no reader counts them as passed."""
    seen = view(run, language)
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', f"<testsuites {_counts(seen.rows)} {_name('gonogo', run)}>"]
    for area in seen.areas:
        rows = area.rows
        lines.append(
            f'  <testsuite name="{area.area.value}" {_counts(rows)} skipped="0" '
            f'timestamp="{run.started.isoformat()}" hostname="{xml(run.plan.environment.name)}">'
        )
        lines += [line for row in rows for line in _case(row, run)]
        lines.append("  </testsuite>")
    return "\n".join([*lines, "</testsuites>"]) + "\n"


def _name(name: str, run: Run) -> str:
    return f'name="{name} {run.gated.decision.value}" time="{(run.ended - run.started).total_seconds():.3f}"'


def _counts(rows: tuple[Row, ...]) -> str:
    fails = sum(row.verdict is Verdict.FAIL for row in rows)
    errors = sum(row.verdict is Verdict.INCONCLUSIVE for row in rows)
    return f'tests="{len(rows)}" failures="{fails}" errors="{errors}"'


def _case(row: Row, run: Run) -> list[str]:
    looks: list[Evidence] = [run.evidence[key] for key in row.looks if key in run.evidence]
    took = max(((one.ended - one.started).total_seconds() for one in looks), default=0.0)
    name = f'classname="{xml(f"{row.system}.{row.phase}")}" name="{xml(row.id)}" time="{took:.3f}"'
    properties = {"title": row.title, "owner": row.owner, "rule": row.rule, "observed": row.observed}
    lines = [f"    <testcase {name}>", "      <properties>"]
    lines += [f'        <property name="{key}" value="{xml(value)}"/>' for key, value in properties.items()]
    lines.append("      </properties>")
    if row.verdict is not Verdict.PASS:
        tag = "failure" if row.verdict is Verdict.FAIL else "error"
        body = "\n".join((row.reason, *row.details, *row.marks, *row.sources, f"next: {row.next_step}"))
        lines.append(f'      <{tag} message="{xml(row.reason)}" type="{row.verdict.value}">{xml(body)}</{tag}>')
    return [*lines, "    </testcase>"]
