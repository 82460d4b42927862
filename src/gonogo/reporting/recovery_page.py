"""A recovery's timeline into Markdown and into a page with a picture of its six phases."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from gonogo.model.recovery import whole_minutes
from gonogo.reporting.escape import html, markdown
from gonogo.reporting.html_style import STYLE
from gonogo.reporting.recovery_chart import CHART_STYLE, chart

Json = Mapping[str, Any]
_WORDS: Mapping[str, Mapping[str, str]] = {
    "title": {"en": "Recovery timeline", "ko": "복구 타임라인"},
    "GO": {"en": "recovered within the RTO", "ko": "RTO 이내 복구"},
    "NO-GO": {"en": "RTO or RPO missed", "ko": "RTO 또는 RPO 미달"},
    "HOLD": {"en": "not decided yet", "ko": "판단 보류"},
    "class": {"en": "Class", "ko": "장애 유형"},
    "began": {"en": "Began", "ko": "발생"},
    "detected": {"en": "Detected", "ko": "감지"},
    "restored": {"en": "Restored", "ko": "복구"},
    "under way": {"en": "under way", "ko": "진행 중"},
    "took": {"en": "Time to restore", "ko": "복구 소요"},
    "lost": {"en": "Data lost", "ko": "데이터 손실"},
    "unknown": {"en": "not recorded", "ko": "미기록"},
    "customers": {"en": "Customers affected", "ko": "영향 고객 수"},
    "commander": {"en": "Commander", "ko": "지휘자"},
    "phase": {"en": "Phase", "ko": "단계"},
    "from": {"en": "From", "ko": "시작"},
    "to": {"en": "To", "ko": "종료"},
    "length": {"en": "Took", "ko": "소요"},
    "budget": {"en": "Budget", "ko": "예산"},
    "over": {"en": "Over", "ko": "초과"},
    "of": {"en": "of", "ko": "/"},
    "not begun": {"en": "not begun", "ko": "시작 전"},
    "waits": {"en": "What is missing or contradicts", "ko": "누락 또는 모순"},
}
_ZONES = {"en": UTC, "ko": timezone(timedelta(hours=9), "KST")}


def timeline_markdown(document: Json, language: str) -> str:
    """timeline.md: what the incident comes to, and a table of the phases."""
    say = _Say(language)
    lines = [f"# {say('title')}: {markdown(document['id'])}", ""]
    lines += [f"**{document['decision']}**: {say(document['decision'])}", ""]
    lines += [f"{markdown(str(document['summary'].get(language, '')))}", ""]
    lines += [f"- {say(key)}: {markdown(text)}" for key, text in _facts(document, say)]
    lines += ["", "| " + " | ".join(say(key) for key in _COLUMNS) + " |", "|" + " --- |" * len(_COLUMNS)]
    lines += ["| " + " | ".join(map(markdown, row)) + " |" for row in _rows(document, say)]
    if document["waits"]:
        lines += ["", f"{say('waits')}:", "", *(f"- {markdown(one)}" for one in document["waits"])]
    return "\n".join(lines) + "\n"


def timeline_html(document: Json, language: str) -> str:
    """timeline.html: the same with the picture; it asks for nothing."""
    say = _Say(language)
    decision = document["decision"]
    title = f"{say('title')}: {document['id']}"
    facts = "".join(f"<dt>{html(say(key))}</dt><dd>{html(text)}</dd>" for key, text in _facts(document, say))
    heads = "".join(f"<th>{html(say(key))}</th>" for key in _COLUMNS)
    rows = "".join(f"<tr>{''.join(f'<td>{html(cell)}</td>' for cell in row)}</tr>" for row in _rows(document, say))
    waits = "".join(f"<li>{html(one)}</li>" for one in document["waits"])
    return (
        f'<!doctype html>\n<html lang="{language}">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width,initial-scale=1">\n'
        f"<title>{html(title)}</title>\n<style>{STYLE}{CHART_STYLE}</style>\n</head>\n<body>\n"
        f'<header class="{decision}">\n<p class="soft">{html(document["environment"])} · {html(title)}</p>\n'
        f'<h1><span class="{decision}">{decision}</span></h1>\n<p class="lead">{html(say(decision))}</p>\n'
        f"<p>{html(str(document['summary'].get(language, '')))}</p>\n</header>\n"
        f"<dl>{facts}</dl>\n<h2>{html(say('title'))}</h2>\n"
        f"{chart(document, language, _ZONES[language])}\n"
        f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>\n"
        + (f"<h2>{html(say('waits'))}</h2>\n<ul>{waits}</ul>\n" if waits else "")
        + "</body>\n</html>\n"
    )


_COLUMNS = ("phase", "from", "to", "length", "budget", "over")


class _Say:
    def __init__(self, language: str) -> None:
        self.language = language

    def __call__(self, key: str) -> str:
        return _WORDS[key][self.language]

    def moment(self, text: str) -> str:
        return f"{datetime.fromisoformat(text).astimezone(_ZONES[self.language]):%Y-%m-%d %H:%M %Z}"

    def hour(self, text: str) -> str:
        return f"{datetime.fromisoformat(text).astimezone(_ZONES[self.language]):%H:%M}"

    def length(self, seconds: float) -> str:
        minutes = whole_minutes(seconds)
        hour, minute = ("시간", "분") if self.language == "ko" else (" h", " min")
        if minutes < 60:
            return f"{minutes}{minute}"
        return f"{minutes // 60}{hour}" + (f" {minutes % 60}{minute}" if minutes % 60 else "")


def _facts(document: Json, say: _Say) -> Iterator[tuple[str, str]]:
    yield "class", str(document["class_words"][say.language])
    yield "began", say.moment(document["began"])
    yield "detected", say.moment(document["detected"])
    yield "restored", say.moment(document["restored"]) if document["restored"] else say("under way")
    yield "took", f"{say.length(document['elapsed_s'])} {say('of')} RTO {say.length(document['rto_s'])}"
    lost = document["data_loss_s"]
    known = say("unknown") if lost is None else f"{say.length(lost)} {say('of')} RPO {say.length(document['rpo_s'])}"
    yield "lost", known
    customers = document["affected_customers"]
    yield "customers", say("unknown") if customers is None else str(customers)
    if document["commander"]:
        yield "commander", str(document["commander"])


def _rows(document: Json, say: _Say) -> Iterator[tuple[str, ...]]:
    for row in document["phases"]:
        yield (
            str(row["words"][say.language]),
            say.hour(row["started"]),
            say.hour(row["ended"]) if row["ended"] else say("under way"),
            say.length(row["took_s"]),
            say.length(row["budget_s"]),
            say.length(row["over_s"]) if row["over_s"] > 0 else "",
        )
    for row in document["ahead"]:
        yield (str(row["words"][say.language]), say("not begun"), "", "", say.length(row["budget_s"]), "")
