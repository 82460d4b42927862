"""What every judge is: a pure function of its options and a case, to a finding."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NewType

from gonogo.model.verdict import Case, Finding

ObjectiveName = NewType("ObjectiveName", str)
"""Names an objective of the environment; configuration checks that it exists there."""

Expression = NewType("Expression", str)
"""A JMESPath expression on an evidence document; configuration checks its syntax."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """A way of deciding. `judge` does no I/O, reads no clock and never raises on evidence.

    A judge that sums up gets the outcomes of all other checks in `Case.others` and is asked last.
    """

    options: type
    judge: Callable[[Any, Case], Finding]
    sums_up: bool = False
