"""Registries, dataclasses and command line into docs/reference/; a test holds the files against the code."""

from __future__ import annotations

import argparse
import inspect
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import MISSING, Field, dataclass, field, fields
from datetime import timedelta
from enum import Enum
from pathlib import Path
from typing import Any

from gonogo import cli, pytest_plugin
from gonogo.config.checklist import load_checklists
from gonogo.judges import JUDGES
from gonogo.model import environment as nouns
from gonogo.model import ratelimit, rulebook
from gonogo.model.check import Check, Mode, Phase
from gonogo.model.errors import ExitStatus
from gonogo.model.units import show_duration
from gonogo.probes import PROBES
from gonogo.probes.base import Probe

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "docs" / "reference"
_MADE = "<!-- Written by docs/generate.py; change the code and run it again. -->\n"
_ABOUT_PROBES = """\
A probe looks and never judges. In a checklist: `probe: {KIND: {OPTION: VALUE}}`, or several by name under `probes:`.
Durations are written `200ms`, `10s`, `5m`, `12h`. A look that fails is evidence too, with its cause.
"""
_ABOUT_JUDGES = """\
A judge decides on evidence and never looks. In a checklist: `pass: [{KIND: {OPTION: VALUE}}, ...]`; an item passes if
all its rules do. An expression is JMESPath on the document of the item's probe, or on `{NAME: document}` where it has
several.
"""
_ABOUT_ENVIRONMENTS = """\
One YAML file in `environments/`. `extends: FILE` merges it over another one: keys given here win, mappings merge key by
key. Secrets are names of environment variables. `gonogo schema environment` prints the JSON Schema for an editor.

`also: [NAME]` brings environments of other systems along in a checklist run: each has its own folder and verdict, and
one that has no item of the selected phases is left out. They have no `also` of their own, and only a live environment
brings a live one.
"""
_TYPES = {
    "str": "text",
    "int": "integer",
    "float": "number",
    "bool": "true or false",
    "timedelta": "duration",
    "Expression": "expression",
    "ObjectiveName": "objective",
    "Any": "any value",
}
_MEANINGS = {
    ExitStatus.GO: "GO",
    ExitStatus.NO_GO: "NO-GO",
    ExitStatus.HOLD: "HOLD",
    ExitStatus.CONFIGURATION: "configuration or usage; nothing was sent",
    ExitStatus.REFUSED: "refused for safety; nothing was sent",
}


def pages() -> dict[str, str]:
    """Every page of the reference, by its file name."""
    return {
        "checklist.md": _checklist(),
        "command-line.md": _command_line(),
        "environments.md": _environments(),
        "judges.md": _judges(),
        "probes.md": _probes(),
    }


def _probes() -> str:
    parts = [
        "# Probes\n\n" + _MADE,
        _ABOUT_PROBES,
    ]
    for kind, probe in PROBES.items():
        parts.append(f"## {kind}\n\n{_said(probe.options)}\n")
        document = _said(probe.look)
        if document:
            parts.append(f"Document: {document}\n")
        parts.append(_needs(probe))
        parts.append(_options(probe.options))
    return "\n".join(part for part in parts if part)


def _needs(probe: Probe) -> str:
    needs = [f"back end `{name}`" for name in probe.back_ends]
    if probe.extra:
        needs.append(f"`pip install 'gonogo[{probe.extra}]'`")
    return f"Needs {' and '.join(needs)}.\n" if needs else ""


def _judges() -> str:
    parts = [
        "# Judges\n\n" + _MADE,
        _ABOUT_JUDGES,
    ]
    for kind, judge in JUDGES.items():
        parts.append(f"## {kind}\n\n{_said(judge.judge)}\n")
        own = _said(judge.options)
        if own:
            parts.append(own + "\n")
        parts.append(_options(judge.options))
    return "\n".join(part for part in parts if part)


def _environments() -> str:
    parts = [
        "# Environments and releases\n\n" + _MADE,
        _ABOUT_ENVIRONMENTS,
    ]
    for noun in (
        nouns.Environment,
        nouns.Side,
        nouns.BackEnd,
        nouns.Auth,
        nouns.Objective,
        nouns.Guards,
        nouns.Rollout,
        nouns.Contacts,
        nouns.Contact,
        ratelimit.Policy,
        rulebook.Rulebook,
        rulebook.Rule,
        rulebook.Alerting,
        rulebook.Source,
        rulebook.Queries,
        nouns.Start,
        nouns.Release,
    ):
        parts.append(f"## {noun.__name__}\n\n{_said(noun)}\n")
        if noun is not rulebook.Rule:  # it is written as one text
            parts.append(_options(noun))
    return "\n".join(parts)


def _checklist() -> str:
    checks = load_checklists(ROOT / "checks", PROBES, JUDGES)
    parts = [
        "# Checklist\n\n" + _MADE,
        f"{len(checks)} items. `gonogo explain ID` shows one with its rules and limits.\n",
    ]
    for system in dict.fromkeys(check.system for check in checks):
        for phase in Phase:
            items = [check for check in checks if check.system == system and check.phase is phase]
            if items:
                parts.append(f"## {system}, {phase.value}: {len(items)} items\n")
                rows = [(f"`{item.id}`", item.title["en"], _due(item), item.area.value, _how(item)) for item in items]
                parts.append(_table(("item", "title", "due", "area", "looks"), rows))
    return "\n".join(parts)


def _due(check: Check) -> str:
    return "always" if check.at is None else str(check.raw["at"])


def _how(check: Check) -> str:
    if check.mode is Mode.SIGNOFF:
        return "sign-off"
    kinds = dict.fromkeys(spec.kind for spec in check.probes.values())
    return ", ".join(f"[{kind}](probes.md#{kind})" for kind in kinds) or "the other verdicts"


def _command_line() -> str:
    parts = ["# Command line\n\n" + _MADE, "## pytest\n\nThe marks are the phases and the areas of the board.\n"]
    recorder = _Recorder()
    pytest_plugin.pytest_addoption(recorder)  # type: ignore[arg-type] # it asks a parser for this much
    parts.append(_table(("option", "meaning"), recorder.rows))
    root = cli._parser()
    (commands,) = (action for action in root._actions if isinstance(action, argparse._SubParsersAction))
    for name, command in commands.choices.items():
        parts += _command(f"## gonogo {name}", command)
    parts.append("## Exit status\n")
    statuses = [(str(int(status)), _MEANINGS[status]) for status in ExitStatus]
    parts.append(_table(("status", "means"), [*statuses, ("any other", "not a GO")]))
    return "\n".join(parts)


def _command(heading: str, command: argparse.ArgumentParser) -> list[str]:
    """What it is and its arguments; its verbs, where it has some."""
    parts = [f"{heading}\n\n{command.description}\n"]
    verbs = [action for action in command._actions if isinstance(action, argparse._SubParsersAction)]
    own = [action for action in command._actions if action.dest != "help" and action not in verbs]
    if own:
        parts.append(_table(("argument", "meaning"), [(_spelling(action), action.help or "") for action in own]))
    for name, verb in (pair for action in verbs for pair in action.choices.items()):
        parts += _command(f"#{heading} {name}", verb)
    return parts


@dataclass(slots=True)
class _Recorder:
    """Stands where pytest's parser stands and remembers the options."""

    rows: list[tuple[str, str]] = field(default_factory=list)

    def getgroup(self, *_: str) -> _Recorder:
        """The one group there is."""
        return self

    def addoption(self, name: str, **more: Any) -> None:
        """One row."""
        self.rows.append((f"`{name} {more['metavar']}`", more["help"]))


def _spelling(action: argparse.Action) -> str:
    wanted = action.metavar or (f"{{{','.join(action.choices)}}}" if action.choices else "")
    if not action.option_strings:
        return f"`{wanted}`"
    text = f"{', '.join(action.option_strings)} {wanted if action.nargs != 0 else ''}".strip()
    return f"`{text}`" + (", required" if action.required else "")


_ROOMS = (nouns, ratelimit, rulebook)


def _options(options: type) -> str:
    shown = [one for one in fields(options) if one.name != "origin"]
    if not shown:
        return "No options.\n"
    comments = _comments(options)
    rows = [
        (f"`{one.name.removesuffix('_')}`", _type(str(one.type)), _default(one), comments.get(one.name, ""))
        for one in shown
    ]
    if any(row[3] for row in rows):
        return _table(("key", "value", "default", ""), rows)
    return _table(("key", "value", "default"), [row[:3] for row in rows])


def _type(text: str) -> str:
    text = text.removesuffix(" | None")
    if text in _TYPES:
        return _TYPES[text]
    if match := re.fullmatch(r"tuple\[(\w+), \.\.\.\]", text):
        return f"list of {_TYPES.get(match[1], match[1])}"
    if match := re.fullmatch(r"Mapping\[str, (.+)\]", text):
        return f"mapping of {_type(match[1])}" if match[1] != "Any" else "mapping"
    if " | " in text:
        return " or ".join(_type(part) for part in text.split(" | "))
    allowed = next((found for where in _ROOMS if (found := getattr(where, text, None)) is not None), None)
    if inspect.isclass(allowed) and issubclass(allowed, Enum):
        return ", ".join(f"`{one.value}`" for one in allowed)
    return f"[{text}](#{text.lower()})" if allowed is not None and text != "Unit" else text.lower()


def _default(one: Field[Any]) -> str:
    value = one.default if one.default_factory is MISSING else one.default_factory()
    match value:
        case _ if value is MISSING:
            return "required"
        case None | "" | () | {}:
            return ""
        case timedelta():
            return f"`{show_duration(value)}`"
        case Enum():
            return f"`{value.value}`"
        case bool():
            return f"`{str(value).lower()}`"
        case tuple():
            return f"`[{', '.join(map(str, value))}]`"
        case str() | int() | float():
            return f"`{value}`"
        case _:
            return ""  # a noun with defaults of its own


def _comments(options: type) -> dict[str, str]:
    """What stands behind a field in the source: the shortest place for it, and the only one."""
    found = re.findall(r"^    (\w+): [^#\n]*?  # (.+)$", inspect.getsource(options), flags=re.MULTILINE)
    return {name: text for name, text in found if not text.startswith("noqa")}


def _said(thing: object) -> str:
    text = inspect.getdoc(thing) or ""
    return "" if re.match(r"\w+\(", text) else text  # dataclasses make a docstring of their signature


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def main() -> int:
    """Write the pages that differ."""
    OUT.mkdir(exist_ok=True)
    for name, text in pages().items():
        path = OUT / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8", newline="\n")
            print(f"wrote docs/reference/{name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
