"""What a look means for the one who wonders whether the gate can see."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from gonogo.flows import doctor
from gonogo.flows.book import Book, Request, open_books
from gonogo.flows.doctor import Finding, examine, healthy, show
from gonogo.flows.initialise import initialise
from gonogo.model.errors import ConfigError
from gonogo.model.evidence import Cause, Evidence, Seen, Unseen

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


def _factory() -> Book:
    (book,) = open_books(Request(root=Path(__file__).parents[2], environments=("factory-local",)))
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
    found, text = doctor._state(Evidence(look="0", kind=kind, source="GET x", started=NOW, ended=NOW, outcome=outcome))
    assert found == state
    assert "GET x" in text
    if state in {"not there", "denied", "unreachable"}:
        assert text == "GET x: gone"
    seen = Evidence(look="0", kind=kind, source="GET x", started=NOW, ended=NOW, outcome=Seen(data={}))
    assert doctor._state(seen) == ("ok", "GET x")


def test_why_it_is_nobody_is_said_once() -> None:
    """Ten looks without credentials do not say ten times how to log in."""
    who = "nobody: no credentials found; log in"
    found = [
        Finding(place="cloud_run", state="denied", text=f"{one}: no credentials found; log in", who=who) for one in "ab"
    ]
    assert show(found) == f"cloud_run  as {who}\n  denied       a\n  denied       b\n0 of 2 looks can be taken\n"
    assert not healthy(found)


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
    (found,) = [one for one in examine(tmp_path, "shop") if one.place == "slack"]
    assert found.state == "not set up"
    assert "SHOP_SLACK is not set" in found.text


def test_what_is_not_there_names_its_phases() -> None:
    """A canary that has not begun is no broken environment: the line says whose it is, and how to look at one phase."""
    found = [
        Finding(place="kubernetes", state="ok", text="pods", who="w", phases=("daily", "canary")),
        Finding(place="kubernetes", state="not there", text="no canary", who="w", phases=("canary", "rollback")),
    ]
    assert show(found).splitlines()[1:] == [
        "  ok           pods",
        "  not there    no canary (for canary and rollback)",
        "1 of 2 looks can be taken",
        "what is not there may come with its phase: --phase NAME looks at what one phase needs",
    ]
    assert not healthy(found)
    denied = Finding(place="kubernetes", state="denied", text="no", who="w", phases=("canary",))
    assert "--phase" not in show([*found, denied])


def test_one_phase_is_looked_at_alone(tmp_path: Path) -> None:
    """Its items' back ends only; a phase that the system has not is named with the nearest, before anything starts."""
    initialise(tmp_path, "http://127.0.0.1:9/health", "shop")
    with pytest.raises(
        ConfigError, match=r"^shop has no phase 'predploy'; did you mean 'predeploy'\? \(it has predeploy"
    ):
        examine(tmp_path, "shop", phase="predploy")
    book = _factory()
    kinds = {
        phase: {one.look.kind for one in doctor._looks(doctor._checks(book, phase), book.environment)}
        for phase in ("canary", "quarterly")
    }
    assert "kubernetes_deployments" in kinds["canary"]
    assert "kubernetes_deployments" not in kinds["quarterly"]


def test_what_leaves_something_behind_is_not_tried() -> None:
    """A doctor looks; the team's collection posts, and runs with its phase only."""
    book = _factory()
    kinds = {one.look.kind for one in doctor._looks(book.checks, book.environment)}
    assert "postman" in {spec.kind for check in book.checks for spec in check.probes.values()}
    assert "postman" not in kinds
    assert "vulnerabilities" in kinds
