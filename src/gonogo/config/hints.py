"""Type hints of a dataclass, evaluated once: everything here that reads one asks for the same."""

from __future__ import annotations

from functools import cache
from typing import Any, get_type_hints


@cache
def hints_of(cls: type) -> dict[str, Any]:
    """`get_type_hints`, which compiles every annotation each time it is called."""
    return get_type_hints(cls)
