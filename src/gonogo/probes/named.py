"""What an environment names at a back end: a namespace, a bucket, a database, a host to look up."""

from __future__ import annotations

from difflib import get_close_matches

from gonogo.model.environment import Environment
from gonogo.model.errors import ConfigError


def named(environment: Environment, back_end: str, key: str, what: str = "") -> str:
    """`names.KEY` of the back end; ConfigError says what is near and what it has. `what` it is, for people: `a bucket`.

    An environment without the back end is held against the plan elsewhere.
    """
    found = environment.back_ends[back_end]
    value = found.names.get(key, "").strip()
    if not value:
        near = "".join(f"; did you mean {one!r}?" for one in get_close_matches(key, found.names, n=1))
        has = ", ".join(found.names) or "nothing"
        kind = f", {what}," if what else ""
        raise ConfigError(f"back end {back_end}: names.{key}{kind} is missing{near} (names has {has})", found.origin)
    return value
