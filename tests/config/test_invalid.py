"""Every bad file of invalid/ is refused with the one line that stands in its first line."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gonogo.model.errors import ConfigError, ExitStatus, SafetyRefusal

FILES = sorted((Path(__file__).parent / "invalid").glob("*.yaml"))
ROWS = {61, 62, 63, 64, 65, 66, 67, 68, 69, 70, 72, 73}  # of the fault matrix; 76 is in test_environment.py


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_bad_file_gets_its_one_line(path: Path, load: Callable[[Path], Any]) -> None:
    """The message is exactly the expected one, with file, line and column, and the exit status goes with it."""
    first = path.read_bytes().split(b"\n", 1)[0].decode("utf-8")
    kind, _, expected = first.removeprefix("# ").partition(": ")

    with pytest.raises((ConfigError, SafetyRefusal)) as caught:
        load(path)

    assert str(caught.value).partition(".yaml:")[2] == expected
    assert "\n" not in str(caught.value)
    assert caught.value.exit_status == {"expect": ExitStatus.CONFIGURATION, "refused": ExitStatus.REFUSED}[kind]


def test_each_row_of_the_fault_matrix_has_a_file() -> None:
    """Rows 61 to 73 on configuration are covered by files that carry the row's number."""
    numbers = {int(match[1]) for path in FILES if (match := re.match(r"row(\d+)-", path.name))}
    assert numbers == ROWS


@pytest.mark.parametrize(
    "path", [path for path in FILES if b"hunter2" in path.read_bytes()], ids=lambda path: path.stem
)
def test_what_may_be_a_secret_stays_out_of_the_message(path: Path, load: Callable[[Path], Any]) -> None:
    """A secret written into a file is not printed by the error about it."""
    with pytest.raises((ConfigError, SafetyRefusal)) as caught:
        load(path)
    assert "hunter2" not in str(caught.value)
