"""Checklist files into checks, with the probes and judges that a registry knows."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from gonogo.config.complain import brief, unknown_name, wrong
from gonogo.config.items import Checklist, Defaults, Item, Kind
from gonogo.config.leaves import Reader, list_of, mapping_of
from gonogo.config.names import check_against, check_expressions
from gonogo.config.parse import collector_paused, read_file
from gonogo.config.reader import origin_from_text, read, reader_of
from gonogo.config.tree import Tree, from_plain, shown, to_plain
from gonogo.model.check import Check, Mode, ProbeSpec, Rule
from gonogo.model.errors import ConfigError, Origin
from gonogo.model.units import parse_offset

__all__ = ["check_against", "check_expressions", "check_from_raw", "load_checklists"]

_NO_TIME = timedelta(0)
_ID = re.compile(r"[a-z0-9][a-z0-9-]*\Z")
_PART_ID = re.compile(r"[a-z0-9][a-z0-9-]*\.[a-z0-9-]+\Z")
_PROBE_NAME = re.compile(r"[a-z][a-z0-9_]*\Z")


def load_checklists(
    where: Path | Iterable[Path],
    probes: Mapping[str, Any],
    judges: Mapping[str, Any],
    *,
    root: Path | None = None,
    check_expression: Callable[[str], object] | None = None,
) -> tuple[Check, ...]:
    """Every check of a folder (and the folders in it) or of files, in the order of the files.

    `check_expression` raises ValueError for an expression with a wrong syntax; without it none is looked at.
    """
    files, root = _files(where, root)
    reading = _Reading(probes, judges, root or Path())
    checks: dict[str, Check] = {}
    with collector_paused(pause=True):
        for path in files:
            for check in reading.file(
                read_file(path, shown(path, root), when_empty="is empty: nothing would be checked")
            ):
                first = checks.setdefault(check.id, check)
                if first is not check:
                    raise ConfigError(f"the id {check.id!r} stands twice; first at {first.origin}", check.origin)
    made = tuple(checks.values())
    if check_expression is not None:
        check_expressions(made, check_expression)
    return made


def check_from_raw(raw: Mapping[str, Any], probes: Mapping[str, Any], judges: Mapping[str, Any]) -> Check:
    """The check again that has this `raw`, without its file."""
    return _Reading(probes, judges, Path()).again(raw)


def _files(where: Path | Iterable[Path], root: Path | None) -> tuple[Sequence[Path], Path | None]:
    if not isinstance(where, Path):
        return tuple(where), root
    if not where.is_dir():
        return (where,), root
    root = root or where.parent
    files = sorted(path for path in where.rglob("*") if path.suffix in {".yaml", ".yml"})
    if not files:
        raise ConfigError(f"{shown(where, root)}/ holds no checklist (*.yaml): nothing would be checked")
    for path in files:
        if not path.resolve().is_relative_to(where.resolve()):
            raise ConfigError("leads out of the checklist folder (a symbolic link)", Origin(file=shown(path, root)))
    return files, root


class _Reading:
    """Items into checks, with one compiled reader a kind."""

    def __init__(self, probes: Mapping[str, Kind], judges: Mapping[str, Kind], root: Path) -> None:
        self.root = root
        self.probes = probes
        self.judges = judges
        self.item = reader_of(Item)
        self.readers: dict[tuple[str, str], Reader] = {}

    def file(self, tree: Tree) -> Iterable[Check]:
        """The checks of one file."""
        head = read(Checklist, tree, "")
        if not head.items.value and head.items.value != {}:
            raise ConfigError("items is empty: nothing would be checked", head.items.origin)
        defaults: dict[str, Tree] = {}
        if head.defaults is not None:
            defaults = mapping_of(head.defaults, "defaults")
            read(Defaults, head.defaults, "defaults")
        common = {"system": head.system, "phase": head.phase.value}
        common |= {key: to_plain(value) for key, value in defaults.items()}
        for place, item in enumerate(list_of(head.items, "items")):
            own = mapping_of(item, f"items[{place}]")
            places = _places(own)
            raw = {**common, **to_plain(item), "origin": str(item.origin), "places": places}
            check = self.check(Tree({**defaults, **own}, item.file, item.mark, item.keys), head, raw)
            yield check
            if "each" in own:
                from gonogo.config.each import each_raw  # noqa: PLC0415 - few checklists have such an item

                for part in each_raw(check, own["each"], self.probes, self.root):
                    yield self.again(part)

    def again(self, raw: Mapping[str, Any]) -> Check:
        """The check that has this `raw`."""
        item = {key: value for key, value in raw.items() if key not in {"system", "phase", "origin", "places"}}
        origin = origin_from_text(raw.get("origin", "?"))
        tree = from_plain(item, origin.file, origin)
        for key, place in raw.get("places", {}).items():
            node = tree
            for part in key.split("."):
                node = node.value[int(part)] if isinstance(node.value, list) else node.value[part]
            node.mark = origin_from_text(f"{origin.file}:{place}")
        head = from_plain({"system": raw.get("system"), "phase": raw.get("phase"), "items": []}, origin.file, origin)
        return self.check(tree, read(Checklist, head, ""), dict(raw), ids=(_ID, _PART_ID))

    def check(
        self, tree: Tree, head: Checklist, raw: Mapping[str, Any], ids: tuple[re.Pattern[str], ...] = (_ID,)
    ) -> Check:
        """The check of one item with its defaults filled in."""
        given = tree.value.get("id")
        is_named = given is not None and type(given.value) is str and any(one.match(given.value) for one in ids)
        name = f"item {given.value}" if is_named else "the item"
        item: Item = self.item(tree, name)
        if not any(one.match(item.id) for one in ids):
            raise ConfigError(f"an id is made of a-z, 0-9 and -, not {brief(item.id)}", given.origin)
        if "en" not in item.title:
            raise ConfigError(f"{name}.title has no 'en', which it needs", tree.value["title"].origin)
        probes, rules = self._signoff(item, tree, name) if item.mode is Mode.SIGNOFF else self._looks(item, tree, name)
        if item.eventually is not None and not item.eventually.within >= item.eventually.every > _NO_TIME:
            raise ConfigError(
                f"{name}.eventually: `every` is longer than 0 and at most `within`", tree.value["eventually"].origin
            )
        return Check(
            id=item.id,
            title=item.title,
            system=head.system,
            phase=head.phase,
            area=item.area,
            owner=item.owner,
            remedy=item.remedy,
            source=item.source,
            probes=probes,
            rules=rules,
            at=_offset(tree.value["at"], name) if item.at is not None else None,
            severity=item.severity,
            mode=item.mode,
            eventually=item.eventually,
            action=item.action,
            raw=raw,
            origin=tree.origin,
        )

    def _looks(self, item: Item, tree: Tree, name: str) -> tuple[dict[str, ProbeSpec], tuple[Rule, ...]]:
        if item.pass_ is not None and item.pass_.value in (None, []):
            raise ConfigError(f"{name}.pass is empty: nothing would be checked", item.pass_.origin)
        if item.pass_ is None:
            raise ConfigError(f"{name} has neither `pass` nor mode: signoff: nothing would be checked", tree.origin)
        rules = tuple(
            Rule(kind=kind, options=options, origin=entry.origin)
            for place, entry in enumerate(list_of(item.pass_, f"{name}.pass"))
            for kind, options in [self._one(entry, f"{name}.pass[{place}]", "judge", self.judges)]
        )
        if item.probe is not None and item.probes is not None:
            raise ConfigError(f"{name} has both `probe` and `probes`; keep one", item.probes.origin)
        if item.probe is not None:
            return {"it": self._spec(item.probe, f"{name}.probe")}, rules
        if item.probes is not None:
            named = mapping_of(item.probes, f"{name}.probes")
            for key in named:
                if not _PROBE_NAME.match(key):
                    raise ConfigError(
                        f"a probe's name is made of a-z, 0-9 and _, not {brief(key)}", item.probes.key_origin(key)
                    )
            return {key: self._spec(spec, f"{name}.probes.{key}") for key, spec in named.items()}, rules
        if not all(getattr(self.judges[rule.kind], "sums_up", False) for rule in rules):
            raise ConfigError(f"{name} has no `probe`, and its rules do not sum up other items", tree.origin)
        return {}, rules

    def _signoff(self, item: Item, tree: Tree, name: str) -> tuple[dict[str, ProbeSpec], tuple[Rule, ...]]:
        for key in ("probe", "probes", "pass", "each", "eventually"):
            if key in tree.value:
                raise ConfigError(f"{name} is a sign-off and has a `{key}`; a person decides it", tree.key_origin(key))
        for kind, registry in (("signoff", self.probes), ("signed", self.judges)):
            if kind not in registry:
                raise ConfigError(f"{name} is a sign-off, and there is no {kind!r} to read it with", tree.origin)
        spec = ProbeSpec(kind="signoff", options=self.probes["signoff"].options(id=item.id), origin=tree.origin)
        return {"it": spec}, (Rule(kind="signed", options=self.judges["signed"].options(), origin=tree.origin),)

    def _spec(self, tree: Tree, name: str) -> ProbeSpec:
        kind, options = self._one(tree, name, "probe", self.probes)
        return ProbeSpec(kind=kind, options=options, origin=tree.origin)

    def _one(self, tree: Tree, name: str, what: str, registry: Mapping[str, Kind]) -> tuple[str, Any]:
        """The kind and the options of a mapping with one key."""
        value = tree.value
        if type(value) is not dict or len(value) != 1:
            if type(value) is dict and value:
                raise ConfigError(f"{name} names several {what}s: {', '.join(value)}; one each", tree.origin)
            wrong(tree, name, f"one {what} with its options, like {{{next(iter(registry), 'kind')}: {{...}}}}")
        ((kind, options),) = value.items()
        reader = self.readers.get((what, kind))
        if reader is None:
            if kind not in registry:
                unknown_name(Tree(kind, tree.file, tree.key_origin(kind)), f"a {what}", registry)
            reader = self.readers[what, kind] = reader_of(registry[kind].options)
        return kind, reader(options, f"{name}.{kind}")


def _places(item: Mapping[str, Tree]) -> dict[str, str]:
    """Where the probes and rules of an item stand, by their path in it: a reason names the line of its rule."""
    places: dict[str, str] = {}
    for key in ("probe", "probes", "pass"):
        node = item.get(key)
        if node is None:
            continue
        below = node.value.items() if isinstance(node.value, dict) else enumerate(node.value or ())
        named = {key: node} if key == "probe" else {f"{key}.{part}": entry for part, entry in below}
        for path, entry in named.items():
            places[path] = f"{entry.mark.line + 1}:{entry.mark.column + 1}"
    return places


def _offset(tree: Tree, name: str) -> timedelta:
    try:
        return parse_offset(tree.value)
    except (ValueError, OverflowError) as error:
        raise ConfigError(f"{name}.at: {error}", tree.origin) from None
