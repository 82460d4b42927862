"""Google's REST APIs that have no client here: backups of Cloud SQL, and what we may do in the project."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gonogo.model.errors import ConfigError
from gonogo.model.evidence import Seen
from gonogo.probes.base import Probe, Sight, Vantage
from gonogo.probes.failure import Failure
from gonogo.probes.http.observer import Observer, cause_of, observe, segment
from gonogo.probes.http.transport import Ask, fetch
from gonogo.probes.json_strict import parse_json

_NEWEST = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudSqlBackupsOptions:
    """The newest backups of the back end's instance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectAccessOptions:
    """Whether we hold these permissions in the project."""

    permissions: tuple[str, ...]

    def __post_init__(self) -> None:
        if not 1 <= len(self.permissions) <= 100:
            raise ConfigError("permissions: 1 to 100 of them")


def look_backups(_: CloudSqlBackupsOptions, vantage: Vantage) -> Sight:
    """Backup runs newest first; `newest` is the newest one that succeeded, or null."""
    observer = Observer(vantage=vantage, name="cloud_sql")
    project, instance = segment(observer.named("project")), segment(observer.named("instance"))
    path = f"/v1/projects/{project}/instances/{instance}/backupRuns"

    def read() -> Seen:
        page = observer.json(path, {"maxResults": str(_NEWEST)})
        backups = [_backup(raw, vantage.now) for raw in page.get("items", [])]
        backups.sort(key=lambda one: one["ended"] or "", reverse=True)
        newest = next((one for one in backups if one["status"] == "SUCCESSFUL"), None)
        return Seen(data={"backups": backups, "newest": newest})

    return observe(f"GET {observer.url}{path}", read)


def look_access(options: ProjectAccessOptions, vantage: Vantage) -> Sight:
    """The project's state, and which of the permissions are granted and which are missing."""
    observer = Observer(vantage=vantage, name="resource_manager")
    project = observer.named("project")
    path = f"/v3/projects/{segment(project)}"

    def read() -> Seen:
        state = observer.json(path)["state"]
        granted = _granted(observer, f"{path}:testIamPermissions", options.permissions)
        missing = [name for name in options.permissions if name not in granted]
        return Seen(data={"project": project, "state": state, "granted": granted, "missing": missing})

    return observe(f"POST {observer.url}{path}:testIamPermissions", read)


def _granted(observer: Observer, path: str, permissions: tuple[str, ...]) -> list[str]:
    """The granted ones of `permissions`. It is a POST that changes nothing: the question is too long for a GET."""
    ask = Ask(
        url=observer.url + path,
        method="POST",
        headers={"Content-Type": "application/json"},
        body=json.dumps({"permissions": list(permissions)}).encode("utf-8"),
        auth=observer.back_end.auth,
        ca=observer.back_end.ca,
    )
    answer = fetch(observer.vantage, ask, observer.deadline)
    if answer.status != 200:
        raise Failure(cause_of(answer), f"{observer.url}{path} answered {answer.status}")
    found = parse_json(answer.body, f"{observer.url}{path}").get("permissions", [])
    return [name for name in permissions if name in found]


def _backup(raw: Any, now: datetime) -> dict[str, Any]:
    ended = datetime.fromisoformat(raw["endTime"]) if raw.get("endTime") else None
    size = raw.get("maxChargeableBytes")
    return {
        "id": str(raw["id"]),
        "status": raw["status"],
        "ended": ended.isoformat() if ended else None,
        "age_s": (now - ended).total_seconds() if ended else None,
        "size_bytes": int(size) if size is not None else None,
    }


BACKUPS = Probe(options=CloudSqlBackupsOptions, look=look_backups, back_ends=("cloud_sql",))
ACCESS = Probe(options=ProjectAccessOptions, look=look_access, back_ends=("resource_manager",))
