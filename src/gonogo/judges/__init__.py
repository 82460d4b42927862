"""Evidence into findings: the table of contents of the judges."""

from __future__ import annotations

from gonogo.judges import expect
from gonogo.judges.base import Judge

JUDGES: dict[str, Judge] = {
    "expect": expect.JUDGE,
}
