"""The name of a file format into its JSON Schema."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from gonogo.config import schema as config_schema
from gonogo.config.complain import nearest
from gonogo.judges import JUDGES
from gonogo.model.errors import ConfigError
from gonogo.probes import PROBES
from gonogo.reporting import schemas
from gonogo.reporting.load.schema import load_schema
from gonogo.reporting.samples import samples_schema

LOAD = "load"
SAMPLES = "samples"
NAMES = (*config_schema.NAMES, *schemas.NAMES, LOAD, SAMPLES)


def schema(name: str) -> str:
    """The schema as text, with the probes and judges of this installation. ConfigError for an unknown name."""
    if name in schemas.NAMES:
        return schemas.schema_text(name)
    if name == LOAD:
        return _text(load_schema())
    if name == SAMPLES:
        return _text(samples_schema())
    if name not in config_schema.NAMES:
        raise ConfigError(f"there is no schema {name!r}{nearest(name, NAMES)} (there is {', '.join(NAMES)})")
    return _text(config_schema.schema_of(name, PROBES, JUDGES))


def _text(document: Mapping[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"
