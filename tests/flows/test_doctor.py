"""What a look means for the one who wonders whether the gate can see."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gonogo.config.secrets import Secrets
from gonogo.flows import doctor
from gonogo.flows.book import Book, Request, open_books
from gonogo.flows.doctor import Examined, Finding, examine, healthy, show
from gonogo.flows.doctor_looks import looks, untried
from gonogo.flows.doctor_take import state as state_of
from gonogo.flows.doctor_take import take_all
from gonogo.flows.doctor_who import who_at
from gonogo.flows.initialise import initialise
from gonogo.model.environment import BackEnd
from gonogo.model.errors import ConfigError
from gonogo.model.evidence import Cause, Evidence, Seen, Unseen
from gonogo.model.run import PlannedLook
from gonogo.probes.base import Vantage

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


def _factory() -> Book:
    (book,) = open_books(Request(root=ROOT, environments=("factory-local",)))
    return book


@pytest.mark.parametrize(
    ("kind", "cause", "state"),
    [
        ("cloud_monitoring", Cause.NO_DATA, "ok"),
        ("prometheus", Cause.NO_DATA, "ok"),
        ("csv_file", Cause.NO_DATA, "not there"),
        ("slack", Cause.NO_DATA, "not there"),
        ("registry_image", Cause.NO_DATA, "not there"),
        ("http", Cause.DENIED, "denied"),
        ("http", Cause.TIMEOUT, "unreachable"),
        ("http", Cause.BROKEN, "odd"),
    ],
)
def test_states(kind: str, cause: Cause, state: str) -> None:
    """A metric without points can be read; a file, a channel, an instance that is not there cannot."""
    outcome = Unseen(cause=cause, detail="GET x: gone")
    found, text = state_of(Evidence(look="0", kind=kind, source="GET x", started=NOW, ended=NOW, outcome=outcome))
    assert found == state
    assert "GET x" in text
    if state in {"not there", "denied", "unreachable"}:
        assert text == "GET x: gone"
    seen = Evidence(look="0", kind=kind, source="GET x", started=NOW, ended=NOW, outcome=Seen(data={}))
    assert state_of(seen) == ("ok", "GET x")


def test_what_was_asked_is_not_told_again() -> None:
    """A line names the items; a statement that is cut off in its middle helps nobody."""
    sql = "select " + ", ".join(f"column_{number}" for number in range(40))
    denied = Unseen(
        cause=Cause.DENIED,
        detail=f"db:5432: permission denied for table intents (42501): {' '.join(sql.split())[:200]}",
    )
    seen = Evidence(
        look="0", kind="postgres", source=f"postgres db:5432 {sql[:120]}", started=NOW, ended=NOW, outcome=denied
    )
    assert state_of(seen, sql) == (
        "denied",
        "postgres db:5432: permission denied for table intents (42501)",
    )
    fine = Evidence(
        look="0", kind="prometheus", source="http://p sum(up)", started=NOW, ended=NOW, outcome=Seen(data={})
    )
    assert state_of(fine, "sum(up)") == ("ok", "http://p")


@pytest.mark.parametrize(
    "data",
    [
        {"deployments": [{"name": "a"}], "missing": ["judgement-servce"]},
        {"workloads": [{"name": "a", "kind": "Deployment"}, {"name": "judgement-servce", "kind": None}]},
    ],
)
def test_a_misspelt_workload_is_not_there(data: dict[str, object]) -> None:
    """The others of the environment's list are found, and yet the name is wrong."""
    one = Evidence(
        look="0", kind="kubernetes_pods", source="pods in p", started=NOW, ended=NOW, outcome=Seen(data=data)
    )
    assert state_of(one) == ("not there", "pods in p: no judgement-servce, which the environment names")
    assert state_of(replace(one, kind="declared")) == ("ok", "pods in p")


def test_why_it_is_nobody_is_said_once() -> None:
    """Ten looks without credentials do not say ten times how to log in."""
    who = "nobody: no credentials found; log in"
    found = Examined(
        findings=tuple(
            Finding(place="cloud_run", state="denied", text=f"{one}: no credentials found; log in", who=who)
            for one in "ab"
        )
    )
    assert show(found) == f"cloud_run  as {who}\n  denied       a\n  denied       b\n0 of 2 looks can be taken\n"
    assert not healthy(found)


def test_the_same_from_many_items_is_one_line() -> None:
    """Each item that wants it is named with its phase, the first few of many."""
    ids = [(f"shop-{number}", "daily") for number in range(6)]
    found = Examined(
        findings=tuple(
            Finding(
                place="postgres",
                state="unreachable",
                text="db:5432: refused",
                who="w",
                items=(one, ("shop-w", "weekly")),
            )
            for one in ids
        )
    )
    assert show(found).splitlines()[1] == (
        "  unreachable  shop-0, shop-1, shop-2 and 3 more (daily), shop-w (weekly): db:5432: refused (6 looks)"
    )


_CHANNEL = """
  - id: shop-pre-said
    title: {en: It was announced}
    probe: {slack: {channel: releases, since_t0: true}}
    pass:
      - expect: {value: count, at_least: 1}
    remedy: Announce it.
"""


def test_a_token_that_is_not_set_is_never_ok(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is looked at since T0 is asked for too, though doctor knows no T0: without its token it is not set up."""
    monkeypatch.delenv("SHOP_SLACK", raising=False)
    initialise(tmp_path, "http://127.0.0.1:9/health", "shop")
    environment = tmp_path / "environments" / "shop.yaml"
    slack = "back_ends:\n  slack: {address: 'http://127.0.0.1:9', auth: {kind: bearer, secret: SHOP_SLACK}}\n"
    environment.write_text(environment.read_text(encoding="utf-8") + slack, encoding="utf-8")
    checklist = tmp_path / "checks" / "shop" / "predeploy.yaml"
    checklist.write_text(checklist.read_text(encoding="utf-8") + _CHANNEL.lstrip("\n"), encoding="utf-8")
    (found,) = [one for one in examine(tmp_path, "shop").findings if one.place == "slack"]
    assert found.state == "not set up"
    assert "SHOP_SLACK is not set" in found.text


def _absent(*phases: str) -> Finding:
    items = tuple((f"shop-{phase}", phase) for phase in phases)
    return Finding(place="kubernetes", state="not there", text="no deployment shop-canary", who="w", items=items)


def test_what_is_not_there_names_its_phases() -> None:
    """A canary that has not begun is no broken environment: the line says whose it is, and when it counts."""
    found = Examined(
        findings=(
            Finding(place="kubernetes", state="ok", text="pods", who="w", items=(("shop-day", "daily"),)),
            _absent("canary", "rollback"),
        )
    )
    assert show(found).splitlines()[1:] == [
        "  ok           pods",
        "  not there    shop-canary (canary), shop-rollback (rollback): no deployment shop-canary",
        "1 of 2 looks can be taken",
        (
            "1 is readable, and what is looked for is not there now: it comes with phase canary and rollback, "
            "and counts with --phase canary or --phase rollback"
        ),
    ]
    assert healthy(found)


@pytest.mark.parametrize("always", ["predeploy", "daily", "weekly", "monthly", "quarterly", "incident"])
def test_what_is_needed_on_any_day_is_missing(always: str) -> None:
    """A typo in a name of every day is no GO, whoever else looks there; nor is a canary's in its own phase."""
    assert not healthy(Examined(findings=(_absent("canary", always),)))
    assert not healthy(Examined(findings=(_absent("canary"),), phase="canary"))
    assert not healthy(Examined(findings=(_absent(),)))
    for state in ("denied", "unreachable", "odd", "not set up"):
        one = replace(_absent("canary"), state=state)
        assert not healthy(Examined(findings=(one, _absent("canary")))), state
    assert not healthy(Examined(findings=()))


def test_one_phase_is_looked_at_alone(tmp_path: Path) -> None:
    """Its items' back ends only; a phase that the system has not is named with the nearest, before anything starts."""
    initialise(tmp_path, "http://127.0.0.1:9/health", "shop")
    with pytest.raises(
        ConfigError, match=r"^shop has no phase 'predploy'; did you mean 'predeploy'\? \(it has predeploy"
    ):
        examine(tmp_path, "shop", phase="predploy")
    book = _factory()
    kinds = {
        phase: {one.look.kind for one in looks(doctor._checks(book, phase), book.environment)}
        for phase in ("canary", "quarterly")
    }
    assert "kubernetes_deployments" in kinds["canary"]
    assert "kubernetes_deployments" not in kinds["quarterly"]


def test_what_does_more_than_read_is_not_tried() -> None:
    """A doctor looks; the team's collection posts, a restore acts, a what-if makes the service work. It is said."""
    book = _factory()
    kinds = {one.look.kind for one in looks(book.checks, book.environment)}
    more = {"postman", "restore", "what_if"}
    assert more <= {spec.kind for check in book.checks for spec in check.probes.values()}
    assert not more & kinds
    assert "vulnerabilities" in kinds
    left_out = untried(book.checks)
    assert dict(left_out)["what_if"] == ("fac-inc-simulate",)
    assert not [one for _, ids in left_out for one in ids if one.startswith("fac-smoke-postman.")]
    assert "\nnot tried, since it does more than read: " in show(
        Examined(findings=(_absent("canary"),), untried=left_out)
    )


def test_every_distinct_look_is_asked_for() -> None:
    """Rights are given table by table: the sixth statement may be the one that is denied."""
    book = _factory()
    asked = [one for one in looks(book.checks, book.environment) if one.look.kind == "postgres"]
    wanted = {
        " ".join(spec.options.sql.split())
        for check in book.checks
        for spec in check.probes.values()
        if spec.kind == "postgres"
    }
    assert {" ".join(one.look.options.sql.split()) for one in asked} == wanted
    assert len(wanted) > 10
    assert all(one.items for one in asked)
    keys = [(one.place, one.look.key) for one in looks(book.checks, book.environment)]
    assert len(keys) == len(set(keys))


class _Busy:
    """A collector that knows how many looks were at one place at once, and how often each was taken."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.now: Counter[str] = Counter()
        self.most: Counter[str] = Counter()
        self.taken: Counter[str] = Counter()

    def take(self, look: PlannedLook) -> Evidence:
        with self.lock:
            self.taken[look.key] += 1
            self.now[look.kind] += 1
            self.most[look.kind] = max(self.most[look.kind], self.now[look.kind])
        time.sleep(0.002)
        with self.lock:
            self.now[look.kind] -= 1
        return Evidence(look=look.key, kind=look.kind, source="x", started=NOW, ended=NOW, outcome=Seen(data={}))


def test_few_looks_at_one_place_at_once() -> None:
    """A database has few sessions to spare; a look that two places share is taken once."""
    book = _factory()
    asked = list(looks(book.checks, book.environment))
    busy = _Busy()
    found = take_all(busy, asked)  # type: ignore[arg-type]
    assert 1 < busy.most["postgres"] <= 4
    assert set(busy.taken.values()) == {1}
    assert set(found) == {one.look.key for one in asked}
    assert len(asked) > len(found)  # row counts are at two places


class _Hanging(_Busy):
    """Of one place, nothing ever comes back; another's probe ends its thread."""

    def __init__(self, release: threading.Event) -> None:
        super().__init__()
        self.release = release

    def take(self, look: PlannedLook) -> Evidence:
        if look.kind == "redis":
            self.release.wait(30)
        if look.kind == "dns":
            raise SystemExit(3)
        return super().take(look)


def test_a_look_that_hangs_is_not_waited_for() -> None:
    """The others are told all the same, and who hung."""
    release = threading.Event()
    book = _factory()
    asked = [one for one in looks(book.checks, book.environment) if one.look.kind in {"redis", "dns", "forge_checks"}]
    try:
        found = take_all(_Hanging(release), asked, timedelta(seconds=1))  # type: ignore[arg-type]
    finally:
        release.set()
    assert found["redis 0"] == ("unreachable", "redis: the look did not end within 1s")
    assert found["dns 0"] == ("odd", "the dns probe ended with SystemExit")
    assert found["forge_checks 0"][0] == "ok"


def test_faults_are_for_what_is_rehearsed() -> None:
    """Nothing is started for a fault that nobody has."""
    with pytest.raises(ConfigError, match="has no fault 'intents-denid'; did you mean 'intents-denied'"):
        examine(ROOT, "factory-local", faults=("intents-denid",))
    with pytest.raises(ConfigError, match="--fault is for rehearsed environments"):
        examine(ROOT, "factory-prod", faults=("intents-denied",))


def test_who_one_is_to_a_cluster(tmp_path: Path) -> None:
    """A kubeconfig has a user; a kubeconfig that is not there has nobody, and says why."""
    back_end = BackEnd(names={"kubeconfig": str(tmp_path / "config")})
    environment = replace(_factory().environment, back_ends={"kubernetes": back_end})
    secrets = Secrets(environment, {})
    vantage = Vantage(environment=environment, release=None, now=NOW, t0=None, reveal=secrets.reveal)
    assert who_at("kubernetes", environment, vantage, secrets).startswith("nobody: ")
    config = {
        "current-context": "main",
        "contexts": [{"name": "main", "context": {"cluster": "c", "user": "reader"}}],
        "users": [{"name": "reader", "user": {"token": "sesame"}}],
    }
    (tmp_path / "config").write_text(json.dumps(config), encoding="utf-8")
    assert who_at("kubernetes", environment, vantage, secrets) == "user reader of context main in config"
