"""Checklist files into checks."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gonogo.config.checklist import check_against, check_expressions, check_from_raw, load_checklists
from gonogo.model.check import Area, Check, Eventually, Mode, Phase, Severity
from gonogo.model.environment import Environment
from gonogo.model.errors import ConfigError, Origin

TEXT = """\
system: ion
phase: predeploy
defaults: {area: technical, owner: ops, source: "runbook, T-1h", at: T-1h}
items:
  - id: ion-pre-api-health
    title: {en: ION API is healthy, ko: ION API 상태가 정상이다}
    probe: {http: {side: stable, path: /api/health}}
    pass:
      - expect: {value: json.status, equals: healthy}
      - expect:
          value: elapsed_ms
          objective: chat_p95
    remedy: Do not deploy.
  - id: ion-pre-compare
    title: {en: Both answer}
    at: T+60m
    area: monitoring
    owner: sre
    severity: advisory
    probes:
      canary: {http: {side: canary, body: {message: 안녕, n: [1, null]}, every: 1.5s}}
      legacy: {http: {side: stable}}
    pass: [{expect: {value: canary.status, equals: 200}}]
    eventually: {within: 5m, every: 10s}
    action: metrics-reset
    remedy: Look.
  - id: ion-pre-team-ready
    title: {en: The team is ready}
    area: team
    mode: signoff
    remedy: Ask.
  - id: ion-pre-readiness
    title: {en: Readiness}
    pass: [{summary: {}}]
    remedy: Look at what failed.
"""
Registry = Mapping[str, Any]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "checks"
    (made / "ion").mkdir(parents=True)
    (made / "ion" / "predeploy.yaml").write_text(TEXT, encoding="utf-8")
    return made


@pytest.fixture
def checks(folder: Path, probes: Registry, judges: Registry) -> dict[str, Check]:
    return {check.id: check for check in load_checklists(folder, probes, judges)}


def test_an_item_takes_what_it_does_not_say_from_the_defaults(checks: dict[str, Check]) -> None:
    """Area, owner, source and place on the timeline; a single probe is called `it`."""
    made = checks["ion-pre-api-health"]
    assert (made.system, made.phase, made.area, made.owner) == ("ion", Phase.PREDEPLOY, Area.TECHNICAL, "ops")
    assert (made.at, made.severity, made.mode) == (timedelta(hours=-1), Severity.BLOCKING, Mode.AUTO)
    assert made.title["ko"] == "ION API 상태가 정상이다"
    assert list(made.probes) == ["it"]
    assert (made.probes["it"].kind, made.probes["it"].options.path) == ("http", "/api/health")
    assert [rule.options.objective for rule in made.rules] == [None, "chat_p95"]


def test_an_item_says_otherwise(checks: dict[str, Check]) -> None:
    """Everything that an item may set, with several probes."""
    made = checks["ion-pre-compare"]
    assert (made.area, made.owner, made.severity) == (Area.MONITORING, "sre", Severity.ADVISORY)
    assert made.at == timedelta(hours=1)
    assert list(made.probes) == ["canary", "legacy"]
    options = made.probes["canary"].options
    assert options.body == {"message": "안녕", "n": [1, None]}
    assert options.every == timedelta(seconds=1.5)
    assert made.eventually == Eventually(within=timedelta(minutes=5), every=timedelta(seconds=10))
    assert made.action == "metrics-reset"


def test_a_signoff_brings_its_probe_and_its_rule(checks: dict[str, Check]) -> None:
    """Nothing has to be written for it: the records of its own id are looked at, and signed is the rule."""
    made = checks["ion-pre-team-ready"]
    assert made.mode is Mode.SIGNOFF
    assert made.probes["it"].options.id == "ion-pre-team-ready"
    assert [rule.kind for rule in made.rules] == ["signed"]


def test_an_item_that_sums_up_needs_no_probe(checks: dict[str, Check]) -> None:
    """It is judged from the other verdicts."""
    assert checks["ion-pre-readiness"].probes == {}


def test_items_probes_and_rules_know_their_lines(checks: dict[str, Check]) -> None:
    """File names start from the project root."""
    made = checks["ion-pre-api-health"]
    assert str(made.origin) == "checks/ion/predeploy.yaml:5:5"
    assert made.probes["it"].origin.line == 7
    assert [rule.origin.line for rule in made.rules] == [9, 10]


def test_a_check_comes_back_from_its_raw_form(checks: dict[str, Check], probes: Registry, judges: Registry) -> None:
    """plan.json holds all of it: the check rebuilt from JSON equals the one from the file, origins too."""
    for check in checks.values():
        assert check_from_raw(json.loads(json.dumps(check.raw)), probes, judges) == check


def test_an_id_stands_once_in_all_files(folder: Path, probes: Registry, judges: Registry) -> None:
    """Both places are named."""
    (folder / "ion" / "zz.yaml").write_text(TEXT, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_checklists(folder, probes, judges)
    assert str(caught.value) == (
        "checks/ion/zz.yaml:5:5: the id 'ion-pre-api-health' stands twice; first at checks/ion/predeploy.yaml:5:5"
    )


def test_a_folder_without_a_checklist_is_refused(tmp_path: Path, probes: Registry, judges: Registry) -> None:
    """Row 66: nothing would be checked."""
    (tmp_path / "checks").mkdir()
    with pytest.raises(ConfigError, match=r"^checks/ holds no checklist .*nothing would be checked"):
        load_checklists(tmp_path / "checks", probes, judges)


def test_row_76_a_checklist_that_is_a_link_out_is_refused(folder: Path, probes: Registry, judges: Registry) -> None:
    """A symbolic link does not bring in a file from elsewhere."""
    outside = folder.parent / "outside.yaml"
    outside.write_text(TEXT, encoding="utf-8")
    (folder / "link.yaml").symlink_to(outside)
    with pytest.raises(ConfigError, match=r"^checks/link\.yaml: leads out of the checklist folder"):
        load_checklists(folder, probes, judges)


def test_checks_are_held_against_the_environment(
    checks: dict[str, Check], environment: Environment, probes: Registry, judges: Registry
) -> None:
    """They come back as they are when every side, back end and objective is there."""
    assert check_against(environment, checks.values(), probes, judges) == tuple(checks.values())


def test_expressions_are_checked_when_asked(checks: dict[str, Check]) -> None:
    """Each expression once, and nothing else."""
    asked: list[str] = []
    check_expressions([*checks.values(), *checks.values()], asked.append)
    assert asked == ["json.status", "elapsed_ms", "canary.status"]


def test_a_probe_that_no_registry_knows_any_more_is_refused(
    checks: dict[str, Check], environment: Environment, probes: Registry, judges: Registry
) -> None:
    """A recorded check does not run with less than it asks for."""
    fewer = {kind: entry for kind, entry in probes.items() if kind != "signoff"}
    with pytest.raises(ConfigError, match="item ion-pre-team-ready asks for 'signoff'"):
        check_against(environment, checks.values(), fewer, judges)
    with pytest.raises(ConfigError, match="item ion-pre-team-ready is a sign-off, and there is no 'signoff'"):
        check_from_raw(checks["ion-pre-team-ready"].raw, fewer, judges)


def test_five_thousand_items_cost_what_eight_times_an_eighth_of_them_costs(
    tmp_path: Path, probes: Registry, judges: Registry
) -> None:
    """Parsing, reading and raw forms grow with the items, not with their square (that were eight times as much)."""
    head, _, _ = TEXT.partition("  - id:")

    def large(name: str, items: int) -> Path:
        path = tmp_path / name
        text = "".join(
            f"  - id: item-{n}\n    title: {{en: Item {n}, ko: 항목 {n}}}\n"
            f"    probe: {{http: {{side: stable, path: /{n}}}}}\n"
            "    pass:\n      - expect: {value: json.status, equals: healthy}\n    remedy: Do not deploy.\n"
            for n in range(items)
        )
        path.write_text(head + text, encoding="utf-8")
        return path

    whole, eighth = large("large.yaml", 5000), large("eighth.yaml", 625)
    began = time.process_time()
    for _ in range(8):
        load_checklists([eighth], probes, judges)
    of_eighths, began = time.process_time() - began, time.process_time()
    made = load_checklists([whole], probes, judges)
    assert time.process_time() - began < 4 * of_eighths
    assert len(made) == 5000
    assert made[-1].origin == Origin(file=made[0].origin.file, line=5 + 4999 * 6, column=5)
