"""gonogo recovery: the timeline and the notices of an incident file, decided, kept, and drawn without a request."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gonogo.cli import main

ROOT = Path(__file__).parents[2]
INCIDENT = """id: INC-1 <b>
class: region_loss
began: 2026-11-20T06:00:00Z
detected: 2026-11-20T06:06:00Z
summary: {en: The region <script> was lost., ko: 리전 장애가 발생했습니다.}
phases:
  declare: {started: 2026-11-20T06:08:00Z, ended: 2026-11-20T06:27:00Z}
  infrastructure: {started: 2026-11-20T06:27:00Z, ended: 2026-11-20T06:47:00Z}
  restore: {started: 2026-11-20T06:47:00Z, ended: 2026-11-20T08:07:00Z}
  services: {started: 2026-11-20T08:07:00Z, ended: 2026-11-20T08:30:00Z}
  verify: {started: 2026-11-20T08:30:00Z, ended: 2026-11-20T08:50:00Z}
  switch: {started: 2026-11-20T08:50:00Z, ended: 2026-11-20T09:00:00Z}
data_loss: {since: 2026-11-20T05:58:00Z, until: 2026-11-20T06:00:00Z}
affected_customers: 38
"""

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """`gonogo recovery VERB` in a project with AI Factory's environments and templates."""
    (tmp_path / "environments").mkdir()
    for path in (ROOT / "environments").glob("factory-*.yaml"):
        shutil.copy(path, tmp_path / "environments")
    shutil.copytree(ROOT / "reports" / "templates", tmp_path / "reports" / "templates")
    (tmp_path / "checks").mkdir()
    monkeypatch.chdir(tmp_path)

    def running(verb: str, text: str | None, *words: str) -> tuple[int, str, str]:
        if text is not None:
            (tmp_path / "incident.yaml").write_text(text, encoding="utf-8")
        status = main(["recovery", verb, "--env", "factory-recovery", "--incident", "incident.yaml", *words])
        told = capsys.readouterr()
        return status, told.out, told.err

    return running


def test_the_report_of_a_recovery_inside_its_rto(run: Run, tmp_path: Path) -> None:
    """GO; kept as JSON, Markdown and pages in both languages, which hold no markup of the file and ask for nothing."""
    status, out, _ = run("report", INCIDENT)
    assert status == 0
    assert "Time to restore: 3 h of RTO 4 h" in out
    assert "| Assess and declare | 06:08 | 06:27 | 19 min | 15 min | 4 min |" in out
    (folder,) = (tmp_path / "reports" / "out").iterdir()
    assert json.loads((folder / "timeline.json").read_text(encoding="utf-8"))["decision"] == "GO"
    for language, restored in (("en", "2026-11-20 09:00 UTC"), ("ko", "2026-11-20 18:00 KST")):
        page = (folder / f"timeline.{language}.html").read_text(encoding="utf-8")
        assert restored in page
        assert page.count('class="took') == 6
        assert page.count('class="over') == 1
        assert "<script" not in page
        assert "<b>" not in page
        assert not re.search(r"(src|href)=", page)
        assert "${" not in (folder / f"notice.{language}.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("old", "new", "status", "text"),
    [
        ("began: 2026-11-20T06:00:00Z", "began: 2026-11-20T04:59:00Z", 1, "**NO-GO**"),
        ("since: 2026-11-20T05:58:00Z", "since: 2026-11-20T05:00:00Z", 1, "Data lost: 1 h of RPO 30 min"),
        ("class: region_loss", "class: data_pollution", 1, "RTO 1 h"),
        ("started: 2026-11-20T08:50:00Z", "started: 2026-11-20T08:40:00Z", 6, "- switch started before verify ended"),
        ("data_loss: {since: 2026-11-20T05:58:00Z, until: 2026-11-20T06:00:00Z}\n", "", 6, "Data lost: not recorded"),
        ("ended: 2026-11-20T09:00:00Z", "ended: 2026-11-20T10:00:01Z", 1, "Time to restore: 4 h 1 min of RTO 4 h"),
        ("ended: 2026-11-20T06:27:00Z", "ended: 2026-11-20T06:23:05Z", 0, "| 06:23 | 16 min | 15 min | 1 min |"),
        ("detected: 2026-11-20T06:06:00Z", "detected: 2999-11-20T06:06:00Z", 6, "- detected lies in the future"),
        (
            "58:00Z, until: 2026-11-20T06:00",
            "58:00Z, until: 2999-11-20T06:00",
            1,
            "- data\\_loss.until lies in the future",
        ),
    ],
)
def test_what_a_report_decides(run: Run, old: str, new: str, status: int, text: str) -> None:
    """1 outside RTO or RPO, 6 while the record is not whole."""
    assert old in INCIDENT
    found, out, _ = run("report", INCIDENT.replace(old, new))
    assert (found, text in out) == (status, True), out


def test_nothing_is_missed_before_it_happened(run: Run) -> None:
    """An end that lies in the future counts up to now: HOLD for both; NO-GO once the RTO is over."""
    for began_ago, status, text in ((3.1, 6, "phases.switch.ended lies in the future"), (4.1, 1, "**NO-GO**")):
        shift = datetime.now(UTC) - timedelta(hours=began_ago) - datetime(2026, 11, 20, 6, tzinfo=UTC)
        late = INCIDENT.replace("ended: 2026-11-20T09:00:00Z", "ended: 2026-11-20T12:00:00Z")
        moments = {
            found: (datetime.fromisoformat(found) + shift).isoformat() for found in re.findall(r"2026-\S+Z", late)
        }
        text_now = re.sub(r"2026-\S+Z", lambda found, moments=moments: moments[found[0]], late)
        found, out, _ = run("report", text_now)
        assert (found, text in out) == (status, True), out
        assert run("notice", text_now)[0] == 6


def test_the_notice_is_held_while_a_field_is_empty(run: Run) -> None:
    """Both languages by default; what is missing is named on standard error."""
    status, out, _ = run("notice", INCIDENT)
    assert status == 0
    assert "Customers affected:  38" in out
    assert "영향 고객 수:  38" in out
    status, out, error = run("notice", INCIDENT.replace("affected_customers: 38\n", ""), "--language", "ko")
    assert (status, "Customers affected" in out) == (6, False)
    assert "not to be sent yet, empty: affected_customers" in error
    unended = INCIDENT.replace(", ended: 2026-11-20T09:00:00Z", "").replace("data_loss:", "# data_loss:")
    *_, error = run("notice", unended)
    assert error == "gonogo: not to be sent yet, empty: phases.switch.ended, data_loss\n"


def test_the_notice_is_held_while_it_tells_of_what_has_yet_to_happen(run: Run) -> None:
    """A slip in a year is no restored service."""
    status, out, error = run("notice", INCIDENT.replace("ended: 2026-11-20T09:00:00Z", "ended: 2062-11-20T09:00:00Z"))
    assert (status, "2062" in out) == (6, True)
    assert error == "gonogo: not to be sent yet, phases.switch.ended lies in the future\n"


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+09:00", "9999-12-31T23:59:59Z"])
def test_a_year_that_no_report_can_place_is_one_line(run: Run, moment: str) -> None:
    """4 with its place, not a fault of the program."""
    for verb in ("report", "notice"):
        status, out, error = run(verb, INCIDENT.replace("began: 2026-11-20T06:00:00Z", f"began: {moment}"))
        assert (status, out, error.count("\n")) == (4, "", 1)
        assert f"3:8: began is in the year {moment[:4]}" in error


def test_the_report_compares_as_the_objective_says(run: Run, tmp_path: Path) -> None:
    """An RTO that has to be undercut is missed at its very end; one that is no time is one line."""
    base = tmp_path / "environments" / "factory-base.yaml"
    text = base.read_text(encoding="utf-8")
    rto = next(line for line in text.splitlines() if "rto_region_loss:" in line)
    late = INCIDENT.replace("ended: 2026-11-20T09:00:00Z", "ended: 2026-11-20T10:00:00Z")
    assert run("report", late)[0] == 0
    base.write_text(text.replace(rto, rto.replace("at_most", "below")), encoding="utf-8")
    assert run("report", late)[0] == 1
    base.write_text(text.replace(rto, "  rto_region_loss: {at_most: 0.5, unit: ratio}"), encoding="utf-8")
    status, out, error = run("report", late)
    assert (status, out, error.count("\n")) == (4, "", 1)
    assert "rto_region_loss" in error


def test_what_is_no_incident_file_is_one_line(run: Run, tmp_path: Path) -> None:
    """4 for a file that is not there or does not read, and nothing is kept."""
    assert run("report", None)[0] == 4
    status, out, error = run("report", INCIDENT.replace("region_loss", "flood"))
    assert (status, out, error.count("\n")) == (4, "", 1)
    assert "class cannot be 'flood'" in error
    assert not (tmp_path / "reports" / "out").exists()
