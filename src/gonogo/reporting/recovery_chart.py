"""Six phases of a recovery into a drawing: each bar on its budget, all of them before the RTO."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, tzinfo
from typing import Any

from gonogo.model.recovery import whole_minutes
from gonogo.reporting.escape import html

Json = Mapping[str, Any]
WIDTH, LEFT, RIGHT, ROW, TOP = 960, 210, 24, 40, 34
CHART_STYLE = """
dl{grid-template-columns:11rem 1fr}
.recovery{width:100%;height:auto;margin:1rem 0;font-size:14px}.recovery text{fill:var(--ink)}
.recovery .soft{fill:var(--soft)}.recovery .grid{stroke:var(--line)}
.recovery .budget{fill:none;stroke:var(--soft);stroke-dasharray:4 3}.recovery .took{fill:var(--go)}
.recovery .over{fill:var(--hold)}.recovery .open{fill-opacity:.55}.recovery .rto{stroke:var(--nogo);stroke-width:2}
.recovery .rto-name{fill:var(--nogo);font-weight:600}
"""
_MINUTES = {"en": "min", "ko": "분"}
_SAID = {
    "en": "From the beginning of the incident: bars are what a phase took, outlines its budget, the line is the RTO.",
    "ko": "장애 발생 시점부터의 복구 단계. 막대는 실제 소요, 점선은 단계별 예산, 세로선은 RTO입니다.",
}


def chart(document: Json, language: str, zone: tzinfo) -> str:
    """An SVG of the document that `recovery report` keeps; times in the reader's zone."""
    began = datetime.fromisoformat(document["began"])
    rows = document["phases"]
    ends = [_after(began, row["started"]) + max(row["took_s"], row["budget_s"]) for row in rows]
    span = max([document["rto_s"], document["elapsed_s"], *ends]) * 1.03
    scale = (WIDTH - LEFT - RIGHT) / span
    height = TOP + ROW * max(len(rows), 1) + 30
    drawn = [*_grid(began, span, scale, height, zone)]
    for place, row in enumerate(rows):
        drawn += _phase(row, LEFT + _after(began, row["started"]) * scale, TOP + place * ROW, scale, language)
    rto = LEFT + document["rto_s"] * scale
    drawn.append(f'<line class="rto" x1="{rto:.1f}" x2="{rto:.1f}" y1="{TOP - 8}" y2="{height - 24}"/>')
    drawn.append(f'<text class="rto-name" x="{rto - 4:.1f}" y="{TOP - 14}" text-anchor="end">RTO</text>')
    said = html(_SAID[language])
    return (
        f'<p class="soft">{said}</p>\n'
        f'<svg class="recovery" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{said}">'
        f"<title>{said}</title>{''.join(drawn)}</svg>"
    )


def _phase(row: Json, x: float, y: float, scale: float, language: str) -> Iterator[str]:
    within, over = min(row["took_s"], row["budget_s"]) * scale, row["over_s"] * scale
    state = "" if row["ended"] else " open"
    bar = y + 8
    yield f'<text x="{LEFT - 12}" y="{y + 25}" text-anchor="end">{html(row["words"][language])}</text>'
    yield f'<rect class="took{state}" x="{x:.1f}" y="{bar}" width="{max(within, 1):.1f}" height="24"/>'
    if over > 0:
        yield f'<rect class="over{state}" x="{x + within:.1f}" y="{bar}" width="{over:.1f}" height="24"/>'
    yield (f'<rect class="budget" x="{x:.1f}" y="{bar - 3}" width="{row["budget_s"] * scale:.1f}" height="30" rx="2"/>')
    end = x + max(row["took_s"], row["budget_s"]) * scale + 6
    minutes = f"{whole_minutes(row['took_s'])} / {whole_minutes(row['budget_s'])} {_MINUTES[language]}"
    if end + 90 > WIDTH:
        yield f'<text class="soft" x="{x - 6:.1f}" y="{y + 25}" text-anchor="end">{minutes}</text>'
    else:
        yield f'<text class="soft" x="{end:.1f}" y="{y + 25}">{minutes}</text>'


def _grid(began: datetime, span: float, scale: float, height: int, zone: tzinfo) -> Iterator[str]:
    step = next(one for one in (1800, 3600, 7200, 14400, 43200, 86400, span) if span / one <= 12)
    at = 0.0
    while at <= span:
        x = LEFT + at * scale
        yield f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 8}" y2="{height - 24}"/>'
        moment = datetime.fromtimestamp(began.timestamp() + at, zone)
        yield f'<text class="soft" x="{x:.1f}" y="{height - 6}" text-anchor="middle">{moment:%H:%M}</text>'
        at += step


def _after(began: datetime, text: str) -> float:
    return (datetime.fromisoformat(text) - began).total_seconds()
