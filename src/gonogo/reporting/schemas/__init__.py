"""JSON Schemas of the files that a run leaves."""

from __future__ import annotations

from importlib.resources import files

NAMES = ("evidence", "verdict")


def schema_text(name: str) -> str:
    """The schema as it stands in the package. KeyError for an unknown name."""
    if name not in NAMES:
        raise KeyError(name)
    return files(__name__).joinpath(f"{name}.schema.json").read_text(encoding="utf-8")
