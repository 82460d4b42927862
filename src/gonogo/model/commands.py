"""Commands in texts for people, with what a run knows in place of NAME, VERSION and FILE."""

from __future__ import annotations

import re

from gonogo.model.environment import Environment, Release

_OPTION = re.compile(r"(?P<option>--(?:env|yes|release|incident)) (?P<word>NAME|VERSION|FILE)\b")


def with_known(text: str, environment: Environment, release: Release | None = None) -> str:
    """`--env NAME`, `--yes NAME`, `--release VERSION` and `--incident FILE` of commands as they can be typed here. What
    is not known stays as it is: no release was given, or the incident is one that the rehearsal brings along.
    """
    incident = "" if environment.incident.startswith("address:") else environment.incident
    known = {
        ("--env", "NAME"): environment.name,
        ("--yes", "NAME"): environment.name,
        ("--release", "VERSION"): release.version if release is not None else "",
        ("--incident", "FILE"): incident,
    }

    def typed(found: re.Match[str]) -> str:
        word = known.get((found["option"], found["word"]))
        return f"{found['option']} {word}" if word else found[0]

    return _OPTION.sub(typed, text)
