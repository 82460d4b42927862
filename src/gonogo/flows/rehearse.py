"""A rehearsed environment kept up by hand: its addresses, its scenes, its faults."""

from __future__ import annotations

import shlex
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from gonogo.config.complain import nearest
from gonogo.config.environment import load_environment
from gonogo.config.faults import Fault, check_faults
from gonogo.flows.book import fault_table
from gonogo.flows.started import Started, started
from gonogo.model.environment import Environment, Start
from gonogo.model.errors import ConfigError
from gonogo.probes.places import is_loopback


def faults(root: Path, name: str) -> str:
    """One line a fault: its name, the phases in which it shows, what goes wrong."""
    environment = load_environment(name, root / "environments")
    _start(environment)
    table = fault_table(environment, root)
    wide = max((len(fault) for fault in table), default=0)
    lines = [
        f"{fault:<{wide}}  {one.what} ({', '.join((*one.phases, *one.load, *_watch(one), *one.rollout))})"
        for fault, one in table.items()
    ]
    return "\n".join([*lines, f"{len(table)} faults"]) + "\n"


def keep_up(root: Path, name: str, scene: str, chosen: Sequence[str], say: Callable[[str], None]) -> None:
    """Start it, tell its addresses and what other tools prove themselves with there, and stay until KeyboardInterrupt.
    ConfigError for a scene or fault it has not.
    """
    environment = load_environment(name, root / "environments")
    start = _start(environment)
    scenes = tuple(dict.fromkeys(start.scenes.values()))
    if scene and scene not in scenes:
        raise ConfigError(f"{name} has no scene {scene!r}{nearest(scene, scenes)} (there is {', '.join(scenes)})")
    check_faults(chosen, fault_table(environment, root))
    with started(environment, root, scene, chosen) as up:
        wide = max((len(address) for address in up.addresses), default=0)
        say("".join(f"{key:<{wide}}  {address}\n" for key, address in up.addresses.items()))
        say("".join(f"{line}\n" for line in exports(up)))
        say(f"{name} is up{f' in scene {scene}' if scene else ''}; Ctrl-C ends it\n")
        _wait()


def exports(up: Started) -> tuple[str, ...]:
    """A shell's commands that set the secrets of what was just started. They are made up for it and end with it; they
    are told where all of it is on this machine, and not where any of it is elsewhere.
    """
    if not all(_is_here(address) for address in up.addresses.values()):
        return ()
    return tuple(
        f"export {name}={shlex.quote(value)}"
        for name, value in up.secrets.items()
        if value.isprintable() and name.isidentifier()
    )


def _is_here(address: str) -> bool:
    if address.startswith("/"):
        return True  # a file
    try:
        return is_loopback(urlsplit(address if "://" in address else f"//{address}").hostname or "")
    except ValueError:
        return False


def _watch(fault: Fault) -> tuple[str, ...]:
    return ("watch",) if fault.watch else ()


def _wait() -> None:
    nothing = threading.Event()
    while True:
        nothing.wait(3600)


def _start(environment: Environment) -> Start:
    if environment.start is None:
        raise ConfigError(f"{environment.name} has no start command: there is nothing to rehearse", environment.origin)
    return environment.start
