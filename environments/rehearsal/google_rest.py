"""Google's APIs over HTTP: container registry, Cloud SQL Admin, Resource Manager, and the public status page."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from functools import partial
from typing import Any

from bad_transport import LOGIN_PAGE
from http_server import Call, HttpServer, Reply
from mentoring import stamp
from world import DAY, HOUR, PROJECT, World, WorldRef

INSTANCE = "ion-db"
MANIFEST_TYPE = "application/vnd.docker.distribution.manifest.v2+json"
DENIED_PERMISSION = "run.services.list"
_MANIFEST = re.compile(r"/v2/(?P<name>.+)/manifests/(?P<reference>[^/]+)")
_TAGS = re.compile(r"/v2/(?P<name>.+)/tags/list")
_BACKUPS = re.compile(rf"/(?:sql/)?v1(?:beta4)?/projects/{PROJECT}/instances/{INSTANCE}/backupRuns")
_PROJECT = re.compile(r"/v3/projects/(?P<project>[^/:]+)(?P<verb>:testIamPermissions)?")
Answer = Callable[[World, Call], Reply]


def start(ref: WorldRef, host: str = "127.0.0.1") -> dict[str, str]:
    """Serve all four; name -> URL."""
    answers: dict[str, Answer] = {
        "registry": _authorized(ref, _registry, challenge='Bearer realm="rehearsal",service="registry"'),
        "cloud-sql": _authorized(ref, _cloud_sql),
        "resource-manager": _authorized(ref, _resource_manager),
        "provider-status": _status_page,
    }
    return {name: HttpServer(partial(_now, ref, answer), host).url for name, answer in answers.items()}


def _now(ref: WorldRef, answer: Answer, call: Call) -> Reply:
    return answer(ref.world, call)


def _authorized(ref: WorldRef, answer: Answer, challenge: str = "Bearer") -> Answer:
    def guarded(world: World, call: Call) -> Reply:
        if not call.bearer(ref.secrets.get("GONOGO_GCP_TOKEN", "")):
            return _error(401, "Request had invalid authentication credentials.", "UNAUTHENTICATED", challenge)
        return answer(world, call)

    return guarded


def _error(status: int, message: str, reason: str, challenge: str = "") -> Reply:
    headers = {"WWW-Authenticate": challenge} if challenge else {}
    return Reply(status=status, body={"error": {"code": status, "message": message, "status": reason}}, headers=headers)


# -- container registry, HTTP API version 2


def _registry(world: World, call: Call) -> Reply:
    if world.fault("registry-unauthorized"):
        return _error(401, "token has expired", "UNAUTHENTICATED", 'Bearer realm="rehearsal",error="invalid_token"')
    if call.path in ("/v2", "/v2/"):
        return Reply(body={})
    images = _images(world)
    if found := _TAGS.fullmatch(call.path):
        tags = [tag for name, tag in images if name == found["name"]]
        return Reply(body={"name": found["name"], "tags": sorted(tags)})
    if found := _MANIFEST.fullmatch(call.path):
        for (name, tag), manifest in images.items():
            digest = f"sha256:{hashlib.sha256(manifest).hexdigest()}"
            if name == found["name"] and found["reference"] in (tag, digest):
                headers = {"Content-Type": MANIFEST_TYPE, "Docker-Content-Digest": digest, "ETag": f'"{digest}"'}
                return Reply(body=manifest, headers=headers)
    missing = {"code": "MANIFEST_UNKNOWN", "message": "manifest unknown", "detail": {"path": call.path}}
    return Reply(status=404, body={"errors": [missing]})


def _images(world: World) -> dict[tuple[str, str], bytes]:
    """(name, tag) -> manifest."""
    wanted = [world.old_image, world.older_image]
    if not world.fault("image-missing"):
        wanted.append(world.new_image)
    found = {}
    for image in wanted:
        name, _, tag = image.partition("/")[2].partition(":")
        config = {"mediaType": "application/vnd.docker.container.image.v1+json", "size": 7023, "digest": _digest(image)}
        layer = {
            "mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip",
            "size": 32654,
            "digest": _digest(name),
        }
        manifest = {"schemaVersion": 2, "mediaType": MANIFEST_TYPE, "config": config, "layers": [layer]}
        found[name, tag] = json.dumps(manifest, indent=3).encode()
    return found


def _digest(text: str) -> str:
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


# -- Cloud SQL Admin


def _cloud_sql(world: World, call: Call) -> Reply:
    if call.method != "GET" or not _BACKUPS.fullmatch(call.path):
        return _error(404, "The Cloud SQL instance does not exist.", "NOT_FOUND")
    runs = [] if world.fault("backup-none") else [_backup(world, days) for days in range(7)]
    if world.fault("backup-stale"):
        runs = runs[1:]
    first, size = int(call.query.get("pageToken", "0")), int(call.query.get("maxResults", "20"))
    page: dict[str, Any] = {"kind": "sql#backupRunsList", "items": runs[first : first + size]}
    if first + size < len(runs):
        page["nextPageToken"] = str(first + size)
    return Reply(body=page)


def _backup(world: World, days: int) -> dict[str, Any]:
    """The run of so many days ago: daily, six hours ago at the earliest."""
    ended = world.now - 6 * HOUR - days * DAY
    has_failed = days < 2 and world.fault("backup-failed")
    is_empty = days == 0 and world.fault("backup-empty")
    run: dict[str, Any] = {
        "kind": "sql#backupRun",
        "id": str(int(ended * 1000)),
        "instance": INSTANCE,
        "type": "AUTOMATED",
        "backupKind": "SNAPSHOT",
        "location": "us",
        "status": "FAILED" if has_failed else "SUCCESSFUL",
        "windowStartTime": stamp(ended - 600),
        "enqueuedTime": stamp(ended - 500),
        "startTime": stamp(ended - 480),
        "endTime": stamp(ended),
        "maxChargeableBytes": "0" if is_empty else str(5_368_709_120 - days * 4_194_304),
    }
    if has_failed:
        run["error"] = {"kind": "sql#operationError", "code": "INTERNAL", "message": "An unknown error occurred."}
    return run


# -- Resource Manager


def _resource_manager(world: World, call: Call) -> Reply:
    found = _PROJECT.fullmatch(call.path)
    if world.fault("project-forbidden") or found is None or found["project"] != PROJECT:
        message = "The caller does not have permission, or the project does not exist."
        return _error(403, message, "PERMISSION_DENIED")
    if found["verb"]:
        asked = call.json().get("permissions", []) if call.method == "POST" else []
        is_lacking = world.fault("permission-missing")
        granted = [name for name in asked if not (is_lacking and name == DENIED_PERMISSION)]
        return Reply(body={"permissions": granted} if granted else {})
    state = "DELETE_REQUESTED" if world.fault("project-deleted") else "ACTIVE"
    return Reply(
        body={
            "name": "projects/415104041262",
            "parent": "organizations/1004",
            "projectId": PROJECT,
            "state": state,
            "displayName": "Naeda Genesis",
            "createTime": stamp(world.now - 400 * DAY),
            "etag": '"rehearsal"',
        }
    )


# -- Google Cloud's status page


def _status_page(world: World, call: Call) -> Reply:
    if call.path not in ("/", "/incidents.json"):
        return Reply(status=404, body=b"not found", headers={"Content-Type": "text/plain"})
    if world.fault("provider-status-broken"):
        return Reply(body=LOGIN_PAGE.encode(), headers={"Content-Type": "text/html; charset=utf-8"})
    incidents = [
        _incident("Cloud SQL", "Elevated connection errors in europe-west4", begin=world.now - 60 * HOUR, hours=3),
        _incident("Cloud Run", "Delayed deployments in us-east1", begin=world.now - 300 * HOUR, hours=2),
    ]
    if world.fault("provider-incident"):
        what = "Vertex AI prediction requests in us-central1 fail with 503"
        incidents.insert(0, _incident("Vertex AI", what, begin=world.now - HOUR, hours=None))
    return Reply(body=incidents)


def _incident(service: str, what: str, *, begin: float, hours: float | None) -> dict[str, Any]:
    """One incident of the feed; open without `hours`."""
    id_ = _digest(what)[7:13]
    end = None if hours is None else stamp(begin + hours * HOUR)
    update = {"created": stamp(begin + 900), "status": "SERVICE_DISRUPTION" if end is None else "AVAILABLE"}
    return {
        "id": id_,
        "number": str(int(begin)),
        "begin": stamp(begin),
        "created": stamp(begin + 600),
        "end": end,
        "modified": stamp(begin + 900),
        "external_desc": what,
        "severity": "medium",
        "status_impact": "SERVICE_DISRUPTION",
        "service_key": service.lower().replace(" ", "-"),
        "service_name": service,
        "affected_products": [{"title": service, "id": service.lower().replace(" ", "-")}],
        "updates": [],
        "most_recent_update": update | {"text": what},
        "uri": f"incidents/{id_}",
    }
