"""What readers of a run see: the board, the verdict file and every report."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree as ET

import jsonschema
import pytest

from gonogo.model.evidence import Cause, Evidence, Unseen
from gonogo.model.run import Run
from gonogo.model.secret import Redactor
from gonogo.model.verdict import Decision, Finding, Verdict
from gonogo.reporting import files
from gonogo.reporting.codec import dumps, evidence_to_json
from gonogo.reporting.files import EvidenceWriter, make_folder, write_plan
from gonogo.reporting.github import publish, workflow_commands
from gonogo.reporting.html import html
from gonogo.reporting.junit import junit
from gonogo.reporting.markdown import report, summary
from gonogo.reporting.reports import REPORTS, write_all, write_formats, write_verdict
from gonogo.reporting.schemas import NAMES, schema_text
from gonogo.reporting.slack import slack
from gonogo.reporting.terminal import Paper, Progress, board, closing, paper_of, write
from gonogo.reporting.verdict_json import verdict_json
from gonogo.reporting.view import show_offset, view
from gonogo.reporting.width import clip, pad, width, wrap


def test_a_go_board_is_short_and_ends_with_the_decision(green: Run) -> None:
    """Passes are summed up by area; the last line decides."""
    text = board(green)
    assert "TECHNICAL   100 %  2 of 2 passed" in text
    assert "ion-a" not in text
    assert text.splitlines()[-1] == "GO  2 of 2 due items passed"


def test_verbose_lists_what_passed(green: Run) -> None:
    """-v shows every item."""
    assert "  PASS  ion-a                        title of ion-a" in board(green, verbose=True)


def test_the_line_over_several_runs_tells_those_of_one_environment_apart(green: Run) -> None:
    """An environment that plays several scenes has a run for each: the phases are their names."""
    other = replace(green, plan=replace(green.plan, phases=("canary", "watch")))
    assert closing((green, other)).endswith("in all: local (predeploy) GO, local (canary and watch) GO")
    elsewhere = replace(green, plan=replace(green.plan, environment=replace(green.plan.environment, name="there")))
    assert closing((green, elsewhere)).endswith("in all: local GO, there GO")


def test_how_often_a_passed_item_was_looked_at_is_no_news(green: Run) -> None:
    """An item that is given time may be looked at often; that it passed is all."""
    often = replace(green, outcomes=tuple(replace(one, attempts=4) for one in green.outcomes))
    assert "4 times" not in board(often, verbose=True)


def test_a_red_board_says_what_why_where_and_what_next(red: Run, tmp_path: Path) -> None:
    """Each open item shows rule and observation, its evidence, its remedy and its owner; the folder comes last."""
    text = board(red)
    assert (
        "  FAIL  ion-a                        title of ion-a\n"
        "        why  p95 412 ms > 300 ms (n=1840, local.yaml:12)\n"
        "        saw  GET http://127.0.0.1:8000/api/health at 09:30:00Z\n"
        "        next mend ion-a (owner: sre)\n"
    ) in text
    assert "[waived by kim until 2026-11-21: restored by hand]" in text
    assert "[advisory; looked at 3 times]" in text
    assert "[sign-off]" in text
    assert "T+24h ion-z" in text
    assert "root 2 items wait for stable: unreachable, 127.0.0.1:8000 refused" in text
    last = text.splitlines()[-1]
    assert last.startswith("NO-GO  1 of 5 due items passed, 2 failed, 2 undecided, 1 waived, 1 not due yet")
    assert str(tmp_path) in last


def test_reasons_that_stand_on_the_board_are_not_said_twice(red: Run) -> None:
    """The end of the board says only what no item has said."""
    said = tuple(f"{outcome.check.id}: {outcome.reason}" for outcome in red.outcomes)
    run = replace(red, gated=replace(red.gated, reasons=(*said, "narrowed: 3 of 5 items ran")))
    for text, times in ((board(run), 1), (summary(run), 1), (html(run), 2)):  # HTML has a table of all items, too
        assert text.count("p95 412 ms") == times
        assert "narrowed: 3 of 5 items ran" in text
    assert "why  narrowed" in board(run)
    assert "why  ion-a" not in board(run)


def test_due_items_that_did_not_run_are_shown_as_open(green: Run) -> None:
    """A narrowed run never looks complete: what was deselected stands on the board."""
    narrowed = replace(green, outcomes=green.outcomes[:1], narrowed=("ion-b",))
    text = board(narrowed)
    assert "HOLD  ion-b" in text
    assert "due, and did not run" in text
    assert "1 did not run" in text
    assert [check["id"] for check in verdict_json(narrowed)["checks"]] == ["ion-a", "ion-b"]


def test_what_was_deselected_does_not_pass_in_any_report(green: Run) -> None:
    """Its look was sent and liked, its test did not run: the board is not whole, and no count says that it is."""
    narrowed = replace(green, narrowed=("ion-b",))
    assert "1 of 2 due items passed, 1 did not run" in board(narrowed)
    assert "100 %" not in board(narrowed)
    document = verdict_json(narrowed)
    assert [check["verdict"] for check in document["checks"]] == ["pass", "inconclusive"]
    assert (document["counts"]["pass"], document["counts"]["inconclusive"]) == (1, 1)
    assert "Did not run" in html(narrowed)
    assert '<article id="ion-b"' not in html(narrowed)


def test_html_folds_long_lists(red: Run) -> None:
    """Of twenty reasons six are shown, and the rest is one click away, without a script."""
    reasons = tuple(f"reason {n:02}" for n in range(20))
    page = html(replace(red, evidence={}, gated=replace(red.gated, reasons=reasons)))
    assert page.index("reason 05") < page.index("<summary>14 more</summary>") < page.index("reason 06")


def test_percentages_round_down(green: Run) -> None:
    """199 of 200 is not 100 %."""
    checks = tuple(replace(green.plan.checks[0], id=f"ion-{n}") for n in range(200))
    outcomes = tuple(
        replace(green.outcomes[0], check=check, verdict=Verdict.FAIL if check.id == "ion-7" else Verdict.PASS)
        for check in checks
    )
    seen = view(replace(green, plan=replace(green.plan, checks=checks), outcomes=outcomes))
    assert [area.percent for area in seen.areas] == [99]
    assert seen.percent == 99


def test_korean_titles_are_clipped_by_columns(red: Run) -> None:
    """A Korean letter takes two columns; no line is wider than the terminal."""
    checks = tuple(replace(check, title={"ko": "데이터베이스 백업이 있다 " * 8}) for check in red.plan.checks)
    outcomes = tuple(replace(o, check=check) for o, check in zip(red.outcomes, checks, strict=True))
    run = replace(red, plan=replace(red.plan, checks=checks), outcomes=outcomes, folder=None)
    text = board(run, paper=Paper(columns=72), language="ko")
    assert "데이터베이스" in text
    assert all(width(line) <= 72 for line in text.splitlines()[2:-1])


@pytest.mark.parametrize(("text", "columns"), [("abc", 3), ("한글", 4), ("e\u0301", 1), ("", 0)])
def test_width(text: str, columns: int) -> None:
    """Wide letters count two, combining ones none."""
    assert width(text) == columns


def test_pad_clip_wrap() -> None:
    """Text fits its columns and loses nothing when wrapped."""
    assert pad("한", 4) == "한  "
    assert clip("한글이다", 5) == "한글…"
    assert clip("abc", 3) == "abc"
    assert wrap("aa bbb cc", 6) == ["aa bbb", "cc"]
    assert wrap("abcdefgh ij", 3) == ["abc", "def", "gh", "ij"]
    assert wrap("한글한글", 4) == ["한글", "한글"]


def test_details_are_listed_up_to_a_bound(red: Run) -> None:
    """Eight lines of detail, then how many more and where."""
    lines = tuple(f"line {n}" for n in range(12))
    finding = Finding(verdict=Verdict.FAIL, reason="r", rule="x", observed="y", details=lines, decidable="after 10:00")
    run = replace(red, outcomes=(replace(red.outcomes[0], findings=(finding,)), *red.outcomes[1:]))
    text = board(run)
    assert "line 7" in text
    assert "line 8" not in text
    assert "and 4 more in verdict.json" in text
    assert "wait after 10:00" in text


def test_details_that_the_reason_says_are_not_said_twice(red: Run) -> None:
    """verdict.json has them; the board and report.md list them only where the reason leaves some of them out."""
    finding = Finding(verdict=Verdict.FAIL, reason="r", rule="x", observed="y", details=("pod a", "pod b"))

    def told(reason: str) -> Run:
        first = replace(red.outcomes[0], findings=(finding,), reason=reason)
        return replace(red, outcomes=(first, *red.outcomes[1:]))

    whole, part = told("2 are not ready: pod a; pod b (x)"), told("2 are not ready: pod a; and 1 more (x)")
    for text in (board(whole), report(whole), html(whole)):
        assert "pod a; pod b" in text
        assert text.count("pod b") == text.count("pod a; pod b")
    assert all("pod b" in text for text in (board(part), report(part), html(part)))
    assert [verdict_json(run)["checks"][0]["details"] for run in (whole, part)] == [["pod a", "pod b"]] * 2


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_paper_follows_the_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    """Colour and width on a terminal; neither in a pipe; NO_COLOR and FORCE_COLOR are honoured."""
    for name in ("NO_COLOR", "FORCE_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "77")
    assert paper_of(Terminal()) == Paper(columns=77, colour=True)
    assert paper_of(io.StringIO()) == Paper()
    monkeypatch.setenv("NO_COLOR", "1")
    assert paper_of(Terminal()) == Paper(columns=77)
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert paper_of(io.StringIO()) == Paper(colour=True)


def test_colour_never_changes_the_words(red: Run) -> None:
    """Without its escapes the coloured board is the plain one."""
    coloured = board(red, paper=Paper(colour=True))
    for code in ("32;1", "31;1", "33;1", "32", "1", "2", "0"):
        coloured = coloured.replace(f"\x1b[{code}m", "")
    assert coloured == board(red)


def test_progress_is_plain_and_sparse_without_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A log gets the start and the end, not one line a probe."""
    stream = io.StringIO()
    progress = Progress(stream)
    part = progress.part("shop", 100)
    for _ in range(100):
        part.on_done("GET http://x")
    progress.close()
    assert stream.getvalue() == "looking at shop: 100 probes\nlooking: 100 of 100 done\n"
    monkeypatch.setattr("gonogo.reporting.terminal.time", SimpleNamespace(monotonic=iter(range(0, 900, 6)).__next__))
    progress.part("till", 3).on_done("a")
    assert stream.getvalue().endswith("looking: shop 100 of 100, till 1 of 3\n")


def test_progress_is_one_live_line_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each step overwrites the line, and the end clears it."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "40")
    stream = Terminal()
    progress = Progress(stream)
    part = progress.part("shop", 2)
    part.on_done(SimpleNamespace(source="GET \x1b[2J" + "x" * 80))
    part.on_done(SimpleNamespace(kind="slack"))
    progress.close()
    steps = stream.getvalue().split("\r\x1b[2K")
    assert steps[1] == "looking at shop: 2 probes"
    assert steps[2].startswith("looking: 1 of 2  GET \\x1b[2Jxxx")
    assert all(width(step) < 40 for step in steps)
    assert steps[3:] == ["looking: 2 of 2  slack", ""]


def test_output_survives_an_old_locale_and_a_closed_pipe() -> None:
    """Row 96: Korean on an ASCII stream is spelled, a reader that went away is no error."""
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    write(stream, "한 GO\n")
    assert raw.getvalue() == b"\\ud55c GO\n"
    closed = io.StringIO()
    closed.close()
    write(closed, "x")

    class Gone(io.StringIO):
        def write(self, _: str) -> int:
            raise BrokenPipeError

    write(Gone(), "x")


@pytest.mark.parametrize("which", ["green", "red"])
def test_verdict_json_holds_its_schema(which: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """The written file is valid, for a GO as for a NO-GO, and says where it came from."""
    run = request.getfixturevalue(which)
    folder = make_folder(tmp_path / "out", run.plan)
    run = replace(run, folder=folder)
    write_plan(folder, run.plan)
    with EvidenceWriter(folder, run.plan.run_id) as writer:
        writer.write(run.evidence["k1"])
    document = json.loads(write_verdict(run).read_text(encoding="utf-8"))
    schema = json.loads(schema_text("verdict"))
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(document, schema)
    assert document["exit_status"] == int(run.gated.decision.exit_status)
    assert document["counts"]["due"] == len(run.plan.checks)
    assert document["digests"] == {name: files.file_digest(folder / name) for name in ("plan.json", "evidence.jsonl")}


def test_verdict_json_of_a_red_run(red: Run) -> None:
    """Waiver, place on the timeline, cause of blindness and attempts stand in it."""
    document = verdict_json(red)
    a, b, c, _, e = document["checks"]
    assert (a["verdict"], a["at"], a["rule"]) == ("fail", "T-1h", "json.status == healthy")
    assert (b["mode"], b["evidence"][0]["cause"]) == ("signoff", "unreachable")
    assert (c["severity"], c["attempts"]) == ("advisory", 3)
    assert e["waiver"]["owner"] == "kim"
    assert document["not_due"] == [{"id": "ion-z", "at": "T+24h"}]
    assert document["readiness"] == {"technical": 33, "operations": 0, "team": 0}


def test_a_sign_off_stands_in_the_verdict(green: Run) -> None:
    """Who attested an item is kept beside it."""
    record = {"by": "kim", "until": "2026-12-01T00:00:00+00:00"}
    evidence = replace(green.evidence["k1"], kind="signoff", outcome=replace_data(green.evidence["k1"], record))
    assert verdict_json(replace(green, evidence={"k1": evidence}))["checks"][0]["signoff"] == record


def replace_data(evidence: Evidence, record: dict[str, str]) -> object:
    return replace(evidence.outcome, data={"records": [record], "newest": record})


def test_evidence_lines_hold_their_schema(red: Run, tmp_path: Path) -> None:
    """Each line is valid, of what was seen as of what was not."""
    schema = json.loads(schema_text("evidence"))
    jsonschema.Draft202012Validator.check_schema(schema)
    write_plan(tmp_path, red.plan)
    with EvidenceWriter(tmp_path, red.plan.run_id) as writer:
        for key, evidence in (("0" * 12, red.evidence["k1"]), ("f" * 12, red.evidence["k2"])):
            writer.write(replace(evidence, look=key))
    for line in (tmp_path / files.EVIDENCE).read_text(encoding="utf-8").splitlines():
        jsonschema.validate(json.loads(line), schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(json.loads(dumps(evidence_to_json(red.evidence["k1"]))), schema)


def test_unknown_schemas_are_refused() -> None:
    """A name is looked up, never guessed."""
    assert set(NAMES) == {"evidence", "verdict"}
    with pytest.raises(KeyError):
        schema_text("../verdict")


def test_junit_counts_and_kinds(red: Run) -> None:
    """Failures are failures, undecided items are errors; nothing is skipped."""
    root = ET.fromstring(junit(red).encode())  # noqa: S314 - our own text
    assert (root.get("tests"), root.get("failures"), root.get("errors")) == ("5", "2", "2")
    cases = {case.get("name"): case for case in root.iter("testcase")}
    failure = cases["ion-a"].find("failure")
    assert failure is not None
    assert failure.get("message") == "p95 412 ms > 300 ms (n=1840, local.yaml:12)"
    assert "next: mend ion-a" in (failure.text or "")
    assert cases["ion-b"].find("error") is not None
    assert len(cases["ion-d"]) == 1


def test_markdown_in_two_languages(red: Run) -> None:
    """The decision comes first, the open items with their remedy next, all items last; titles in Korean too."""
    text = report(red)
    assert text.startswith("# NO-GO: do not release\n")
    assert "| Technical | 33 % | 1 / 3 |" in text
    assert "  - Next step: mend ion-a (Owner: sre)" in text
    assert text.index("## Open items") < text.index("## All items")
    assert "## All items" not in summary(red)
    korean = report(red, "ko")
    assert korean.startswith("# NO-GO: 배포 불가\n")
    assert "ion-a 항목" in korean


def test_a_run_that_is_of_no_release_says_nothing_of_one(red: Run) -> None:
    """At 3 a.m. nobody asks whether to release."""
    sick = replace(red, plan=replace(red.plan, phases=("incident",)))
    assert report(sick).startswith("# NO-GO: something is wrong\n")
    assert report(sick, "ko").startswith("# NO-GO: 이상 있음\n")
    assert "</span> something is wrong</h1>" in html(sick)
    assert "release</h1>" not in html(sick)


def test_two_rules_that_list_the_same_list_it_once(red: Run) -> None:
    """The English and the Korean notice lack one field; two lines of one rule that are alike both count."""
    first = red.outcomes[0]
    (finding,) = first.findings
    findings = tuple(replace(finding, details=lines) for lines in (("twice", "twice"), ("twice", "twice"), ("other",)))
    run = replace(red, outcomes=(replace(first, findings=findings), *red.outcomes[1:]))
    assert view(run).rows[0].details == ("twice", "twice", "other")


def test_html_is_one_closed_page(red: Run) -> None:
    """No script and no request; language, headings and anchors for those who listen to it."""
    page = html(red, "ko")
    assert '<html lang="ko">' in page
    assert "<script" not in page
    assert "http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\"" in page
    assert '<a href="#ion-a">ion-a</a>' in page
    assert '<article id="ion-a" class="fail">' in page
    assert '<meter min="0" max="100" low="99.5" high="99.5" optimum="100" value="33">33 %</meter>' in page
    for name in ("plan.json", "evidence.jsonl", "verdict.json"):
        assert f'<a href="{name}">' in page
    for look in red.evidence:
        assert f'<tr id="look-{look}">' in page
    assert "<h1>" in page
    assert '<html lang="en">' in html(red, '"><script>')


def test_slack_text(red: Run) -> None:
    """The decision and what is open, short."""
    text = slack(red)
    assert text.startswith(":red_circle: *NO-GO* ion on local, predeploy, release v1.2.3")
    assert "• *FAIL* ion-a: p95 412 ms &gt; 300 ms" in text
    many = replace(red, plan=replace(red.plan, checks=red.plan.checks * 4))
    assert "more" in slack(many).splitlines()[-1]


def test_github_annotations(red: Run) -> None:
    """Failures are errors, undecided, advisory and waived items warnings, the decision is an error."""
    lines = workflow_commands(red).splitlines()
    assert (
        lines[0]
        == "::error title=FAIL ion-a%3A title of ion-a::p95 412 ms > 300 ms (n=1840, local.yaml:12)%0Anext: mend ion-a"
    )
    assert lines[1].startswith("::warning title=FAIL ion-e")
    assert lines[-1].startswith("::error title=gonogo NO-GO::ion-a failed")


def test_github_summary_only_on_github(red: Run, tmp_path: Path) -> None:
    """Elsewhere nothing is printed and nothing written."""
    out, target = io.StringIO(), tmp_path / "summary.md"
    publish(red, environ={"GITHUB_STEP_SUMMARY": str(target)}, out=out)
    assert out.getvalue() == ""
    assert not target.exists()
    target.write_text("before\n", encoding="utf-8")
    publish(red, environ={"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(target)}, out=out)
    assert target.read_text(encoding="utf-8").startswith("before\n# NO-GO: do not release\n")
    assert out.getvalue().startswith("\n::error title=")


def test_every_format_is_written_every_format(red: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """One file a line of the table; a report that cannot be written is a problem in words, not an exception."""
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    folder = red.folder
    assert folder is not None
    assert write_formats(red) == ()
    assert sorted(one.name for one in folder.iterdir()) == sorted(REPORTS)
    problems = write_formats(replace(red, folder=folder / "gone"))
    assert len(problems) == len(REPORTS)
    assert "report.html: not written (No such file or directory)" in problems[0]


def test_a_lost_verdict_is_no_go_any_more(green: Run, tmp_path: Path) -> None:
    """Row 85: a run whose verdict could not be kept is HOLD, whatever its items say; a NO-GO stays NO-GO."""
    lost = write_all(replace(green, folder=tmp_path / "gone"))
    assert lost.gated.decision is Decision.HOLD
    assert "the verdict was not kept" in lost.gated.reasons[-1]
    assert any("report.html: not written" in note for note in lost.notes)
    against = replace(green, folder=tmp_path / "gone", gated=replace(green.gated, decision=Decision.NO_GO))
    assert write_all(against).gated.decision is Decision.NO_GO


def test_the_verdict_is_written_last(green: Run, tmp_path: Path) -> None:
    """When verdict.json is there, everything else is."""
    folder = make_folder(tmp_path, green.plan)
    write_plan(folder, green.plan)
    EvidenceWriter(folder, green.plan.run_id).close()
    run = write_all(replace(green, folder=folder))
    assert run.gated.decision is Decision.GO
    times = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert max(times, key=times.__getitem__) == files.VERDICT
    assert set(times) == {*REPORTS, files.PLAN, files.EVIDENCE, files.VERDICT}


def test_reports_are_redacted(red: Run, hostile: Callable[[str], Run], tmp_path: Path) -> None:
    """Row 119: a secret in any text of the run reaches no report."""
    run = replace(hostile("hunter2"), folder=tmp_path)
    write_all(run, Redactor(["hunter2"]))
    assert all(b"hunter2" not in path.read_bytes() for path in tmp_path.iterdir())


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (timedelta(hours=-48), "T-48h"),
        (timedelta(0), "T0"),
        (timedelta(minutes=30), "T+30m"),
        (timedelta(minutes=90), "T+90m"),
        (timedelta(days=7), "T+7d"),
        (None, "any time"),
    ],
)
def test_offsets(at: timedelta | None, text: str) -> None:
    """A place on the timeline is spelled as the runbooks spell it."""
    assert show_offset(at) == text


def test_the_board_loads_no_heavy_library() -> None:
    """The board costs little: neither rich nor jinja2 nor httpx is imported for it."""
    heavy = ("rich", "jinja2", "httpx", "yaml")
    code = f"import sys, gonogo.reporting.reports; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, encoding="utf-8")
    assert done.stdout == "[]\n"


def test_every_decision_has_its_word_and_colour(green: Run) -> None:
    """GO, NO-GO and HOLD all render everywhere."""
    for decision in Decision:
        run = replace(green, gated=replace(green.gated, decision=decision, reasons=("because",)))
        assert board(run, paper=Paper(colour=True, columns=80)).splitlines()[-1].startswith("\x1b[")
        assert f'<span class="{decision.value}">' in html(run)
        assert report(run).startswith(f"# {decision.value}: ")
        assert f"*{decision.value}*" in slack(run)


def test_nobody_rolls_back_for_want_of_a_metric(red: Run) -> None:
    """Where nothing was seen, the next step is to see it; the remedy is for a failure, and a failure has it bare."""
    text = board(red)
    assert "next Nothing failed yet: get it seen and run again. If it fails then: mend ion-b (owner: sre)" in text
    assert "next mend ion-a (owner: sre)" in text


def test_what_is_waited_for_is_said_once(red: Run) -> None:
    """A command that the reason ends with is not repeated under it."""
    finding = Finding(verdict=Verdict.FAIL, reason="r", rule="x", observed="y", decidable="run: gonogo signoff")
    first = replace(red.outcomes[0], reason="not signed; run: gonogo signoff", findings=(finding,))
    assert board(replace(red, outcomes=(first, *red.outcomes[1:]))).count("run: gonogo signoff") == 1


def test_what_several_looks_could_not_see_for_one_cause_is_one_root(red: Run) -> None:
    """Looks at one back end that fail alike are one thing to mend, and its name stands there once."""
    source = "Cloud Logging of ion-api at 127.0.0.1:1"
    lost = Unseen(cause=Cause.BROKEN, detail=f"{source}: INVALID_ARGUMENT")
    looks = {key: replace(red.evidence["k2"], look=key, source=source, side=None, outcome=lost) for key in ("k8", "k9")}
    outcomes = list(red.outcomes)
    outcomes[1] = replace(outcomes[1], evidence=("k8",))
    outcomes[2] = replace(outcomes[2], evidence=("k9",))
    text = board(replace(red, outcomes=tuple(outcomes), evidence={**red.evidence, **looks}))
    assert f"root 2 items wait for {source}: broken, INVALID_ARGUMENT\n" in text
