"""An item with `each` into one more check for every part of its look, before anything is planned."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gonogo.config.items import Each
from gonogo.config.leaves import list_of
from gonogo.config.reader import read
from gonogo.config.tree import Tree, to_plain
from gonogo.model.check import Check
from gonogo.model.errors import ConfigError


def each_raw(check: Check, tree: Tree, probes: Mapping[str, Any], root: Path) -> Iterator[dict[str, Any]]:
    """What each part's check would be in the file; ConfigError for a look that has no parts."""
    name = f"item {check.id}.each"
    each = read(Each, tree, name)
    if "en" not in each.title:
        raise ConfigError(f"{name}.title has no 'en', which it needs", tree.value["title"].origin)
    if set(check.probes) != {"it"} or getattr(probes[check.probes["it"].kind], "parts", None) is None:
        raise ConfigError(f"{name} needs one `probe`, and one that has parts", tree.origin)
    spec = check.probes["it"]
    try:
        parts = probes[spec.kind].parts(spec.options, root)
    except ConfigError as error:
        raise error if error.origin is not None else ConfigError(str(error), spec.origin) from None
    rules = list_of(each.pass_, f"{name}.pass")
    places = {"probe": check.raw["places"]["probe"]}
    places |= {f"pass.{at}": f"{rule.mark.line + 1}:{rule.mark.column + 1}" for at, rule in enumerate(rules)}
    common = {key: value for key, value in check.raw.items() if key not in ("each", "pass", "places")}
    for part in parts:
        yield {
            **common,
            "id": f"{check.id}.{part.key}",
            "title": {language: _filled(text, part) for language, text in each.title.items()},
            "pass": _filled(to_plain(each.pass_), part),
            "places": places,
        }


def _filled(value: Any, part: Any) -> Any:
    match value:
        case str():
            return value.replace("{part}", part.key).replace("{title}", part.title)
        case dict():
            return {key: _filled(item, part) for key, item in value.items()}
        case list():
            return [_filled(item, part) for item in value]
        case _:
            return value
