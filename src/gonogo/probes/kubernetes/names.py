"""What a look at a cluster names, a namespace or workloads, as the environment has it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from gonogo.model.environment import Environment
from gonogo.model.errors import ConfigError
from gonogo.model.evidence import Cause
from gonogo.probes.base import Vantage
from gonogo.probes.failure import Failure
from gonogo.probes.kubernetes.access import BACK_END
from gonogo.probes.named import named


def namespace_of(vantage: Vantage, key: str) -> str:
    """The namespace that the environment's back end has under `key`; ConfigError if it has none."""
    return _namespace(vantage.environment, key)


def refuse_unknown(options: Any, environment: Environment, _: Path) -> None:
    """ConfigError for a namespace or a list of names that the environment does not have: before anything is sent."""
    _namespace(environment, options.namespace)
    _wanted(environment, getattr(options, "name", None), getattr(options, "named", None))


def _namespace(environment: Environment, key: str) -> str:
    return named(environment, BACK_END, key, "a namespace")


def wanted_names(vantage: Vantage, name: str | None, named: str | None) -> tuple[str, ...]:
    """The one name, the environment's list of names, or nothing: then everything is meant."""
    return _wanted(vantage.environment, name, named)


def _wanted(environment: Environment, name: str | None, list_name: str | None) -> tuple[str, ...]:
    if name and list_name:
        raise ConfigError("name and named are two ways to say what to look at; one is meant")
    if list_name is None:
        return (name,) if name else ()
    found = environment.names.get(list_name)
    if not found:
        near = "".join(f"; did you mean {one!r}?" for one in get_close_matches(list_name, environment.names, n=1))
        has = ", ".join(environment.names) or "none"
        raise ConfigError(f"names.{list_name}, a list, is missing{near} (lists: {has})", environment.origin)
    return found


def rows_of(
    rows: Sequence[Mapping[str, Any]], wanted: tuple[str, ...], what: str, where: str
) -> tuple[list[Mapping[str, Any]], list[str]]:
    """Rows of the wanted names, all of them where everything is meant, and the names that are not there. None at all
    is Failure(NO_DATA): no `what` (deployment, secret) `where`.
    """
    found = [row for row in rows if not wanted or row["name"] in wanted]
    if not found:
        raise Failure(Cause.NO_DATA, f"{where}: no {' '.join([what, ', '.join(wanted)]).strip()}")
    names = {row["name"] for row in found}
    return found, [name for name in wanted if name not in names]
