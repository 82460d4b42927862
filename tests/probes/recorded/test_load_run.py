"""Load runs as evidence: which record is read, which is not believed, and what is made for an item."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gonogo.model.environment import Environment, Guards, Release, Side
from gonogo.model.errors import ConfigError, Origin
from gonogo.model.evidence import Cause, Seen, Unseen, plain
from gonogo.model.ratelimit import Algorithm, Policy
from gonogo.model.sealed import sealed
from gonogo.probes.base import Vantage
from gonogo.probes.failure import Failure
from gonogo.probes.recorded.load_run import PROBE, LoadRun

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
RELEASE = Release(version="v1.2.3", commit="0123456789abcdef", image="ion-api:v1.2.3", origin=Origin(file="rel.yaml"))
LIMIT = Policy(path="/a", algorithm=Algorithm.SLIDING_LOG, limit=20, window=timedelta(minutes=1), retry_after=True)
TO_LIMIT = LoadRun(canary_path="/a", legacy_path="/health")
SHOWN = ("P1", "P2", "P3", "P4", "P5")


@dataclass
class Loads:
    """Load runs that a test lays out."""

    reports: Path
    rehearsed: bool = False
    fitting: tuple[str, ...] = ("aggressive", "burst")
    made: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    makes: Path | None = None

    def reaching(self, policies: Sequence[Policy]) -> tuple[str, ...]:
        assert list(policies) == [LIMIT]
        return self.fitting

    def make(
        self, profile: str, asked: Mapping[str, str | None], policies: Sequence[Policy], within: timedelta
    ) -> Path:
        self.made.append((profile, dict(asked)))
        if self.makes is None:
            raise Failure(Cause.TIMEOUT, f"not over within {within} of {len(policies)}")
        return self.makes


@pytest.fixture
def loads(tmp_path: Path) -> Loads:
    return Loads(reports=tmp_path)


def vantage(loads: Loads | None, **more: Any) -> Vantage:
    """ion-canary with a limit on /a."""
    sides = {"canary": Side(url="https://canary.example"), "stable": Side(url="https://api.example/base")}
    environment = Environment(
        name="ion-canary", system="ion", describe="x", sides=sides, policies=(LIMIT,),
        guards=Guards(profiles=("gentle", "aggressive")),
    )  # fmt: skip
    made: dict[str, Any] = {"environment": environment, "release": RELEASE, "now": NOW, **more}
    return Vantage(t0=None, reveal=str, loads=loads, **made)


def side(endpoint: str, verdict: str = "pass", proves: Sequence[str] = SHOWN) -> dict[str, Any]:
    """One side of a load.json."""
    return {
        "endpoint": endpoint, "requested_rate": None, "achieved_rate": 2.0, "requests": 25,
        "outcomes": {"accepted": {"count": 20}, "limited": {"count": 5}, "error": {"count": 0}},
        "statuses": {"200": 20, "429": 5}, "errors": {}, "histograms": [], "slos": [],
        "rate_limit": [
            {"id": one, "path": endpoint.split()[1], "verdict": verdict, "reason": "seen", "decides": True}
            for one in proves
        ],
    }  # fmt: skip


def record(**more: Any) -> dict[str, Any]:
    """A load.json that is GO, and what a test changes in it."""
    made = {
        "schema": "gonogo/load/1", "run_id": "abc", "environment": "ion-canary",
        "release": {"version": "v1.2.3", "commit": "0123456789abcdef", "image": "x"},
        "policies": {"canary": plain(LIMIT)}, "profile": {"name": "aggressive", "proves": list(SHOWN)},
        "started": "2026-11-20T08:00:00+00:00", "ended": "2026-11-20T08:00:15+00:00",
        "decision": "GO", "exit_status": 0, "reasons": [], "workers": {"expected": 1, "seen": 1}, "aborted": None,
        "sides": {"canary": side("GET /a"), "legacy": side("GET /base/health")}, "timeline": [],
    }  # fmt: skip
    return {**made, **more}


def keep(
    reports: Path, document: Mapping[str, Any], name: str = "20261120T080000Z-ion-canary-aggressive-abcdef"
) -> Path:
    """The document in a folder of its run, with its digest."""
    path = reports / name / "load.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(sealed(document), indent=1), encoding="utf-8")
    return path


def seen(options: LoadRun, at: Vantage) -> Mapping[str, Any]:
    """What the look came to, which is something."""
    outcome = PROBE.look(options, at).outcome
    assert isinstance(outcome, Seen), outcome
    return outcome.data


def unseen(options: LoadRun, at: Vantage) -> str:
    """Why the look came to nothing."""
    outcome = PROBE.look(options, at).outcome
    assert isinstance(outcome, Unseen), outcome
    return outcome.detail


def test_a_record_is_read(loads: Loads) -> None:
    """The newest run of a profile that reaches the limit tells, and nothing is sent."""
    keep(loads.reports, record())
    found = seen(TO_LIMIT, vantage(loads))
    assert loads.made == []
    assert (found["profile"], found["decision"], found["made"], found["run"]) == ("aggressive", "GO", False, "abc")
    assert found["limits"] == {"canary": "20 in 1m (sliding_log)"}
    assert found["sides"]["canary"]["limited"] == 5
    assert found["sides"]["canary"]["properties"]["P3"] == {"verdict": "pass", "reason": "seen", "decides": True}


def test_the_newest_decides(loads: Loads) -> None:
    """A later NO-GO is not passed over for an earlier GO; a later run of other paths, or of gentle, is."""
    keep(loads.reports, record())
    bad = record(decision="NO-GO", exit_status=1, reasons=["canary: P3"], run_id="later")
    keep(loads.reports, bad, "20261120T081500Z-ion-canary-burst-aaaaaa")
    wrong = replace(TO_LIMIT, max_age=timedelta(hours=24))
    assert unseen(wrong, vantage(replace(loads, fitting=("burst",)))).startswith("the run is of the profile aggressive")
    burst = {**bad, "profile": {"name": "burst", "proves": list(SHOWN)}}
    keep(loads.reports, burst, "20261120T081500Z-ion-canary-burst-aaaaaa")
    keep(loads.reports, record(sides={"canary": side("GET /other")}), "20261120T083000Z-ion-canary-burst-bbbbbb")
    keep(loads.reports, record(), "20261120T084500Z-ion-canary-gentle-cccccc")
    found = seen(TO_LIMIT, vantage(loads))
    assert (found["run"], found["decision"], found["reasons"]) == ("later", "NO-GO", ["canary: P3"])


COMMAND = (
    "locust -f loadtests/locustfile.py --env ion-canary --profile aggressive --release rel.yaml --canary-path /a"
    " --headless"
)


def test_no_record_says_which_command_makes_one(loads: Loads) -> None:
    """HOLD names the command, with environment, profile, release and paths."""
    assert unseen(TO_LIMIT, vantage(loads)).endswith(f"; run: {COMMAND}")
    assert unseen(TO_LIMIT, vantage(replace(loads, reports=loads.reports / "no"))).endswith(COMMAND)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"ended": "2026-11-18T08:00:15+00:00", "started": "2026-11-18T08:00:00+00:00"}, "2d old, at most 1d"),
        ({"ended": "2026-11-20T10:00:15+00:00"}, "no time that a run ends at"),
        ({"started": "2026-11-20T08:30:00+00:00"}, "no time that a run ends at"),
        ({"started": "yesterday"}, "'yesterday' is no time"),
        ({"environment": "ion-staging"}, "of ion-staging, not of ion-canary"),
        ({"release": {"version": "v1.2.2", "commit": "fedc", "image": "x"}}, "of v1.2.2 (fedc), not of v1.2.3"),
        ({"release": None}, "names no release"),
        ({"policies": {}}, "against other policies than those declared now"),
        ({"schema": "gonogo/load/2"}, "not of schema gonogo/load/1"),
        ({"decision": "GO", "exit_status": 6}, "GO does not go with exit status 6"),
        ({"decision": "MAYBE"}, "MAYBE does not go with exit status 0"),
        ({"reasons": ["the run ended early"]}, "GO, and not proven is anything"),
        ({"sides": {}}, "GO, and not proven is anything"),
        ({"sides": {"canary": side("GET /a")}}, "nothing of legacy stands in the run"),
        ({"sides": {"canary": side("GET /a", "fail")}}, "not proven is canary: P1"),
        ({"sides": {"canary": side("GET /a", proves=["P2"])}}, "not proven is canary: P1"),
        ({"sides": {"canary": {**side("GET /a"), "requests": True}}}, "sides.canary: requests is of the wrong type"),
        ({"sides": {"canary": 3}}, "sides.canary is no object"),
        ({"timeline": None}, "timeline is of the wrong type (NoneType)"),
    ],
)
def test_a_record_that_tells_nothing(loads: Loads, change: dict[str, Any], why: str) -> None:
    """Stale, of another environment, release or policy, or at odds with itself: no evidence, with the reason."""
    keep(loads.reports, record(**change))
    told = unseen(TO_LIMIT, vantage(loads))
    assert why in told
    assert told.endswith(COMMAND)


def test_a_record_that_was_touched_or_torn(loads: Loads) -> None:
    """A byte that was edited, half a file, no JSON and no file are each told."""
    path = keep(loads.reports, record(decision="NO-GO", exit_status=1, reasons=["canary: P3"]))
    whole = path.read_text(encoding="utf-8")
    path.write_text(whole.replace('"NO-GO"', '"GO"').replace('"exit_status": 1', '"exit_status": 0'), encoding="utf-8")
    assert "was changed after its run" in unseen(TO_LIMIT, vantage(loads))
    path.write_text(whole[: len(whole) // 2], encoding="utf-8")
    assert "load.json" in unseen(TO_LIMIT, vantage(loads))
    path.write_text("[]", encoding="utf-8")
    assert "not of schema" in unseen(TO_LIMIT, vantage(loads))
    path.unlink()
    assert "No such file" in unseen(TO_LIMIT, vantage(loads))


def test_gentle_is_made_also_on_a_live_system(loads: Loads) -> None:
    """Whatever is recorded: gentle costs three requests a side."""
    keep(loads.reports, record(profile={"name": "gentle", "proves": ["P2"]}), "20261120T080000Z-ion-canary-gentle-aa")
    ran = datetime.now(UTC).isoformat()
    made = record(profile={"name": "gentle", "proves": ["P2"]}, run_id="made", started=ran, ended=ran)
    path = keep(loads.reports, made, "20261120T090000Z-ion-canary-gentle-bb")
    options = LoadRun(profile="gentle", canary_path="/a")
    found = seen(options, vantage(replace(loads, makes=path)))
    assert (found["run"], found["made"]) == ("made", True)
    assert unseen(options, vantage(loads)) == "not over within 0:01:00 of 1"
    assert loads.made[0][0] == "gentle"
    assert loads.made[0][1] == {"method": "GET", "canary_path": "/a", "legacy_path": "/health", "body": None}


def test_another_profile_is_made_in_a_rehearsal_only(loads: Loads) -> None:
    """What is not gentle waits for a person on a live system; a rehearsal runs it, whatever was recorded."""
    keep(loads.reports, record())
    assert unseen(TO_LIMIT, vantage(replace(loads, rehearsed=True))).startswith("not over within")
    assert [name for name, _ in loads.made] == ["aggressive"]
    seen(replace(TO_LIMIT, profile="aggressive"), vantage(loads))
    assert len(loads.made) == 1


def test_no_limit_needs_no_run(loads: Loads) -> None:
    """Where nothing is declared, or that nothing is rejected, there is no limit to be reached."""
    found = seen(replace(TO_LIMIT, canary_path="/free"), vantage(loads))
    assert (found["run"], found["limits"]) == (None, {})


def test_a_limit_that_no_allowed_profile_reaches(loads: Loads) -> None:
    """It is said which profiles are allowed."""
    told = unseen(TO_LIMIT, vantage(replace(loads, fitting=())))
    assert told.startswith("no allowed profile reaches 20 in 1m (sliding_log) of canary (guards.profiles: gentle, ag")


def test_it_comes_last_where_a_limit_is_declared() -> None:
    """Other looks need the limit that it uses up."""
    environment = vantage(None).environment
    assert PROBE.last(TO_LIMIT, environment)
    assert not PROBE.last(replace(TO_LIMIT, canary_path="/free"), environment)


def test_without_load_runs_at_hand(loads: Loads) -> None:
    """A look from where no load may be sent is the observer's failure, not a GO."""
    assert "cannot be made or read" in unseen(TO_LIMIT, replace(vantage(loads), loads=None))


@pytest.mark.parametrize(
    "wrong",
    [
        {"canary_path": "a"},
        {"method": "DELETE"},
        {"body": {"a": 1}},
        {"deadline": timedelta(0)},
        {"max_age": timedelta(0)},
    ],
)
def test_options(wrong: dict[str, Any]) -> None:
    """Paths begin with a slash, a body goes with POST, times are longer than 0."""
    with pytest.raises(ConfigError):
        LoadRun(**wrong)
