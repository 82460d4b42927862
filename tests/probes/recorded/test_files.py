"""junit_file, changelog_file, csv_file: documents of whole files; a torn or poisoned one is never half-read."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gonogo.model.environment import BackEnd
from gonogo.model.errors import ConfigError
from gonogo.model.evidence import Cause, Seen, Unseen
from gonogo.probes.base import Vantage
from gonogo.probes.recorded import files
from gonogo.probes.recorded.files import (
    ChangelogFile,
    CsvFile,
    JunitFile,
    look_at_changelog,
    look_at_csv,
    look_at_junit,
)

Make = Callable[..., Vantage]
GREEN = (
    '<testsuites><testsuite name="a" tests="2" failures="0" errors="0" skipped="1" timestamp="2026-11-20T08:00:00">'
    '<properties><property name="commit" value="0123"/></properties>'
    '<testcase name="x"/><testcase name="y"><skipped/></testcase></testsuite></testsuites>'
)


def seen(outcome: Seen | Unseen) -> Seen:
    assert isinstance(outcome, Seen), outcome
    return outcome


def unseen(outcome: Seen | Unseen) -> Unseen:
    assert isinstance(outcome, Unseen), outcome
    return outcome


def junit(text: str, tmp_path: Path, vantage_of: Make) -> Seen | Unseen:
    (tmp_path / "junit.xml").write_text(text, encoding="utf-8")
    return look_at_junit(JunitFile(path="junit.xml"), vantage_of()).outcome


def test_junit_counts(tmp_path: Path, vantage_of: Make) -> None:
    """Test cases are counted, and the commit is told where the file names it."""
    data = seen(junit(GREEN, tmp_path, vantage_of)).data
    assert data == {
        "tests": 2,
        "failures": 0,
        "errors": 0,
        "skipped": 1,
        "commit": "0123",
        "timestamp": "2026-11-20T08:00:00",
    }


def test_junit_trusts_the_worse_count(tmp_path: Path, vantage_of: Make) -> None:
    """A failure in a case counts though the suite says none; an error of the suite counts though no case has it."""
    text = '<testsuite tests="1" failures="0" errors="1"><testcase name="x"><failure/></testcase></testsuite>'
    data = seen(junit(text, tmp_path, vantage_of)).data
    assert (data["failures"], data["errors"]) == (1, 1)


@pytest.mark.parametrize(
    ("text", "cause", "named"),
    [
        ('<testsuite tests="0"></testsuite>', Cause.NO_DATA, "holds no tests"),
        ('<testsuite tests="3"><testcase name="x"/></testsuite>', Cause.PARTIAL, "counts 3 tests and holds 1"),
        ("<testsuite><testcase", Cause.BROKEN, "no XML"),
        ("<html/>", Cause.BROKEN, "its root is 'html'"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><testsuite><testcase name="&b;"/></testsuite>', Cause.BROKEN, "document type"),
        ('<testsuite tests="many"><testcase name="x"/></testsuite>', Cause.BROKEN, "promised shape"),
    ],
)
def test_row_77_junit_that_proves_nothing(
    tmp_path: Path, vantage_of: Make, text: str, cause: Cause, named: str
) -> None:
    """Row 77: no tests, lost tests and files that are none are Unseen, never green."""
    outcome = unseen(junit(text, tmp_path, vantage_of))
    assert outcome.cause is cause
    assert named in outcome.detail


@pytest.mark.parametrize("look", [look_at_junit, look_at_changelog])
def test_a_missing_file_is_no_data(vantage_of: Make, look: Callable[..., files.Sight]) -> None:
    """A file that is not there is named."""
    outcome = unseen(look(JunitFile(path="nowhere/file"), vantage_of()).outcome)
    assert outcome.cause is Cause.NO_DATA
    assert "nowhere/file: No such file" in outcome.detail


def test_a_file_over_the_cap_is_not_read(tmp_path: Path, vantage_of: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """A result file larger than the cap is PARTIAL."""
    monkeypatch.setattr(files, "MAX_BYTES", 10)
    assert unseen(junit(GREEN, tmp_path, vantage_of)).cause is Cause.PARTIAL


CHANGELOG = """# Changelog

## [1.2.30] - 2026-12-01
Later.

## [v1.2.3] - 2026-11-20
- 채팅이 빨라졌다

### Fixed
- a leak

## 1.2.2
- old
"""


@pytest.mark.parametrize(
    ("text", "found", "part"),
    [
        (CHANGELOG, True, "- 채팅이 빨라졌다\n\n### Fixed\n- a leak"),
        ("v1.2.3\n======\n\nNew.\n\nv1.2.2\n======\nOld.\n", True, "New."),
        ("## 1.2.3-rc1\nNot yet.\n", False, ""),
        ("## 11.2.3\nOther.\n", False, ""),
        ("We mention 1.2.3 in passing.\n", False, ""),
        ("# Changelog\n## 1.2.3\n## 1.2.2\nOld.\n", True, ""),
        ("", False, ""),
    ],
)
def test_changelog_gives_the_versions_section(
    tmp_path: Path, vantage_of: Make, text: str, found: bool, part: str
) -> None:
    """The section of the very version, up to the next heading of its level."""
    (tmp_path / "CHANGELOG.md").write_text(text, encoding="utf-8")
    data = seen(look_at_changelog(ChangelogFile(path="CHANGELOG.md"), vantage_of()).outcome).data
    assert data == {"version": "v1.2.3", "found": found, "text": part}


def table(text: str | bytes, tmp_path: Path, vantage_of: Make, tail: int = 300) -> Seen | Unseen:
    content = text if isinstance(text, bytes) else text.encode()
    (tmp_path / "metrics.csv").write_bytes(content)
    vantage = vantage_of({"metrics_csv": BackEnd(address=str(tmp_path / "metrics.csv"))})
    return look_at_csv(CsvFile(tail=tail), vantage).outcome


HEAD = "timestamp,loop_latency_ms,safety\n"


def test_csv_gives_numbers_and_the_newest_time(tmp_path: Path, vantage_of: Make) -> None:
    """The last rows with numbers as numbers; the newest time is the evidence's."""
    rows = "2026-11-20T08:58:00Z,180,OK\r\n2026-11-20T08:59:00+00:00,190.5,OK\r\n2026-11-20T08:57:00,1,OK\r\n"
    outcome = seen(table("\ufeff" + HEAD + rows, tmp_path, vantage_of, tail=2))
    assert outcome.data["columns"] == ["timestamp", "loop_latency_ms", "safety"]
    assert [row["loop_latency_ms"] for row in outcome.data["rows"]] == [190.5, 1]
    assert outcome.data["count"] == 2
    assert outcome.newest == datetime(2026, 11, 20, 8, 59, tzinfo=UTC)


@pytest.mark.parametrize("stamp", ["1795683540", "1795683540000", "1795683540.0"])
def test_csv_times_may_be_numbers(tmp_path: Path, vantage_of: Make, stamp: str) -> None:
    """Seconds and milliseconds since 1970 are times too."""
    outcome = seen(table(f"ts,x\n{stamp},1\n", tmp_path, vantage_of))
    assert outcome.newest == datetime.fromtimestamp(1795683540, UTC)


def test_row_87_a_torn_last_line_is_dropped_and_noted(tmp_path: Path, vantage_of: Make) -> None:
    """Row 87: the line that is being written does not count, even where a number looks whole."""
    outcome = seen(table(HEAD + "2026-11-20T08:58:00Z,180,OK\n2026-11-20T08:59:00Z,19", tmp_path, vantage_of))
    assert outcome.data["count"] == 1
    assert outcome.notes == ("metrics.csv:3: a last line without its end was dropped",)


@pytest.mark.parametrize(
    ("text", "cause", "named"),
    [
        (HEAD, Cause.NO_DATA, "holds no rows"),
        ("", Cause.BROKEN, "a column without a name"),
        ("a,a\n1,2\n", Cause.BROKEN, "two of one name"),
        (
            HEAD + "2026-11-20T08:58:00Z,18\n2026-11-20T08:59:00Z,19,OK\n",
            Cause.PARTIAL,
            "metrics.csv:2: 2 fields where 3",
        ),
        (HEAD + "2026-11-20T08:58:00Z,nan,OK\n", Cause.PARTIAL, "metrics.csv:2: loop_latency_ms is nan"),
        (HEAD + "2026-11-20T08:58:00Z,-inf,OK\n", Cause.PARTIAL, "loop_latency_ms is -inf"),
        (HEAD + '2026-11-20T08:58:00Z,1,"open\n', Cause.PARTIAL, "unexpected end"),
        (HEAD.encode() + b"\xff,1,OK\n", Cause.BROKEN, "invalid UTF-8 at byte"),
    ],
)
def test_rows_35_and_36_csv_that_cannot_be_relied_on(
    tmp_path: Path, vantage_of: Make, text: str | bytes, cause: Cause, named: str
) -> None:
    """Rows 35 and 36: no rows, torn rows and numbers that are none are Unseen with line and column."""
    outcome = unseen(table(text, tmp_path, vantage_of))
    assert outcome.cause is cause
    assert named in outcome.detail


def test_a_long_csv_is_read_from_its_end(tmp_path: Path, vantage_of: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a file over the cap the header and the last whole lines are read."""
    monkeypatch.setattr(files, "MAX_BYTES", 200)
    rows = "".join(f"2026-11-20T08:{at:02}:00Z,{at},OK\n" for at in range(60))
    data = seen(table(HEAD + rows, tmp_path, vantage_of)).data
    assert [row["loop_latency_ms"] for row in data["rows"]] == [57, 58, 59]


def test_a_tail_of_nothing_is_refused() -> None:
    """tail: 0 would see nothing."""
    with pytest.raises(ConfigError, match="tail is 1 or more"):
        CsvFile(tail=0)


@pytest.mark.parametrize("path", ["../elsewhere.xml", "environments/../../x.xml", "link.xml", "", "a\0b"])
def test_row_76_a_path_that_leaves_the_project_is_a_configuration_error(
    tmp_path: Path, vantage_of: Make, path: str
) -> None:
    """Row 76: neither dots nor a link lead out of the project; nothing is read there."""
    (tmp_path / "link.xml").symlink_to(tmp_path.parent / "secret.xml")
    with pytest.raises(ConfigError, match=r"leads out of the project|is no file name"):
        look_at_junit(JunitFile(path=path), vantage_of())
