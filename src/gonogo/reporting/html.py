"""A judged run into one HTML page: no script, no request, readable on paper and in the dark."""

from __future__ import annotations

from gonogo.model.run import Run
from gonogo.model.verdict import Verdict
from gonogo.reporting.escape import html as safe
from gonogo.reporting.view import AreaView, Row, View, view
from gonogo.reporting.words import LANGUAGES, word

# Colours: at least 4.5:1 on their ground, and never the only sign: the word stands beside them.
_STYLE = """
:root{color-scheme:light dark;--ink:#1b1f24;--soft:#57606a;--line:#d0d7de;--ground:#fff;--card:#f6f8fa;
--go:#116329;--nogo:#a40e26;--hold:#7d4e00}
@media(prefers-color-scheme:dark){:root{--ink:#e6edf3;--soft:#9da7b3;--line:#30363d;--ground:#0d1117;--card:#161b22;
--go:#57d364;--nogo:#ff8182;--hold:#e3b341}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:64rem;padding:1.5rem;background:var(--ground);color:var(--ink);
font:1rem/1.5 system-ui,"Noto Sans KR","Malgun Gothic",sans-serif;overflow-wrap:anywhere}
h1{font-size:2rem;margin:0}h2{margin:2rem 0 .5rem;font-size:1.25rem}
.pass,.GO{color:var(--go)}.fail,.NO-GO{color:var(--nogo)}.inconclusive,.HOLD{color:var(--hold)}
p{margin:.25rem 0}.soft,dt,caption{color:var(--soft)}
table{border-collapse:collapse;width:100%}caption{text-align:left}
th,td{text-align:left;vertical-align:top;padding:.375rem .5rem;border-bottom:1px solid var(--line)}
meter{width:8rem;vertical-align:middle}code{font-family:ui-monospace,monospace;font-size:.9em}
article{background:var(--card);border:1px solid var(--line);border-radius:.5rem;padding:.75rem 1rem;margin:.75rem 0}
article h3{margin:0;font-size:1rem}dl{display:grid;grid-template-columns:7rem 1fr;gap:.25rem .75rem;margin:.5rem 0 0}
dd{margin:0}dd ul,ul.plain{margin:0;padding-left:1.25rem}
@media(max-width:40rem){dl{grid-template-columns:1fr}}
@media print{body{max-width:none;padding:0}article,tr{break-inside:avoid}}
"""


def html(run: Run, language: str = "en") -> str:
    """The whole page, UTF-8."""
    seen = view(run, language)
    decision = run.gated.decision.value
    title = f"{decision}: {seen.headline}"
    parts = [
        "<!DOCTYPE html>",
        f'<html lang="{language if language in LANGUAGES else "en"}"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        """<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">""",
        f"<title>{safe(title)}</title><style>{_STYLE}</style></head><body>",
        f'<header><p class="soft">{word("report", language)}</p>',
        f'<h1><span class="{decision}">{decision}</span> {word(decision, language)}</h1>',
        f"<p>{safe(seen.headline)}</p><p>{safe(seen.sentence)}</p></header><main>",
        _list(seen.other_reasons),
        _board(seen, language),
    ]
    if seen.shared:
        parts += [f"<h2>{word('root', language)}</h2>", _list(seen.shared)]
    if seen.open_rows:
        parts += [f"<h2>{word('open', language)}</h2>", *(_open(row, language) for row in seen.open_rows)]
    parts += [f"<h2>{word('all', language)}</h2>", _table(seen, language)]
    if seen.not_due:
        parts += [f"<h2>{word('not due', language)}</h2>", _list(tuple(f"{at} {one}" for one, at in seen.not_due))]
    if run.notes:
        parts += [f"<h2>{word('notes', language)}</h2>", _list(run.notes)]
    ended = run.ended.isoformat(timespec="seconds")
    parts += [
        f'</main><footer><p class="soft">{word("run", language)} <code>{safe(run.plan.run_id)}</code>',
        f'<time datetime="{ended}">{ended}</time></p></footer></body></html>',
    ]
    return "\n".join(part for part in parts if part) + "\n"


def _list(lines: tuple[str, ...]) -> str:
    items = "".join(f"<li>{safe(line)}</li>" for line in lines)
    return f'<ul class="plain">{items}</ul>' if items else ""


def _board(seen: View, language: str) -> str:
    rows = "".join(_area(area, language) for area in seen.areas)
    head = "".join(f'<th scope="col">{word(name, language)}</th>' for name in ("area", "ready", "passed"))
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _area(area: AreaView, language: str) -> str:
    meter = f'<meter min="0" max="100" value="{area.percent}">{area.percent} %</meter>'
    return (
        f'<tr><th scope="row">{word(area.area.value, language)}</th><td>{meter} {area.percent} %</td>'
        f"<td>{area.passed} / {len(area.rows)}</td></tr>"
    )


def _open(row: Row, language: str) -> str:
    marks = f' <span class="soft">({safe("; ".join(row.marks))})</span>' if row.marks else ""
    facts = [("why", safe(row.reason) + _list(row.details))]
    if row.sources:
        facts.append(("saw", "<br>".join(f"<code>{safe(source)}</code>" for source in row.sources)))
    if row.decidable:
        facts.append(("wait", safe(row.decidable)))
    facts += [("next", safe(row.remedy)), ("owner", safe(row.owner))]
    listed = "".join(f"<dt>{word(name, language)}</dt><dd>{text}</dd>" for name, text in facts)
    return (
        f'<article id="{safe(row.id)}"><h3>{_word(row)} <code>{safe(row.id)}</code> {safe(row.title)}{marks}</h3>'
        f"<dl>{listed}</dl></article>"
    )


def _table(seen: View, language: str) -> str:
    head = "".join(f'<th scope="col">{word(name, language)}</th>' for name in ("verdict", "item", "why"))
    rows = "".join(
        f"<tr><td>{_word(row)}</td><td><code>{_link(row)}</code><br>{safe(row.title)}</td><td>{safe(row.reason)}</td></tr>"
        for row in seen.rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _link(row: Row) -> str:
    return safe(row.id) if row.verdict is Verdict.PASS else f'<a href="#{safe(row.id)}">{safe(row.id)}</a>'


def _word(row: Row) -> str:
    return f'<strong class="{row.verdict.value}">{row.word}</strong>'
