"""The table of tests/README.md, held against the tests that exist."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
_ROW = re.compile(r"\| (?P<row>\d+) \| (?P<fault>.+?) \| (?P<tests>[^|]+) \|\Z")
_TEST = re.compile(r"`([a-z_/]+\.py::[^`]+)`")


def _rows() -> list[re.Match[str]]:
    lines = (HERE / "README.md").read_text(encoding="utf-8").splitlines()
    return [match for line in lines if (match := _ROW.match(line))]


def test_every_row_stands_once_with_tests_or_a_reason() -> None:
    """Rows 1 to 124, in order; what is not tested here says why."""
    rows = _rows()
    assert [int(row["row"]) for row in rows] == list(range(1, 125))
    for row in rows:
        assert _TEST.findall(row["tests"]) or re.match(r"not here: \w", row["tests"]), row[0]
    elsewhere = {int(row["row"]) for row in rows if row["tests"].startswith("not here")}
    assert elsewhere <= {57, 58, 97, 99, 100, *range(105, 111)}


def test_every_test_of_the_table_exists(request: pytest.FixtureRequest) -> None:
    """By its node id, among those that this run has collected; what it has not is collected for this."""
    named = {f"tests/{name}" for row in _rows() for name in _TEST.findall(row["tests"])}
    have = {form for item in request.session.items for form in (item.nodeid, item.nodeid.partition("[")[0])}
    missing = sorted(named - have)
    if not missing:
        return
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *missing],
        cwd=HERE.parent, capture_output=True, encoding="utf-8", check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
