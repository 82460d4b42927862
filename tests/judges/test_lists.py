"""Judges of lists of entries: listed, patterns, has_all, has_text, split, error_mix, scope, complete."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gonogo.judges.bursts import Bursts
from gonogo.judges.complete import Complete
from gonogo.judges.error_mix import ErrorMix
from gonogo.judges.even import Even
from gonogo.judges.incident.scope import Scope
from gonogo.judges.listed import Listed
from gonogo.judges.patterns import Patterns, normal
from gonogo.judges.split import Split
from gonogo.judges.trend import Trend
from gonogo.model.evidence import Cause, Evidence, Unseen
from gonogo.model.verdict import Finding, Verdict

Ask = Callable[..., Finding]
PASS, FAIL, HOLD = Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE
UNSEEN = Unseen(cause=Cause.PARTIAL, detail="page 2 of 3 lost")

OPTIONS: list[tuple[str, dict[str, Any]]] = [
    ("listed", {"value": "entries"}),
    ("patterns", {"value": "entries"}),
    ("has_all", {"value": "entries", "names": "personas"}),
    ("has_text", {"value": "entries", "text": "entries"}),
    ("split", {"value": "entries", "measure": "ms", "by": ("persona",)}),
    ("error_mix", {"value": "entries"}),
    ("scope", {"value": "entries"}),
    ("complete", {"figures": {"entries": "entries"}}),
    ("bursts", {"value": "entries"}),
    ("even", {"value": "entries"}),
    ("trend", {"value": "entries"}),
]


@pytest.mark.parametrize(("kind", "options"), OPTIONS, ids=[kind for kind, _ in OPTIONS])
@pytest.mark.parametrize("document", [UNSEEN, {}, {"entries": None}], ids=["row44-lost", "row35-missing", "row27-null"])
def test_nothing_seen(judge: Ask, kind: str, options: dict[str, Any], document: Any) -> None:
    """What the source did not show completely is not decidable, for every judge of lists."""
    finding = judge(kind, document, **options)
    assert finding.verdict is HOLD
    assert "http look" in finding.reason


@pytest.mark.parametrize(
    ("document", "options", "observed", "details"),
    [
        ({"a": []}, {}, "0 found", ()),
        ({"a": ["x", {"b": 1}]}, {}, "2 found", ("x", '{"b": 1}')),
        ({"a": {"Lua": 3, "Elro": "n"}}, {}, "2 found", ("Lua: 3", "Elro: n")),
        ({"a": 7}, {}, "1 found", ("7",)),
        ({"a": [{"t": "9h", "m": "m1"}]}, {"show": "{t} {m.x} {m}"}, "1 found", ("9h - m1",)),
        ({"a": [{"t": "{m}", "m": "m1"}]}, {"show": "{t}"}, "1 found", ("{m}",)),
        ({"a": [{"n": {"x": 3}}]}, {"show": "n.x"}, "1 found", ("3",)),
        ({"a": ["q"]}, {"show": "<{it}>"}, "1 found", ("<q>",)),
        ({"a": [1, 2, 3]}, {"at_most_shown": 2}, "3 found", ("1", "2", "and 1 more")),
        ({"a": [1, 2]}, {"at_most_shown": 2}, "2 found", ("1", "2")),
    ],
)
def test_listed(
    judge: Ask, document: dict[str, Any], options: dict[str, Any], observed: str, details: tuple[str, ...]
) -> None:
    """A complete answer passes and its entries are shown; text of a server is never a template (row 117)."""
    finding = judge("listed", document, value="a", **options)
    assert (finding.verdict, finding.observed, finding.details) == (PASS, observed, details)


def test_listed_cannot_be_shown(judge: Ask) -> None:
    """An expression for a line that the entries do not fit is not decidable."""
    finding = judge("listed", {"a": [{"n": "x"}]}, value="a", show="{abs(n)}")
    assert finding.verdict is HOLD
    assert "abs" in finding.reason


@pytest.mark.parametrize(
    ("message", "is_normal"),
    [
        ("took 412 ms", "took <n> ms"),
        ("took 1.5s, 10:30", "took <n>s, <n>"),
        ("id 9f8b7c6d-1234-4abc-8def-0123456789ab gone", "id <id> gone"),
        ("trace deadbeef01 lost", "trace <id> lost"),
        ("session user-42 lost", "session <id> lost"),
        ("a  b\n c", "a b c"),
        ("no numbers", "no numbers"),
    ],
)
def test_normal(message: str, is_normal: str) -> None:
    """Numbers and ids are taken out, words stay."""
    assert normal(message) == is_normal


def test_patterns(judge: Ask) -> None:
    """From `at_least` entries on a pattern is named, the most frequent first."""
    entries = [{"error_type": "db", "message": f"no connection after {n} s"} for n in range(3)]
    entries += [{"error_type": "ai", "message": f"timeout of call {n}"} for n in range(5)]
    entries += [{"error_type": "once", "message": "odd"}, {"message": None}] * 2
    finding = judge("patterns", {"e": entries}, value="e")
    assert finding.verdict is PASS
    assert finding.observed == "2 patterns in 12 entries"
    assert finding.details == ("5 x ai: timeout of call <n>", "3 x db: no connection after <n> s")
    assert judge("patterns", {"e": entries}, value="e", at_least=4).observed == "1 pattern in 12 entries"
    assert judge("patterns", {"e": []}, value="e").verdict is PASS
    assert judge("patterns", {"e": ["text"]}, value="e").verdict is HOLD
    many = [{"error_type": f"type {chr(97 + n)}", "message": "x"} for n in range(25)] * 3
    assert judge("patterns", {"e": many}, value="e").details[-1] == "and 5 more"


def test_has_all(judge: Ask) -> None:
    """Every name of the environment's list has to be there; those that are not are named."""
    assert judge("has_all", {"a": ["Elro", "Lua", "Riri"]}, value="a", names="personas").verdict is PASS
    finding = judge("has_all", {"a": ["Lua", 3]}, value="a", names="personas", name="personas that answered")
    assert finding.verdict is FAIL
    assert finding.reason.startswith("personas that answered: 1 of 2, without Elro (canary.yaml:12")
    assert finding.details == ("missing: Elro", "found: Lua")
    assert judge("has_all", {"a": []}, value="a", names="personas").verdict is FAIL
    assert judge("has_all", {"a": ["x"]}, value="a", names="planets").verdict is HOLD


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("released v1.2.3.", True),
        ("(v1.2.3)", True),
        ("v1.2.3", True),
        ("released v1.2.30", False),
        ("v1.2.3.1 is out", False),
        ("v1.2.3-rc1", False),
        ("rv1.2.3", False),
        ("", False),
    ],
)
def test_has_text(judge: Ask, text: str, holds: bool) -> None:
    """Row 91: the notice of another version is not this one's."""
    finding = judge("has_text", {"a": [text, 3], "v": "v1.2.3"}, value="a", text="v", name="notices")
    assert finding.verdict is (PASS if holds else FAIL)
    assert finding.observed == f"{int(holds)} of 2"


def test_has_text_without_its_v(judge: Ask) -> None:
    """A version may stand with or without its v."""
    assert judge("has_text", {"a": ["v1.2.3 is out"], "v": "1.2.3"}, value="a", text="v").verdict is PASS
    assert judge("has_text", {"a": ["x1.2.3", "v1.2.31"], "v": "1.2.3"}, value="a", text="v").verdict is FAIL


@pytest.mark.parametrize("wanted", ["", " ", 3, None])
def test_has_text_of_nothing(judge: Ask, wanted: Any) -> None:
    """An empty text would stand in every message."""
    assert judge("has_text", {"a": ["x"], "v": wanted}, value="a", text="v").verdict is HOLD


def test_split(judge: Ask) -> None:
    """A line a group, in the order of hours and bands."""
    entries = [
        {"t": "2026-11-20T09:10:00Z", "p": "Lua", "len": 120, "ms": 400},
        {"t": "2026-11-20T08:10:00Z", "p": "Lua", "len": 20, "ms": 200},
        {"t": "2026-11-20T08:20:00Z", "p": None, "len": 49, "ms": 300},
    ]
    finding = judge("split", {"e": entries}, value="e", measure="ms", by=("p", "hour", "len"))
    assert finding.verdict is PASS
    assert finding.samples == 3
    assert finding.details == (
        "p Lua: P50 200, P95 400 (n=2)",
        "p none: P50 300, P95 300 (n=1)",
        "hour 2026-11-20 08h: P50 200, P95 300 (n=2)",
        "hour 2026-11-20 09h: P50 400, P95 400 (n=1)",
        "len 0-49: P50 200, P95 300 (n=2)",
        "len 100-149: P50 400, P95 400 (n=1)",
    )
    assert judge("split", {"e": []}, value="e", measure="ms", by=("p",)).verdict is HOLD


@pytest.mark.parametrize(("lacking", "verdict"), [(1, PASS), (2, HOLD)])
def test_split_without_measures(judge: Ask, lacking: int, verdict: Verdict) -> None:
    """Those that timed out may be just those without a time: more than a tenth of them is too much to leave out."""
    entries = [{"p": "Lua", "ms": None if n < lacking else 200} for n in range(10)]
    assert judge("split", {"e": entries}, value="e", measure="ms", by=("p",)).verdict is verdict


@pytest.mark.parametrize(("items", "verdict"), [(["Lua"] * 9, HOLD), (["Lua"] * 10, FAIL), (["Lua", "Elro"], PASS)])
def test_has_all_of_few(judge: Ask, items: list[str], verdict: Verdict) -> None:
    """A name that few texts lack is not missing yet."""
    assert judge("has_all", {"a": items}, value="a", names="personas", min_samples=10).verdict is verdict


@pytest.mark.parametrize(("grave", "verdict"), [(4, PASS), (5, FAIL)])
def test_error_mix(judge: Ask, grave: int, verdict: Verdict) -> None:
    """Server errors and timeouts decide from `below` on, client errors never."""
    entries = [{"status_code": 400, "error_type": "validation"}] * 9 + [{"message": "odd"}]
    entries += [{"status_code": 500, "error_type": "database"}] * (grave - 2)
    entries += [{"status_code": 504}, {"status_code": 200, "error_type": "vertex_timeout"}]
    finding = judge("error_mix", {"e": entries}, value="e")
    assert finding.verdict is verdict
    assert finding.observed == f"5xx {grave - 2}, timeout 2, 4xx 9, other 1"
    assert finding.details[0] == "4xx validation: 9"
    assert f"5xx and timeouts {grave} {'<' if verdict is PASS else '>='} 5" in finding.reason


def test_error_mix_of_nothing(judge: Ask) -> None:
    """No warnings and errors is what one hopes for; entries that are none are not decidable."""
    assert judge("error_mix", {"e": []}, value="e").verdict is PASS
    assert judge("error_mix", {"e": ["text"]}, value="e").verdict is HOLD


def _responses(failed: int, persona: str, of: int) -> list[dict[str, Any]]:
    return [
        {
            "status_code": 500 if n < failed else 200,
            "persona_used": persona,
            "user_id": f"u{n}",
            "t": f"2026-11-20T08:{n:02}:00Z",
        }
        for n in range(of)
    ]


@pytest.mark.parametrize(
    ("entries", "verdict", "text"),
    [
        (_responses(2, "Lua", 20), PASS, "all: 2 of 20 failed <= 0.1"),
        (_responses(3, "Lua", 20), FAIL, "all responses 3 of 20; persona Lua 3 of 20 failed > 0.1"),
        (_responses(3, "Lua", 10) + _responses(0, "Elro", 40), FAIL, "persona Lua 3 of 10 failed > 0.1"),
        (_responses(2, "Lua", 10) + _responses(0, "Elro", 40), PASS, "all: 2 of 50"),
        (_responses(3, "Lua", 30) + _responses(0, "Elro", 40), PASS, "all: 3 of 70"),
        (_responses(0, "Lua", 9), HOLD, "n=9/10"),
        (_responses(0, "Lua", 10), PASS, "all: 0 of 10"),
        ([], HOLD, "n=0/10"),
        ([{"t": "x"}], HOLD, "has no status_code"),
        ([{"status_code": True}], HOLD, "has no status_code"),
    ],
)
def test_scope(judge: Ask, entries: list[Any], verdict: Verdict, text: str) -> None:
    """An incident is more than a tenth of all responses, or of a persona's where three failed."""
    finding = judge("scope", {"e": entries}, value="e")
    assert finding.verdict is verdict
    assert text in finding.reason


def test_scope_tells_who_and_since_when(judge: Ask) -> None:
    """Personas, users and the first failure stand in the details."""
    finding = judge("scope", {"e": _responses(3, "Lua", 20)}, value="e")
    assert finding.details == (
        "all: 3 of 20 failed",
        "persona Lua: 3 of 20 failed",
        "users affected: 3 of 20",
        "since 2026-11-20 08:00 UTC",
    )


def test_complete(judge: Ask, see: Callable[..., Evidence]) -> None:
    """Every figure is there and listed; one that is not is named with its source."""
    looks = {"requests": see({"sum": 1234.5, "kinds": ["a"]}), "latency": see({"p95": 0.8, "who": "ops"})}
    figures = {"total requests": "requests.sum", "kinds": "requests.kinds", "by": "latency.who"}
    finding = judge("complete", looks, figures=figures)
    assert finding.verdict is PASS
    assert finding.details == ("total requests: 1234.5", 'kinds: ["a"]', "by: ops")
    lacking = judge("complete", looks, figures={**figures, "mean": "latency.mean"})
    assert lacking.verdict is HOLD
    assert "mean is not known (3 of 4 figures known)" in lacking.reason
    looks["canary"] = see({}, side="canary")
    worse = judge("complete", looks, figures={"mean": "latency.mean", "version": "canary.version"})
    assert worse.verdict is FAIL
    assert "version is not known" in worse.reason
    assert judge("complete", {"a": float("nan")}, figures={"a": "a"}).verdict is HOLD
    assert judge("complete", {"a": 10**400}, figures={"a": "a"}).verdict is HOLD
    assert judge("complete", {"a": True}, figures={"a": "a"}).details == ("a: true",)


@pytest.mark.parametrize(
    ("options", "values"),
    [
        (Complete, {"figures": {}}),
        (ErrorMix, {"value": "e", "below": 0}),
        (Listed, {"value": "e", "at_most_shown": 0}),
        (Patterns, {"value": "e", "at_least": 1}),
        (Scope, {"value": "e", "at_most": 1}),
        (Split, {"value": "e", "measure": "ms", "by": ()}),
    ],
)
def test_refuses_options(options: type, values: dict[str, Any]) -> None:
    """Options under which nothing could be found are refused."""
    with pytest.raises(ValueError, match=r"\w+"):
        options(**values)


@pytest.mark.parametrize(
    ("options", "values"),
    [
        (Bursts, {"min_count": 1, "share": 1}),
        (ErrorMix, {"below": 1}),
        (Even, {"min_samples": 1}),
        (Listed, {"at_most_shown": 1}),
        (Patterns, {"at_least": 2}),
        (Scope, {"at_most": 0, "min_count": 1, "min_samples": 1}),
        (Trend, {"tolerance": 0, "min_samples": 5}),
    ],
)
def test_accepts_the_edge(options: type, values: dict[str, Any]) -> None:
    """The strictest options that mean something are accepted."""
    made = options(value="e", **values)
    assert {key: getattr(made, key) for key in values} == values
