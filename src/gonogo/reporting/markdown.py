"""A judged run into Markdown: report.md, and the summary that a pull request or a job page shows."""

from __future__ import annotations

from gonogo.model.run import Run
from gonogo.model.verdict import Blame
from gonogo.reporting.escape import markdown as safe
from gonogo.reporting.view import AT_MOST_DETAILS, Row, View, view
from gonogo.reporting.words import decided, word


def report(run: Run, language: str = "en") -> str:
    """The summary and a table of all items."""
    seen = view(run, language)
    lines = [*_summary(seen, language), "", f"## {word('all', language)}", ""]
    lines += _table(
        [word(name, language) for name in ("verdict", "item", "why", "owner")],
        [[row.word, f"`{row.id}` {safe(row.title)}", safe(_reason(row)), safe(row.owner)] for row in seen.rows],
    )
    if seen.not_due:
        lines += ["", f"## {word('not due', language)}", ""]
        lines += [f"- {safe(at)} `{one}`" for one, at in seen.not_due]
    return "\n".join(lines) + "\n"


def summary(run: Run, language: str = "en") -> str:
    """The decision, the board and what is open."""
    return "\n".join(_summary(view(run, language), language)) + "\n"


def _summary(seen: View, language: str) -> list[str]:
    run = seen.run
    decision = run.gated.decision.value
    lines = [
        f"# {decision}: {decided(decision, run.plan.phases, language)}",
        "",
        safe(seen.headline),
        "",
        safe(seen.sentence),
        "",
    ]
    for row, blame in seen.blames:
        lines += _blame(row, blame, language)
    lines += _table(
        [word(name, language) for name in ("area", "ready", "passed")],
        [
            [word(area.area.value, language), f"{area.percent} %", f"{area.passed} / {len(area.rows)}"]
            for area in seen.areas
        ],
    )
    if seen.other_reasons:
        lines += ["", *(f"- {safe(reason)}" for reason in seen.other_reasons)]
    if seen.shared:
        lines += ["", f"**{word('root', language)}**", "", *(f"- {safe(text)}" for text in seen.shared)]
    if seen.open_rows:
        lines += ["", f"## {word('open', language)}", ""]
        for row in seen.open_rows:
            lines += _open(row, language)
    if run.notes:
        lines += ["", f"## {word('notes', language)}", "", *(f"- {safe(note)}" for note in run.notes)]
    if seen.not_asked:
        lines += ["", f"{word('not asked', language)}: {safe(seen.not_asked)}"]
    lines += ["", f"{word('run', language)} `{safe(run.plan.run_id)}`, {run.ended.isoformat(timespec='seconds')}"]
    return lines


def _blame(row: Row, blame: Blame, language: str) -> list[str]:
    head = f"{word('cause', language)}: {blame.name}" if blame.name is not None else word("no cause", language)
    return [
        f"## {safe(head)}",
        "",
        f"**{safe(blame.says)}**",
        "",
        *(f"- {safe(line)}" for line in blame.evidence),
        *([""] if blame.evidence else []),
        f"{word('next', language)}: {safe(blame.next_step)} ({word('owner', language)}: {safe(row.owner)}, `{row.id}`)",
        "",
    ]


def _open(row: Row, language: str) -> list[str]:
    marks = f" ({safe('; '.join(row.marks))})" if row.marks else ""
    lines = [f"- **{row.word}** `{row.id}` {safe(row.title)}{marks}"]
    if not row.ran:
        return lines
    lines.append(f"  - {word('why', language)}: {safe(row.reason)}")
    lines += [f"    - {safe(line)}" for line in row.beside[:AT_MOST_DETAILS]]
    if len(row.beside) > AT_MOST_DETAILS:
        lines.append(f"    - and {len(row.beside) - AT_MOST_DETAILS} more in verdict.json")
    if row.sources:
        lines.append(f"  - {word('saw', language)}: {safe(row.saw)}")
    if row.waits_for:
        lines.append(f"  - {word('wait', language)}: {safe(row.waits_for)}")
    if row.blame is None:
        lines.append(
            f"  - {word('next', language)}: {safe(row.next_step)} ({word('owner', language)}: {safe(row.owner)})"
        )
    return lines


def _reason(row: Row) -> str:
    return "; ".join((row.reason, *row.marks))


def _table(head: list[str], rows: list[list[str]]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(line) + " |" for line in lines]
