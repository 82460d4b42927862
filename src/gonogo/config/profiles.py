"""A file of load profiles into the model."""

from __future__ import annotations

import math
import re
from collections.abc import Collection
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import NoReturn

from gonogo.config.complain import brief, nearest
from gonogo.config.leaves import mapping_of
from gonogo.config.parse import read_file
from gonogo.config.profile_steps import CAPACITY, check_steps
from gonogo.config.reader import read
from gonogo.config.tree import Tree, shown
from gonogo.model.errors import ConfigError
from gonogo.model.load import Profile, Workload

_NAME = re.compile(r"[a-z][a-z0-9-]*\Z")
_ZERO = timedelta(0)


def load_profiles(path: Path, properties: Collection[str], *, root: Path | None = None) -> dict[str, Profile]:
    """Profiles by name; ConfigError for a profile that has no end, proves nothing or proves what no judge knows."""
    tree = read_file(path, shown(path, root))
    return {name: _profile(name, item, properties) for name, item in mapping_of(tree, "the file of profiles").items()}


def pick_profile(profiles: dict[str, Profile], name: str) -> Profile:
    """The profile of this name, or ConfigError with the nearest."""
    if name not in profiles:
        raise ConfigError(
            f"there is no profile {brief(name)}{nearest(name, profiles)} (allowed: {', '.join(sorted(profiles))})"
        )
    return profiles[name]


def check_profile(profile: Profile, properties: Collection[str]) -> None:
    """ConfigError for the first rule that is broken."""

    def wrong(what: str, key: str = "") -> NoReturn:
        raise ConfigError(f"{profile.name}{'.' if key else ''}{key} {what}", profile.origin)

    if not _NAME.match(profile.name):
        wrong("is no name of a profile: a-z, 0-9 and -")
    for key in ("requests", "connections"):
        value = getattr(profile, key)
        if value is not None and value < 1:
            wrong("is a number from 1 up", key)
    if profile.requests is None and profile.duration is None:
        wrong("has neither requests nor duration: it would not end")
    if profile.duration is not None and profile.duration <= _ZERO:
        wrong("is a duration longer than 0", "duration")
    if profile.steps is not None:
        check_steps(profile, profile.steps, wrong)
    elif CAPACITY in profile.proves:
        wrong(f"names {CAPACITY}, which only steps show", "proves")
    match profile.workload:
        case Workload.OPEN:
            if profile.rate is None or not math.isfinite(profile.rate) or profile.rate <= 0:
                wrong("wants arrivals a second, above 0: the workload is open", "rate")
            if profile.delay > _ZERO:
                wrong("has no meaning in an open workload: its rate says when to send", "delay")
        case Workload.CLOSED:
            if profile.rate is not None:
                wrong("has no meaning in a closed workload: answers and delay say when to send", "rate")
    if profile.duration is not None and profile.ramp > profile.duration:
        wrong("is longer than duration", "ramp")
    ratio = profile.abort_error_ratio
    if ratio is not None and not 0 < ratio <= 1:
        wrong("is a ratio above 0, up to 1", "abort_error_ratio")
    if not profile.proves:
        wrong("is empty: a profile that proves nothing cannot end in GO", "proves")
    for key in ("proves", "watches"):
        for named in getattr(profile, key):
            if named not in properties:
                wrong(f"names no property: {brief(named)}{nearest(named, properties)}", key)
    both = set(profile.proves) & set(profile.watches)
    if both:
        wrong(f"names {min(both)}, which the profile proves already", "watches")


def _profile(name: str, tree: Tree, properties: Collection[str]) -> Profile:
    value = mapping_of(tree, name)
    if "name" in value:
        raise ConfigError(f"{name}.name: the key of a profile is its name", value["name"].origin)
    named = Tree({**value, "name": Tree(name, tree.file, tree.mark)}, tree.file, tree.mark, tree.keys)
    profile = read(Profile, named, name)
    if profile.steps is not None and profile.rate is None:
        profile = replace(profile, rate=profile.steps.from_)
    check_profile(profile, properties)
    return profile
