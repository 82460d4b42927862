"""What an environment allows of a load run: its hosts, its profiles, paths on its own sides."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from gonogo.judges.loads.capacity_step import wanting
from gonogo.judges.loads.slos import misfit
from gonogo.model.environment import Environment
from gonogo.model.errors import ConfigError, SafetyRefusal
from gonogo.model.load import Profile
from gonogo.model.units import show_duration

SIDES = {"canary": "canary", "legacy": "stable"}  # side of a load run -> side of the environment
PROBE = "probe"  # the profile of a run that names none


def guard_profile(profile: Profile, environment: Environment, profiles: Mapping[str, Profile]) -> None:
    """An allowed profile may be run as it stands or gentler; a probe, when some allowed profile covers it."""
    allowed = environment.guards.profiles
    shown = f"(guards.profiles: {', '.join(allowed) or 'none'})"
    if profile.name != PROBE and profile.name not in allowed:
        raise SafetyRefusal(
            f"{environment.name} does not allow the profile {profile.name!r} {shown}", environment.origin
        )
    if profile.name in profiles and (beyond := _beyond(profiles[profile.name], profile)):
        raise SafetyRefusal(f"{environment.name} allows {profile.name!r} with {beyond}", environment.origin)
    names = [profile.name] if profile.name != PROBE else allowed
    if not any(_covers(profiles[name], profile) for name in names if name in profiles):
        every = show_duration(profile.delay)
        raise SafetyRefusal(
            f"{environment.name} allows no profile with {profile.requests} requests a side and {every} between {shown}",
            environment.origin,
        )


def _beyond(allowed: Profile, wanted: Profile) -> str | None:
    """What --requests or --delay makes harsher; None if neither does."""
    if allowed.requests is not None and wanted.requests is not None and wanted.requests > allowed.requests:
        return f"at most {allowed.requests} requests a side, not {wanted.requests}"
    if wanted.delay < allowed.delay:
        return f"a delay of at least {show_duration(allowed.delay)}, not {show_duration(wanted.delay)}"
    return None


def guard_reports(folder: Path) -> None:
    """ConfigError for a folder that takes no run folder: a run that cannot be kept is not begun."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise ConfigError(f"{folder}: reports cannot be kept there ({error.strerror or error})") from None


def _covers(allowed: Profile, wanted: Profile) -> bool:
    if allowed.workload is not wanted.workload:
        return False
    bound = allowed.requests
    return (bound is None or (wanted.requests is not None and wanted.requests <= bound)) and (
        wanted.delay >= allowed.delay and wanted.connections <= allowed.connections
    )


def guard_host(host: str | None, environment: Environment) -> None:
    """Refuse a --host that is no side of the environment."""
    if host is None:
        return
    parts = urlsplit(host)
    mine = [urlsplit(environment.sides[name].url) for name in SIDES.values() if name in environment.sides]
    if not any((parts.scheme, parts.netloc) == (side.scheme, side.netloc) for side in mine):
        raise SafetyRefusal(f"--host {host!r} is no side of {environment.name}; its file says where it is")


def check_path(side: str, path: str, environment: Environment) -> None:
    """Refuse a path that leads to another host; ConfigError for one that is none."""
    if "://" in path or path.startswith(("//", "/\\", "\\")):
        raise SafetyRefusal(f"--{side}-path names a host; only those of {environment.name} are sent to")
    if not path.startswith("/") or not path.isascii() or not path.isprintable() or " " in path or "#" in path:
        raise ConfigError(f"--{side}-path is a path that starts with /, without blanks and #, not {path!r}")


def check_objectives(profile: Profile, environment: Environment, sides: Iterable[str]) -> None:
    """ConfigError for a unit that does not fit, and for a capacity profile without objectives that can break."""
    names = [SIDES[side] for side in sides]
    wrong = misfit(names, environment.objectives)
    if wrong is not None:
        raise ConfigError(wrong[0], wrong[1].origin)
    lacks = [lack for name in names if profile.steps and (lack := wanting(name, environment.objectives))]
    if lacks:
        raise ConfigError(f"{environment.name} cannot be searched for its capacity: {lacks[0]}", environment.origin)
