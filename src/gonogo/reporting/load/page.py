"""load.json into one HTML page with charts: no request for anything, readable without JavaScript, dark and narrow."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any

from gonogo.model.units import show_duration, show_number
from gonogo.reporting.escape import html as safe
from gonogo.reporting.html_style import STYLE
from gonogo.reporting.load.capacity_chart import capacities
from gonogo.reporting.load.charts import Section, sections
from gonogo.reporting.load.style import LOAD_STYLE
from gonogo.reporting.load.tables import meaning, objectives, outcomes, properties, steps
from gonogo.reporting.words import word

PAGE = "load.html"
Json = dict[str, Any]
_WITHOUT = "The charts need JavaScript. What they show is said below each title; every figure stands in load.json."


def page_from_document(document: Mapping[str, Any]) -> str:
    """The whole page, UTF-8: a pure function of what stands in load.json, and so the same for a run read again."""
    drawn = sections(document)
    style = STYLE + _read("vendor/uPlot.min.css") + LOAD_STYLE
    data = _data([chart.spec for section in drawn for chart in section.charts])
    library, draw = _read("vendor/uPlot.iife.min.js"), _read("load/charts.js")
    policy = (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(library)}' '{_hash(draw)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    decision = str(document["decision"])
    title = f"{decision}: {document['environment']}, {document['profile']['name']}"
    parts = [
        "<!DOCTYPE html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
        f"<title>{safe(title)}</title><style>{style}</style></head><body>",
        _header(document, decision),
        "<main>",
        f'<noscript><p class="noscript">{_WITHOUT}</p></noscript>',
        objectives(document),
        outcomes(document),
        *_figures(drawn, {"Capacity": [steps(name, one) for name, one in capacities(document).items()]}),
        properties(document),
        '</main><footer><p>Files of this run: <a href="load.json">load.json</a></p>',
        f'<p class="soft">run <code>{safe(str(document["run_id"]))}</code></p></footer>',
        f'<script type="application/json" id="charts">{data}</script>',
        f"<script>{library}</script><script>{draw}</script></body></html>",
    ]
    return "\n".join(part for part in parts if part) + "\n"


@cache
def _read(name: str) -> str:
    return files("gonogo.reporting").joinpath(name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")


def _data(specs: Sequence[Json]) -> str:
    """JSON that ends no script element, whatever a server or a user wrote into it."""
    text = json.dumps(specs, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _header(document: Mapping[str, Any], decision: str) -> str:
    profile, started, ended = (
        document["profile"],
        *(datetime.fromisoformat(document[at]) for at in ("started", "ended")),
    )
    release = document.get("release")
    facts = [
        ("Environment", document["environment"]),
        ("Profile", _profile(profile, searched=bool(capacities(document)))),
    ]
    if release:
        facts.append(("Release", ", ".join(str(each) for each in release.values() if each)))
    facts += [(name.capitalize(), _found(side) or _sent(side)) for name, side in document["sides"].items()]
    workers = document["workers"]
    if workers["expected"] > 1 or workers["seen"] != workers["expected"]:
        facts.append(("Workers", f"{workers['seen']} of {workers['expected']}"))
    listed = "".join(f"<dt>{safe(name)}</dt><dd>{safe(str(text))}</dd>" for name, text in facts)
    reasons = "".join(f"<li>{safe(reason)}</li>" for reason in document["reasons"])
    lead = f"<ul>{reasons}</ul>" if reasons else f"<p>{safe(_proven(document))}</p>"
    return (
        f'<header class="{safe(decision)}"><p class="soft">Load run</p>'
        f'<h1><span class="{safe(decision)}">{safe(decision)}</span> {_decision_words(decision)}</h1>{lead}'
        f'<dl class="facts">{listed}</dl>'
        f'<p class="soft"><time datetime="{started.isoformat()}">{started:%Y-%m-%d %H:%M:%S}</time> to '
        f'<time datetime="{ended.isoformat()}">{ended:%H:%M:%S %Z}</time> ({show_duration(ended - started)})</p>'
        "</header>"
    )


def _decision_words(decision: str) -> str:
    return word(decision, "en") if decision != "GO" else "what the profile has to prove is proven"


def _proven(document: Mapping[str, Any]) -> str:
    proven = ", ".join(meaning(each) for each in document["profile"]["proves"])
    return f"Proven on each side: {proven or 'nothing was asked for'}."


def _profile(profile: Mapping[str, Any], *, searched: bool) -> str:
    """How it sends, in a line."""
    bounds = [f"at most {profile['requests']} requests a side"] if profile["requests"] is not None else []
    if profile["duration_s"] is not None:
        bounds.append(f"{'at most' if searched else 'for'} {show_number(profile['duration_s'])} s")
    if profile["workload"] == "open":
        how = (
            f"{show_number(profile['rate'])} arrivals a second"
            if profile["rate"] and not searched
            else "rates in steps"
        )
    else:
        users = profile["connections"]
        how = f"{users} user{'s' if users != 1 else ''}, {show_number(profile['delay_s'])} s after each answer"
    return f"{profile['name']}: {profile['workload']}, {', '.join([how, *bounds])}"


def _sent(side: Mapping[str, Any]) -> str:
    asked = "" if side["requested_rate"] is None else f" of {side['requested_rate']:.1f}/s requested"
    return f"{side['endpoint']}: {side['requests']} requests, {side['achieved_rate']:.1f}/s{asked}"


def _found(side: Mapping[str, Any]) -> str | None:
    """What a search came to; the mean rate over all of its steps would be taken for it."""
    if not side.get("capacity"):
        return None
    found, asked = side["capacity"]["found"], f"{side['endpoint']}: {side['requests']} requests"
    if found["rate"] is None:
        return f"{asked}; capacity: {found['said']}"
    least = "at least " if found["high"] is None else ""
    return f"{asked}; capacity {least}{show_number(found['rate'])}/s ({found['confidence']:.0%} confidence)"


def _figures(drawn: Sequence[Section], more: Mapping[str, Sequence[str]]) -> list[str]:
    """The figures of each section, and below them `more` by the section's title."""
    parts, number = [], 0
    for section in drawn:
        parts.append(f"<h2>{safe(section.title)}</h2>")
        if section.note:
            parts.append(f'<p class="soft">{safe(section.note)}</p>')
        figures = []
        for chart in section.charts:
            figures.append(
                f'<figure><h3>{safe(chart.title)}</h3><div class="plot" id="chart-{number}" role="img" '
                f'aria-label="{safe(chart.says)}"></div><figcaption>{safe(chart.says)}</figcaption></figure>'
            )
            number += 1
        if figures:
            parts.append(f'<div class="charts{" one" * (len(figures) == 1)}">{"".join(figures)}</div>')
        parts += more.get(section.title, ())
    return parts
