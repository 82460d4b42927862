"""Incident and drill files: what is no such thing is refused with its place; what is out of order is for the judge."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from gonogo.config.recovery import load_drill, load_incident
from gonogo.model.errors import ConfigError
from gonogo.model.notice import notice_fields
from gonogo.model.recovery import PHASES, timeline

INCIDENT = """id: INC-1
class: region_loss
began: 2026-11-20T06:00:00Z
detected: 2026-11-20T15:06:00+09:00
summary: {en: The region was lost., ko: 리전 장애가 발생했습니다.}
phases:
  declare: {started: 2026-11-20T06:08:00Z, ended: 2026-11-20T06:20:00Z}
  infrastructure: {started: 2026-11-20T06:20:00Z, ended: 2026-11-20T06:47:00Z}
  restore: {started: 2026-11-20T06:47:00Z, ended: 2026-11-20T08:57:00Z}
  services: {started: 2026-11-20T08:57:00Z, ended: 2026-11-20T09:10:00Z}
  verify: {started: 2026-11-20T09:10:00Z, ended: 2026-11-20T09:30:00Z}
  switch: {started: 2026-11-20T09:30:00Z, ended: 2026-11-20T09:40:30Z}
data_loss: {since: 2026-11-20T05:58:00Z, until: 2026-11-20T06:00:00Z}
affected_customers: 38
"""
DRILL = "by: DevOps lead\n" + "".join(
    f"{name}: {{started: 2026-10-11T0{at}:00:00Z, ended: 2026-10-11T0{at}:30:00Z, result: passed, link: https://x}}\n"
    for at, name in enumerate(("switch_over", "data_consistency", "smoke", "switch_back"), start=2)
)
SERVICES = "services: {started: 2026-11-20T"
RESTORE = "  restore: {started: 2026-11-20T06:47:00Z, ended: 2026-11-20T08:57:00Z}\n"
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def write(folder: Path, text: str) -> Path:
    path = folder / "incident.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_an_incident_and_its_timeline(tmp_path: Path) -> None:
    """Times with any zone; the phases in their order, each against its budget; the end is the last one's."""
    told = timeline(load_incident(write(tmp_path, INCIDENT)), NOW)
    assert [row["name"] for row in told["phases"]] == list(PHASES)
    assert [row["over_s"] for row in told["phases"]] == [0, 0, 600, 0, 0, 0]
    assert (told["restored"], told["elapsed_s"]) == ("2026-11-20T09:40:30+00:00", 13230)
    assert (told["detection_s"], told["data_loss_s"], told["doubts"], told["not_begun"]) == (360, 120, [], [])


def test_a_recovery_under_way(tmp_path: Path) -> None:
    """Without the last end it goes on until now; what has not begun is ahead with its budget."""
    text = INCIDENT.replace(", ended: 2026-11-20T09:30:00Z", "").replace(
        "  switch: {started: 2026-11-20T09:30:00Z, ended: 2026-11-20T09:40:30Z}\n", ""
    )
    told = timeline(load_incident(write(tmp_path, text)), NOW)
    assert (told["restored"], told["elapsed_s"], told["open"]) == (None, 6 * 3600, ["verify"])
    assert [(row["name"], row["budget_s"]) for row in told["ahead"]] == [("switch", 1800)]


@pytest.mark.parametrize(
    ("old", "new", "doubt"),
    [
        (f"{SERVICES}08:57", f"{SERVICES}08:50", "services started before restore ended"),
        (f"{SERVICES}08:57", f"{SERVICES}06:40", "services started before restore did"),
        (", ended: 2026-11-20T08:57:00Z", "", "services started and restore has no end"),
        ("declare: {started: 2026-11-20T06:08", "declare: {started: 2026-11-20T05:59", "declare started before the in"),
        (RESTORE, "", "restore is missing, and a later phase began"),
        ("ended: 2026-11-20T09:40:30Z", "ended: 2026-11-20T12:40:30Z", "phases.switch.ended lies in the future"),
    ],
)
def test_a_record_that_contradicts_itself(tmp_path: Path, old: str, new: str, doubt: str) -> None:
    """It is read, since it is written while things happen, and says where it cannot be believed."""
    assert old in INCIDENT
    told = timeline(load_incident(write(tmp_path, INCIDENT.replace(old, new))), NOW)
    assert any(one.startswith(doubt) for one in told["doubts"])


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ("region_loss", "region-loss", "class cannot be 'region-loss'; did you mean 'region_loss'?"),
        ("began: 2026-11-20T06:00:00Z", "began: 2026-11-20T06:00:00", "began wants a moment with its zone"),
        ("detected: 2026-11-20T15:06:00+09:00", "detected: 2026-11-20T05:00:00Z", "4:11: detected is before began"),
        ("  restore:", "  restor:", "'restor' is not a key of phases; did you mean 'restore'?"),
        ("ended: 2026-11-20T06:20:00Z", "ended: 2026-11-20T06:07:00Z", "phases.declare ended before it started"),
        ("until: 2026-11-20T06:00:00Z", "until: 2026-11-20T05:00:00Z", "data_loss.until is before data_loss.since"),
        (", ko: 리전 장애가 발생했습니다.", "", "summary wants a sentence in en and ko: ko is missing"),
        ("affected_customers: 38", "affected_customers: -1", "affected_customers is 0 or more"),
        ("affected_customers: 38", "affected_customers: about 38", "affected_customers wants a whole number"),
    ],
)
def test_what_is_no_incident(tmp_path: Path, old: str, new: str, text: str) -> None:
    """One line with the place, the key and what is allowed."""
    assert old in INCIDENT
    with pytest.raises(ConfigError) as caught:
        load_incident(write(tmp_path, INCIDENT.replace(old, new)))
    assert text in str(caught.value)
    assert "incident.yaml" in str(caught.value)


def test_what_a_notice_may_hold(tmp_path: Path) -> None:
    """UTC in English, KST in Korean, minutes rounded up; what is not recorded is empty, and no loss is said."""
    fields = notice_fields(load_incident(write(tmp_path, INCIDENT)))
    assert fields["incident.restored_ko"] == "2026-11-20 18:41 KST"
    assert (fields["incident.downtime_en"], fields["incident.downtime_ko"]) == ("3 h 41 min", "3시간 41분")
    assert fields["incident.data_loss_en"] == "2026-11-20 05:58 UTC to 2026-11-20 06:00 UTC (2 min)"
    assert all(fields.values())
    seconds = INCIDENT.replace("until: 2026-11-20T06:00:00Z", "until: 2026-11-20T06:00:00.500Z")
    fields = notice_fields(load_incident(write(tmp_path, seconds)))
    assert fields["incident.data_loss_en"] == "2026-11-20 05:58 UTC to 2026-11-20 06:01 UTC (3 min)"
    none = INCIDENT.replace("since: 2026-11-20T05:58:00Z", "since: 2026-11-20T06:00:00Z")
    fields = notice_fields(load_incident(write(tmp_path, none)))
    assert (fields["incident.data_loss_en"], fields["incident.data_loss_ko"]) == ("none", "없음")
    bare = "".join(line + "\n" for line in INCIDENT.splitlines() if not line.startswith(("data_loss", "affected")))
    fields = notice_fields(load_incident(write(tmp_path, bare)))
    assert [name for name, text in fields.items() if not text] == [
        "incident.data_loss_en",
        "incident.data_loss_ko",
        "incident.affected_customers",
    ]


def test_a_drill(tmp_path: Path) -> None:
    """Four steps with their results; another result, a step of another name or one that ends early is none."""
    assert list(load_drill(write(tmp_path, DRILL)).steps())[-1] == "switch_back"
    for old, new, text in (
        ("result: passed", "result: pass", "did you mean 'passed'?"),
        ("smoke:", "smokes:", "'smokes' is not a key"),
        ("ended: 2026-10-11T02:30", "ended: 2026-10-11T01:30", "switch_over ended before it started"),
    ):
        with pytest.raises(ConfigError) as caught:
            load_drill(write(tmp_path, DRILL.replace(old, new, 1)))
        assert text in str(caught.value)
