"""A judged run into one HTML page: no script, no request, readable on paper and in the dark."""

from __future__ import annotations

from datetime import timedelta

from gonogo.model.evidence import Evidence, Seen, Unseen
from gonogo.model.run import Run
from gonogo.model.verdict import Blame, Verdict
from gonogo.reporting.escape import html as safe
from gonogo.reporting.html_style import STYLE
from gonogo.reporting.view import AreaView, Row, View, view
from gonogo.reporting.words import LANGUAGES, decided, word

_AT_MOST = 6  # lines of a list before the rest is folded away
_FILES = ("plan.json", "evidence.jsonl", "verdict.json")


def html(run: Run, language: str = "en") -> str:
    """The whole page, UTF-8: the decision, why, the areas, what to do next; then every item, look and file."""
    seen = view(run, language)
    decision = run.gated.decision.value
    parts = [
        "<!DOCTYPE html>",
        f'<html lang="{language if language in LANGUAGES else "en"}"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        """<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">""",
        f"<title>{safe(f'{decision}: {seen.headline}')}</title><style>{STYLE}</style></head><body>",
        f'<header class="{decision}"><p class="soft">{word("report", language)}</p>',
        f'<h1><span class="{decision}">{decision}</span> {decided(decision, run.plan.phases, language)}</h1>',
        f'<p class="lead">{safe(seen.sentence)}</p><p>{safe(seen.headline)}</p>{_times(run)}</header><main>',
    ]
    parts += [_blame(row, blame, language) for row, blame in seen.blames]
    if seen.shared or seen.other_reasons:
        title = word("root" if seen.shared else "why", language)
        parts += [f"<h2>{title}</h2>", _list((*seen.shared, *seen.other_reasons), language)]
    parts += [f"<h2>{word('areas', language)}</h2>", _board(seen, language)]
    parts += _open_items(seen, language)
    parts += [f"<h2>{word('all', language)}</h2>", _items(seen, language)]
    if seen.not_due:
        lines = tuple(f"{at} {one}" for one, at in seen.not_due)
        parts += [f"<h2>{word('not due', language)}</h2>", _list(lines, language)]
    if seen.not_asked:
        parts.append(f"<p>{word('not asked', language)}: {safe(seen.not_asked)}</p>")
    if run.notes:
        parts += [f"<h2>{word('notes', language)}</h2>", _list(run.notes, language)]
    if run.evidence:
        parts += [f"<h2>{word('evidence', language)}</h2>", _looks(run, language)]
    files = ", ".join(f'<a href="{name}">{name}</a>' for name in _FILES)
    parts += [
        f"</main><footer><p>{word('files', language)}: {files}</p>",
        f'<p class="soft">{word("run", language)} <code>{safe(run.plan.run_id)}</code></p></footer></body></html>',
    ]
    return "\n".join(part for part in parts if part) + "\n"


def _blame(row: Row, blame: Blame, language: str) -> str:
    """The first thing on the page below the decision."""
    title = word("cause" if blame.name is not None else "no cause", language)
    facts = [("why", "", _list(blame.evidence, language))] if blame.evidence else []
    facts += [("next", ' class="next"', safe(blame.next_step)), ("owner", "", f"{safe(row.owner)} ({_link(row)})")]
    listed = "".join(f"<dt>{word(name, language)}</dt><dd{kind}>{text}</dd>" for name, kind, text in facts)
    name = f" <code>{safe(blame.name)}</code>" if blame.name is not None else ""
    return (
        f'<h2>{title}{name}</h2><article class="{row.verdict.value} cause">'
        f'<p class="lead">{safe(blame.says)}</p><dl>{listed}</dl></article>'
    )


def _times(run: Run) -> str:
    started, ended = (moment.isoformat(timespec="seconds") for moment in (run.started, run.ended))
    return (
        f'<p class="soft"><time datetime="{started}">{run.started:%Y-%m-%d %H:%M:%S}</time> to '
        f'<time datetime="{ended}">{run.ended:%H:%M:%S %Z}</time> ({_took(run.ended - run.started)})</p>'
    )


def _list(lines: tuple[str, ...], language: str) -> str:
    """The lines; all but the first few are folded away where they are many."""
    items = [f"<li>{safe(line)}</li>" for line in lines]
    if len(items) <= _AT_MOST + 1:
        return f"<ul>{''.join(items)}</ul>" if items else ""
    rest = items[_AT_MOST:]
    return (
        f"<ul>{''.join(items[:_AT_MOST])}</ul>"
        f"<details><summary>{len(rest)} {word('more', language)}</summary><ul>{''.join(rest)}</ul></details>"
    )


def _head(names: tuple[str, ...], language: str) -> str:
    cells = "".join(f'<th scope="col">{word(name, language)}</th>' for name in names)
    return f"<thead><tr>{cells}</tr></thead>"


def _board(seen: View, language: str) -> str:
    rows = "".join(_area(area, language) for area in seen.areas)
    return f"<table>{_head(('area', 'ready', 'passed'), language)}<tbody>{rows}</tbody></table>"


def _area(area: AreaView, language: str) -> str:
    # A meter below `low` is red, one up to `high` amber: an area that is not whole never looks green.
    low = 99.5 if any(row.verdict is Verdict.FAIL for row in area.rows) else 0
    limits = f'min="0" max="100" low="{low}" high="99.5" optimum="100"'
    meter = f'<meter {limits} value="{area.percent}">{area.percent} %</meter>'
    return (
        f'<tr><th scope="row">{word(area.area.value, language)}</th><td class="figure">{meter}{area.percent} %</td>'
        f'<td class="figure">{area.passed} / {len(area.rows)}</td></tr>'
    )


def _open_items(seen: View, language: str) -> list[str]:
    told = [row for row in seen.open_rows if row.ran]
    idle = tuple(f"{row.title} ({row.id})" for row in seen.open_rows if not row.ran)
    parts = [f"<h2>{word('open', language)}</h2>", *(_open(row, language) for row in told)] if told else []
    return [*parts, f"<h2>{word('idle', language)}</h2>", _list(idle, language)] if idle else parts


def _open(row: Row, language: str) -> str:
    marks = f' <span class="soft marks">({safe("; ".join(row.marks))})</span>' if row.marks else ""
    facts = [("why", "", safe(row.reason) + _list(row.beside, language))]
    if row.sources:
        links = zip(row.sources, row.looks, strict=False) if len(row.sources) == len(row.looks) else ()
        linked = [f'<a href="#look-{safe(key)}"><code>{safe(source)}</code></a>' for source, key in links]
        told = linked or [f"<code>{safe(source)}</code>" for source in row.sources]
        text = "<br>".join(told[:_AT_MOST])
        if len(told) > _AT_MOST:
            rest = "<br>".join(told[_AT_MOST:])
            text += f"<details><summary>{len(told) - _AT_MOST} {word('more', language)}</summary>{rest}</details>"
        facts.append(("saw", "", text))
    if row.waits_for:
        facts.append(("wait", "", safe(row.waits_for)))
    if row.blame is None:
        facts.append(("next", ' class="next"', safe(row.next_step)))
    facts.append(("owner", "", safe(row.owner)))
    listed = "".join(f"<dt>{word(name, language)}</dt><dd{kind}>{text}</dd>" for name, kind, text in facts)
    return (
        f'<article id="{safe(row.id)}" class="{row.verdict.value}">'
        f"<h3>{_word(row)} {safe(row.title)} <code>{safe(row.id)}</code>{marks}</h3><dl>{listed}</dl></article>"
    )


def _items(seen: View, language: str) -> str:
    rows = "".join(
        f'<tr><td class="word">{_word(row)}</td><td>{safe(row.title)}<br><code>{_link(row)}</code></td>'
        f'<td class="why{" soft" * (row.verdict is Verdict.PASS)}">{safe(row.reason)}</td></tr>'
        for row in seen.rows
    )
    return f'<table class="items">{_head(("verdict", "item", "why"), language)}<tbody>{rows}</tbody></table>'


def _looks(run: Run, language: str) -> str:
    """Every look that was sent, in the order in which they went out: what, when, how long, how it ended."""
    sent = sorted(run.evidence.values(), key=lambda one: (one.started, one.look))
    rows = "".join(
        f'<tr id="look-{safe(one.look)}"><td><code>{safe(one.source)}</code></td>'
        f'<td class="figure">{one.started:%H:%M:%S}</td><td class="figure">{_took(one.ended - one.started)}</td>'
        f"<td>{_ended(one, language)}</td></tr>"
        for one in sent
    )
    return f'<table class="looks">{_head(("look", "started", "took", "ended"), language)}<tbody>{rows}</tbody></table>'


def _ended(one: Evidence, language: str) -> str:
    tries = f" ({len(one.attempts)} tries)" if len(one.attempts) > 1 else ""
    match one.outcome:
        case Seen():
            return word("seen", language) + tries
        case Unseen(cause=cause):
            return f'<strong class="inconclusive">{safe(cause.value)}</strong>{tries}'


def _took(time: timedelta) -> str:
    milliseconds = time / timedelta(milliseconds=1)
    return f"{milliseconds:.0f} ms" if milliseconds < 1000 else f"{milliseconds / 1000:.1f} s"


def _link(row: Row) -> str:
    has_card = row.verdict is not Verdict.PASS and row.ran
    return f'<a href="#{safe(row.id)}">{safe(row.id)}</a>' if has_card else safe(row.id)


def _word(row: Row) -> str:
    return f'<strong class="{row.verdict.value}">{row.word}</strong>'
