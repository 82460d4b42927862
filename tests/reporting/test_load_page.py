"""The page of a load run: a pure function of load.json that shows what stands there, and lets nothing act."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from gonogo.flows.redraw import redraw
from gonogo.load.record import Book
from gonogo.model.capacity import Capacity, CapacityStep, StepVerdict
from gonogo.model.errors import ConfigError
from gonogo.model.load import Event, LoadRecord, OutcomeClass, Profile, SideRecord, Workload
from gonogo.model.load_verdict import Judged, Slo
from gonogo.model.ratelimit import Algorithm, Inferred, Policy, PropertyResult, Shown
from gonogo.model.sealed import sealed
from gonogo.model.units import Unit
from gonogo.model.verdict import Decision
from gonogo.reporting.codec import loads, page
from gonogo.reporting.load.capacity import capacity_document
from gonogo.reporting.load.charts import sections
from gonogo.reporting.load.document import load_document
from gonogo.reporting.load.page import page_from_document

ROOT = Path(__file__).parents[2]
VENDOR = files("gonogo.reporting").joinpath("vendor")
NOW = datetime(2026, 11, 20, 12, 0, 5, tzinfo=UTC)
MS = 1_000_000
HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\u202e"


def status_of(number: int, limit: int) -> int:
    """Ten a second are sent; a fixed window of 10 s admits `limit`."""
    return 200 if number % 100 < limit else 429


def side(name: str, requests: int, limit: int = 1000) -> tuple[SideRecord, list[Event]]:
    book, events = Book(name), []
    for number in range(requests):
        status, at, took = status_of(number, limit), number / 10, 20 + number % 7
        book.over_time.sent(int(at * 1000) * MS, 1)
        book.add("GET /a", status, [took * MS], int(at * 1000) * MS)
        outcome = OutcomeClass.ACCEPTED if status == 200 else OutcomeClass.LIMITED
        event = Event(
            side=name,
            endpoint="GET /a",
            intended=at,
            sent=at,
            received=at + took / 1000,
            status=status,
            outcome=outcome,
        )
        events.append(event)
    ends = requests * 100 * MS
    series = book.over_time.close(0, ends, lambda moment: min(moment, ends) // (100 * MS))
    return book.close(requests=requests, requested_rate=10.0, achieved_rate=9.5, series=series), events


def made(requests: int = 250, limit: int = 1000, text: str = "canary was slow", **limiters: Any) -> dict[str, Any]:
    sides = [side("canary", requests, limit), side("legacy", requests)]
    profile = Profile(
        name="heavy", use="a test", workload=Workload.OPEN, rate=10.0, requests=requests, connections=4,
        duration=timedelta(seconds=60), proves=("P2", "latency"),
    )  # fmt: skip
    record = LoadRecord(
        run_id="abcdef123456", profile=profile, environment=text, started=NOW, ended=NOW + timedelta(seconds=60),
        sides=tuple(each for each, _ in sides), events=tuple(event for _, each in sides for event in each),
    )  # fmt: skip
    slo = Slo(
        name="canary_p95", side="canary", value=412.5, comparator="<", limit=300.0, unit=Unit.MS, samples=200,
        verdict=Shown.FAIL, reason="too slow", decides=True,
    )  # fmt: skip
    hidden = PropertyResult(
        id="P13", side="canary", path="/a", verdict=Shown.NOT_VISIBLE, reason="nothing was rejected", would_fail=text
    )
    broken = PropertyResult(id="P2", side="canary", path="/a", verdict=Shown.FAIL, reason=f"early: {text}")
    judged = Judged(decision=Decision.NO_GO, reasons=(text,), findings=(broken, hidden), slos=(slo,))
    document = load_document(record, judged, {"canary": "GET /a", "legacy": "GET /a"}, limiters)
    read: dict[str, Any] = loads(page(sealed(document)))
    return read


class Elements(HTMLParser):
    """Names, attributes and texts of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.inside: dict[str, list[str]] = {}
        self.words, self.within = "", ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        self.inside.setdefault(tag, []).append("")
        self.within = tag

    def handle_endtag(self, _tag: str) -> None:
        self.within = ""

    def handle_data(self, data: str) -> None:
        if self.within in ("script", "style"):
            self.inside[self.within][-1] += data
        else:
            self.words += data


def drawn(text: str) -> list[dict[str, Any]]:
    """The charts that stand in a page."""
    match = re.search(r'<script type="application/json" id="charts">(.*?)</script>', text, flags=re.DOTALL)
    assert match is not None
    specs: list[dict[str, Any]] = json.loads(match[1])
    return specs


def chart(document: dict[str, Any], section: str, title: str) -> dict[str, Any]:
    found = {each.title: {one.title: one for one in each.charts} for each in sections(document)}
    return found[section][title].spec


def test_it_is_a_pure_function_of_the_record() -> None:
    """The same record makes the same page, byte for byte; another record another one."""
    document = made()
    assert page_from_document(document) == page_from_document(loads(page(document)))
    assert page_from_document(document) != page_from_document(made(text="another"))


def test_it_says_decision_reasons_objectives_and_properties() -> None:
    """The decision and its reasons come first; each property says its verdict and reason, hidden ones why."""
    words = Elements(page_from_document(made())).words
    places = [words.index(one) for one in ("NO-GO", "canary was slow", "canary_p95", "412.5 ms", "< 300 ms")]
    assert places == sorted(places)
    assert "P2 no early rejection" in words
    assert "early: canary was slow" in words
    assert "not visible" in words
    assert "nothing was rejected" in words
    assert "would fail: canary was slow" in words


def test_it_draws_what_was_measured() -> None:
    """Latencies over time and by percentile, rates as requested and achieved: the numbers of the record."""
    document = made()
    latency = chart(document, "Latency over time", "canary: accepted")
    assert [line["label"] for line in latency["lines"]] == ["a request", "p50", "p95", "p99", "max"]
    p50 = document["sides"]["canary"]["series"]["outcomes"]["accepted"]["p50"]
    assert latency["tables"][1][1] == p50
    assert len(latency["tables"][0][0]) == 250
    rates = chart(document, "Requested and achieved rate", "canary")
    assert {each for column in rates["tables"][0][1:3] for each in column} == {10.0}
    share, took = chart(document, "Latency distribution", "all sides and outcomes")["tables"][0]
    assert (share[0], share[-1]) == (1.0, 250.0)
    assert took[0] == pytest.approx(20, rel=0.001)
    assert took[-1] == pytest.approx(26, rel=0.001)
    assert drawn(page_from_document(document)) == [each.spec for one in sections(document) for each in one.charts]


def test_a_declared_window_is_drawn() -> None:
    """A window that opens with its first request admits ten, then rejects: each is shaded, the limit is marked."""
    policy = Policy(path="/a", algorithm=Algorithm.FIXED_WINDOW, limit=10, window=timedelta(seconds=10), aligned=False)
    document = made(limit=10, canary=policy)
    spec = chart(document, "Accepted and rejected", "canary")
    assert [(each["from"], each["to"]) for each in spec["bands"]] == [(0.0, 10.0), (10.0, 20.0), (20.0, 30.0)]
    assert spec["marks"] == [{"at": 10, "label": "limit 10"}]
    accepted, rejected = spec["tables"]
    assert accepted[1] == [*range(1, 11)] * 3
    assert set(rejected[1]) == {10}


def test_windows_of_a_clock_open_at_its_multiples() -> None:
    """The run began five seconds into a window."""
    policy = Policy(path="/a", algorithm=Algorithm.FIXED_WINDOW, limit=10, window=timedelta(seconds=10), aligned=True)
    bands = chart(made(limit=10, canary=policy), "Accepted and rejected", "canary")["bands"]
    assert [(each["from"], each["to"]) for each in bands] == [(0.0, 5.0), (5.0, 15.0), (15.0, 25.0)]


@pytest.mark.parametrize(
    ("algorithm", "label", "bands"),
    [
        (Algorithm.SLIDING_LOG, "admitted in the window", [{"from": 0.0, "to": 1.0}]),
        (Algorithm.TOKEN_BUCKET, "tokens in use", [{"from": 0.0, "to": 1.0}]),
    ],
)
def test_an_inferred_window_is_drawn(algorithm: Algorithm, label: str, bands: list[dict[str, float]]) -> None:
    """Of what does not count in fixed windows, the window before the first rejection; the sentence says how sure."""
    seen = Inferred(algorithm=algorithm, limit=10, window=timedelta(seconds=10), confidence=0.93)
    document = made(limit=10, canary=seen)
    spec = chart(document, "Accepted and rejected", "canary")
    assert (spec["y"]["label"], spec["bands"]) == (label, bands)
    assert "inferred with a confidence of 93%" in page_from_document(document)


def test_nothing_rejected_is_said_not_drawn() -> None:
    """Neither rejections nor a limiter: a sentence stands there."""
    (section,) = (each for each in sections(made()) if each.title == "Accepted and rejected")
    assert section.charts == ()
    assert section.note.startswith("canary: none of 250 requests was rejected.")


def test_rejections_without_a_limiter_are_drawn() -> None:
    """What no family of limiters explains is shown by the second."""
    spec = chart(made(limit=10), "Accepted and rejected", "canary")
    assert spec["bands"] == spec["marks"] == []
    assert spec["y"]["label"] == "admitted in the last second"


def test_hostile_text_stays_text() -> None:
    """Markup in names, reasons and findings makes no element, and ends no script."""
    seen = Elements(page_from_document(made(text=HOSTILE)))
    assert [tag for tag, _ in seen.seen].count("script") == 3
    assert not any(tag in ("img", "iframe", "object", "link", "form", "base") for tag, _ in seen.seen)
    assert not any(name.startswith("on") for _, attributes in seen.seen for name in attributes)
    assert "<img src=x" in seen.words
    assert "\\u202e" in seen.words
    assert "\u202e" not in seen.words


def test_a_hostile_side_ends_no_script() -> None:
    """Names that reach the data of the charts are escaped there."""
    document = made()
    document["sides"] = {HOSTILE: document["sides"]["canary"]}
    text = page_from_document(document)
    assert any(HOSTILE in line["label"] for spec in drawn(text) for line in spec["lines"])
    assert [tag for tag, _ in Elements(text).seen].count("script") == 3


def test_the_policy_allows_its_own_scripts_and_nothing_else() -> None:
    """Each script and the style stand in the policy by their hash; nothing is loaded from anywhere."""
    text = page_from_document(made())
    seen = Elements(text)
    (policy,) = (a["content"] for tag, a in seen.seen if a.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    for body in (*seen.inside["script"][1:], *seen.inside["style"]):
        assert base64.b64encode(hashlib.sha256(body.encode()).digest()).decode() in policy
    assert not any(attributes.keys() & {"src", "srcset", "style", "action"} for _, attributes in seen.seen)
    assert {attributes["href"] for _, attributes in seen.seen if "href" in attributes} == {"load.json"}
    assert "@import" not in seen.inside["style"][0]
    assert "url(" not in seen.inside["style"][0]


def test_it_is_small() -> None:
    """A run of 500 requests a side stays under 300 kB, one of 5000 a side under a megabyte."""
    assert len(page_from_document(made(requests=500, limit=10))) < 300_000
    assert len(page_from_document(made(requests=5000, limit=10))) < 1_000_000


def test_a_run_that_never_began_has_a_page() -> None:
    """No side, no answer, no series: still decision and reason."""
    document = made()
    document |= {"sides": {}, "timeline": []}
    assert "canary was slow" in page_from_document(document)
    empty = Book("canary").close(requests=0, requested_rate=None, achieved_rate=0.0)
    record = LoadRecord(
        run_id="a", profile=replace(Profile(name="p", use="u", workload=Workload.CLOSED, requests=3)), environment="e",
        started=NOW, ended=NOW, sides=(empty,),
    )  # fmt: skip
    judged = Judged(decision=Decision.HOLD, reasons=("nothing was sent",), findings=(), slos=())
    assert "nothing was sent" in page_from_document(load_document(record, judged, {}))


def test_a_capacity_search_is_drawn() -> None:
    """Steps by rate and in order, the rate that was kept, and where the truth lies."""
    steps = [(100.0, 30.0, StepVerdict.KEPT), (200.0, 900.0, StepVerdict.BROKEN), (150.0, None, StepVerdict.UNSURE)]
    capacity = Capacity(
        side="canary",
        steps=tuple(
            CapacityStep(
                rate=rate, sent=400, achieved=rate, p50=p99, p95=p99, p99=p99, error_ratio=0.0, accepted_ratio=1.0,
                verdict=verdict, reason=HOSTILE,
            )
            for rate, p99, verdict in steps
        ),
        rate=100.0, low=97.5, high=200.0, confidence=0.94, said="100/s kept, 200/s broken",
    )  # fmt: skip
    document = made()
    document["sides"]["canary"]["capacity"] = capacity_document(capacity)
    spec = chart(document, "Capacity", "canary: latency by rate")
    assert spec["bands"] == [{"from": 97.5, "to": 200.0}]
    assert spec["posts"] == [{"at": 100.0, "label": "100/s kept"}]
    order = chart(document, "Capacity", "canary: steps in the order in which they were sent")
    assert order["tables"] == [[[1], [100.0]], [[2], [200.0]], [[3], [150.0]]]
    words = Elements(page_from_document(document)).words
    assert words.index("Capacity") < words.index("Latency over time")
    assert "canary: 100/s, the truth between 97.5 and 200/s with 94% confidence" in words
    assert "3 steps" in words
    assert "requests; capacity 100/s (94% confidence)" in words
    assert "those beyond the capacity too" in words
    assert "those beyond the capacity too" not in page_from_document(made())


def test_few_requests_have_no_distribution() -> None:
    """Three requests make no 99th percentile: they are dots, and no line of shares or rates."""
    document = made(requests=3)
    found = {each.title: each.charts for each in sections(document)}
    assert found["Latency distribution"] == found["Requested and achieved rate"] == ()
    (dots,) = chart(document, "Latency over time", "canary: accepted")["lines"]
    assert dots["dots"]
    assert "canary, 3 accepted: the slowest took 22.0 ms, at 0.2 s." in page_from_document(document)


def test_a_slow_rate_is_counted_over_longer_intervals() -> None:
    """Two requests a second in intervals of half a second would jump between none and two."""
    series = made()["sides"]["canary"]["series"]
    thin = series | {"sent": [1, 0] * 25, "requested": None, "outcomes": {}}
    document = made()
    document["sides"]["canary"]["series"] = thin | {
        "outcomes": {each: {"count": [0] * 50} for each in ("accepted", "limited", "error")}
    }
    at, sent = chart(document, "Requested and achieved rate", "canary")["tables"][0]
    assert len(at) == 7
    assert sent == [1.0] * 6 + [None]  # the last is too short to say


def test_sides_one_after_the_other_have_their_own_time() -> None:
    """Sides at once share the axis of time; else each shows the time in which it was in use."""
    document = made()
    assert chart(document, "Latency over time", "legacy: accepted")["x"]["range"] == [0, 25.0]
    document["sides"]["legacy"]["series"] |= {"begins_s": 30.0, "ends_s": 60.0}
    assert chart(document, "Latency over time", "canary: accepted")["x"]["range"] == [0.0, 25.0]
    assert chart(document, "Latency over time", "legacy: accepted")["x"]["range"] == [30.0, 60.0]


def test_it_is_drawn_again_from_the_file(tmp_path: Path) -> None:
    """load.json alone makes the page; a file that was touched, or is none, is refused in a line."""
    document = made()
    (tmp_path / "load.json").write_text(page(document), encoding="utf-8")
    assert redraw(tmp_path).read_text(encoding="utf-8") == page_from_document(document)
    (tmp_path / "load.json").write_text(page(document | {"decision": "GO"}), encoding="utf-8")
    with pytest.raises(ConfigError, match="changed after its run"):
        redraw(tmp_path)
    (tmp_path / "load.json").write_text("[]", encoding="utf-8")
    with pytest.raises(ConfigError, match="not of schema"):
        redraw(tmp_path)
    with pytest.raises(ConfigError, match="there is no such file"):
        redraw(tmp_path / "no")


def test_the_charting_library_is_the_one_that_was_decided_on() -> None:
    """Files of the vendor folder have the digests of the ADR, and their licence beside them."""
    told = (ROOT / "docs/adr/0009-charts-by-uplot.md").read_text(encoding="utf-8")
    digests = dict(re.findall(r"^\| `(\S+)` \| ([0-9a-f]{64}) \|$", told, flags=re.MULTILINE))
    found = {each.name: hashlib.sha256(each.read_bytes()).hexdigest() for each in VENDOR.iterdir()}
    assert found == digests
    assert "The MIT License" in VENDOR.joinpath("uPlot-LICENSE").read_text(encoding="utf-8")
