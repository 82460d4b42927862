"""Releases, waivers and faults."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from gonogo.config.faults import Fault, check_faults, load_faults
from gonogo.config.release import load_release
from gonogo.config.waivers import load_waivers
from gonogo.model.check import Phase
from gonogo.model.errors import ConfigError
from gonogo.model.verdict import Waiver

RELEASE = "version: v1.2.3\ncommit: 6f1c0b9a4d2e\nimage: registry.example/ion:v1.2.3\n"
WAIVER = (
    "{id: one, environment: ion-prod, release: v1.2.3, owner: ops, reason: known, until: 2026-12-01T09:00:00+09:00}"
)


def test_a_release_is_read(tmp_path: Path) -> None:
    """T0 needs no quotes, for nothing else could be meant; the rest is text and one number."""
    path = tmp_path / "release.yaml"
    path.write_text(RELEASE + "pull_request: 42\nt0: 2026-11-20T09:00:00+09:00\nnotes: 안녕\n", encoding="utf-8")
    made = load_release(path)
    assert (made.version, made.commit, made.pull_request) == ("v1.2.3", "6f1c0b9a4d2e", 42)
    assert made.t0 == "2026-11-20T09:00:00+09:00"
    assert made.notes == "안녕"
    path.write_text(RELEASE + "t0: '2026-11-20T09:00:00Z'\n", encoding="utf-8")
    assert load_release(path).t0 == "2026-11-20T09:00:00Z"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (RELEASE.replace("6f1c0b9a4d2e", "'1234567'"), None),
        (RELEASE.replace("6f1c0b9a4d2e", "1234567"), '2:9: commit wants a text; write "1234567" in quotes'),
        (RELEASE.replace("v1.2.3\ncommit", "v1 2\ncommit"), "1:10: version holds white space"),
        (RELEASE + "pull_request: 0\n", "4:15: pull_request is a number from 1 up"),
        (RELEASE + "t0: 2026-13-20T09:00:00Z\n", "4:5: t0 wants a moment"),
        ("version: v1\n", "1:1: this file has no 'commit', which it needs"),
        ("[a]\n", "1:1: this file wants a mapping"),
    ],
)
def test_a_release_that_is_none_is_refused(tmp_path: Path, changed: str, said: str | None) -> None:
    """A commit of digits alone wants quotes; moments have to exist."""
    path = tmp_path / "release.yaml"
    path.write_text(changed, encoding="utf-8")
    if said is None:
        assert load_release(path).commit == "1234567"
        return
    with pytest.raises(ConfigError) as caught:
        load_release(path)
    assert f"release.yaml:{said}" in str(caught.value)


def test_waivers_are_read(tmp_path: Path) -> None:
    """Each is bound to one item, environment and release, and ends at a moment with its zone."""
    path = tmp_path / "waivers.yaml"
    path.write_text(f"- {WAIVER}\n- {WAIVER}\n- {WAIVER.replace('v1.2.3', 'v1.2.4')}\n", encoding="utf-8")
    first, renewed, second = load_waivers(path)
    assert renewed == first
    assert first == Waiver(
        id="one",
        environment="ion-prod",
        release="v1.2.3",
        owner="ops",
        reason="known",
        until=datetime(2026, 12, 1, 0, 0, tzinfo=UTC),
    )
    assert second.release == "v1.2.4"


def test_no_waivers_are_written_as_an_empty_list(tmp_path: Path) -> None:
    """`[]` says that there are none; an empty file says nothing and is refused."""
    path = tmp_path / "waivers.yaml"
    path.write_text("[]\n", encoding="utf-8")
    assert load_waivers(path) == ()
    path.write_text("", encoding="utf-8")
    with pytest.raises(ConfigError, match="is empty"):
        load_waivers(path)


@pytest.mark.parametrize("key", ["id", "environment", "release", "owner", "reason", "until"])
def test_a_waiver_needs_every_key(tmp_path: Path, key: str) -> None:
    """Nobody waives anonymously, without a reason or without an end."""
    path = tmp_path / "waivers.yaml"
    path.write_text(f"- {WAIVER.replace(f'{key}: ', f'x{key}: ')}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=f"'x{key}' is not a key of waiver 1; did you mean '{key}'"):
        load_waivers(path)


def test_faults_are_read(tmp_path: Path) -> None:
    """By name, with phases and the items that they turn red."""
    path = tmp_path / "faults.yaml"
    path.write_text(
        "api-down:\n  what: The API is down\n  phases: [predeploy, daily]\n  turns: [one]\n", encoding="utf-8"
    )
    faults = load_faults(path)
    assert faults == {
        "api-down": Fault(
            what="The API is down",
            phases=(Phase.PREDEPLOY, Phase.DAILY),
            turns=("one",),
            origin=faults["api-down"].origin,
        )
    }
    assert faults["api-down"].origin.line == 1


def test_an_unknown_fault_gets_the_nearest_name(tmp_path: Path) -> None:
    """Nothing is rehearsed under a name that is none."""
    path = tmp_path / "faults.yaml"
    path.write_text("api-down: {what: w, phases: [daily], turns: [one]}\n", encoding="utf-8")
    faults = load_faults(path)
    check_faults(["api-down"], faults)
    with pytest.raises(ConfigError, match="there is no fault 'api-dwn'; did you mean 'api-down'"):
        check_faults(["api-dwn"], faults)


def test_only_a_fault_of_a_watch_begins_later(tmp_path: Path) -> None:
    """NAME@2m is for what a watch sees, and the time is one."""
    path = tmp_path / "faults.yaml"
    path.write_text(
        "api-down: {what: w, phases: [daily], turns: [one]}\nleak: {what: w, watch: [memory]}\n", encoding="utf-8"
    )
    faults = load_faults(path)
    check_faults(["leak", "leak@30s", "leak@2m", "leak@1h"], faults)
    with pytest.raises(ConfigError, match="'api-down' cannot begin later"):
        check_faults(["api-down@2m"], faults)
    for wrong in ("leak@", "leak@2", "leak@-2m", "leak@2d", "leak@2m@3m"):
        with pytest.raises(ConfigError, match="begins at no time"):
            check_faults([wrong], faults)
