"""A kubeconfig's credential plugin, run only if the environment names that very command."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from gonogo.model.errors import ConfigError
from gonogo.model.evidence import Cause
from gonogo.probes.base import Vantage
from gonogo.probes.deadline import Deadline
from gonogo.probes.failure import Failure

_VERSIONS = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")
_CAP = 256 * 1024
_SPARE = timedelta(minutes=1)  # before its end, credentials are asked for anew


@dataclass(slots=True)
class _Kept:
    """What plugins gave in this run, by their command lines."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    given: dict[tuple[str, ...], Mapping[str, Any]] = field(default_factory=dict)


def ran(vantage: Vantage, path: Path, plugin: Any, deadline: Deadline) -> Mapping[str, Any]:
    """The `status` of the plugin's ExecCredential: token, or clientCertificateData and clientKeyData.

    A kubeconfig may name any program, so names.exec of the back end has to hold the same `command`. It gets no
    standard input, the arguments of the kubeconfig as they are (no shell), and the time that is left of the look.
    What it gave serves all looks of the run, until a minute before its expirationTimestamp.
    """
    if not isinstance(plugin, dict) or not isinstance(plugin.get("command"), str):
        raise _wrong(vantage, f"{path.name}: exec names no command")
    command = plugin["command"]
    if vantage.back_end("kubernetes").names.get("exec") != command:
        raise _wrong(
            vantage,
            f"{path.name} wants to run {command[:80]!r} for its credentials; names.exec: {command[:80]} allows it",
        )
    version = plugin.get("apiVersion")
    if version not in _VERSIONS:
        raise _wrong(vantage, f"{path.name}: exec of {str(version)[:60]!r}; {_VERSIONS[0]} is spoken here")
    words = [command, *(str(one) for one in plugin.get("args") or ())]
    added = {str(one["name"]): str(one["value"]) for one in plugin.get("env") or ()}
    environment = {**os.environ, **added}
    kept = vantage.shared("kubernetes plugins", _Kept)
    if not kept.lock.acquire(timeout=deadline.left):
        raise _late(command, deadline)
    key = (*words, *sorted(f"{name}={value}" for name, value in added.items()))
    try:
        given = kept.given.get(key)
        if given is None or _ends(given):
            given = kept.given[key] = _asked(vantage, words, version, environment, deadline)
        return given
    finally:
        kept.lock.release()


def _asked(
    vantage: Vantage, words: list[str], version: str, environment: Mapping[str, str], deadline: Deadline
) -> Mapping[str, Any]:
    command = words[0]
    info = {"apiVersion": version, "kind": "ExecCredential", "spec": {"interactive": False}}
    try:
        done = subprocess.run(  # noqa: S603 - the environment file names this command
            words,
            env={**environment, "KUBERNETES_EXEC_INFO": json.dumps(info)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=deadline.left,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise _late(command, deadline) from None
    except OSError as error:
        raise _wrong(vantage, f"{command[:80]} does not run: {error.strerror}") from None
    if done.returncode:
        # What it printed may hold a credential, so only its status is told.
        raise Failure(Cause.DENIED, f"{command[:80]} gave no credentials: exit status {done.returncode}")
    try:
        status = json.loads(done.stdout[:_CAP])["status"]
        if not isinstance(status, dict):
            raise TypeError  # noqa: TRY301 - one way out for every other shape
    except (ValueError, KeyError, TypeError, RecursionError):
        raise Failure(Cause.DENIED, f"{command[:80]} printed no ExecCredential with a status") from None
    return status


def _ends(status: Mapping[str, Any]) -> bool:
    text = status.get("expirationTimestamp")
    try:
        return text is not None and datetime.fromisoformat(str(text)) - _SPARE < datetime.now(UTC)
    except (ValueError, TypeError):
        return True


def _late(command: str, deadline: Deadline) -> Failure:
    return Failure(Cause.TIMEOUT, f"{command[:80]} gave no credentials within {deadline.allowed:g} s")


def _wrong(vantage: Vantage, what: str) -> ConfigError:
    return ConfigError(f"back end kubernetes: {what}", vantage.back_end("kubernetes").origin)
