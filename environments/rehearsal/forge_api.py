"""GitHub's REST API on the release: checks of its commit, its pull request with reviews, its release text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from http_server import Call, HttpServer, Reply
from mentoring import stamp
from world import DAY, HOUR, OLD_VERSION, REPOSITORY

CHECKS = ("lint", "types", "unit tests", "integration tests", "container build", "security scan")
AUTHOR, REVIEWER, SECOND = "ion-developer", "ion-reviewer", "ion-maintainer"


class World(Protocol):
    """What the forge asks of a system's world."""

    now: float
    release: dict[str, object]
    new_version: str

    def fault(self, name: str) -> bool:
        """True if this fault is switched on."""


class WorldRef(Protocol):
    """What the forge holds."""

    secrets: dict[str, str]

    @property
    def world(self) -> World:
        """The world of now."""


@dataclass(frozen=True, kw_only=True)
class Project:
    """One repository. `checks` are the names of its checks, of which `tests` and `scan` have faults."""

    repository: str
    title: str
    old_version: str
    checks: tuple[str, ...]
    tests: str
    scan: str
    notes: str


ION = Project(
    repository=REPOSITORY,
    title="ION API",
    old_version=OLD_VERSION,
    checks=CHECKS,
    tests="integration tests",
    scan="security scan",
    notes="""- Personalised recommendations answer in half the time.
- 한국어 응답의 문장 부호를 고쳤습니다.
""",
)


def start(ref: WorldRef, host: str = "127.0.0.1", project: Project = ION) -> str:
    """Serve; returns the URL."""
    return HttpServer(partial(_answer, ref, project), host).url


def _answer(ref: WorldRef, project: Project, call: Call) -> Reply:
    world = ref.world
    if world.fault("forge-token-expired") or not call.bearer(ref.secrets.get("GONOGO_GITHUB_TOKEN", "")):
        return Reply(status=401, body={"message": "Bad credentials", "status": "401"})
    if call.method != "GET":
        return Reply(status=403, body={"message": "Resource not accessible by integration", "status": "403"})
    if call.path == "/user":
        return Reply(body={"login": "gonogo-reader", "id": 4242, "type": "User"})
    base = f"/repos/{project.repository}"
    if not call.path.startswith(f"{base}/"):
        return _not_found()
    path = call.path.removeprefix(base)
    commit, pull = str(world.release["commit"]), world.release.get("pull_request")
    tags = (str(world.release["version"]), world.new_version)
    if found := re.fullmatch(r"/commits/([^/]+)/(check-runs|status)", path):
        if found[1] != commit:
            return Reply(status=422, body={"message": f"No commit found for SHA: {found[1]}", "status": "422"})
        return _check_runs(world, project, call) if found[2] == "check-runs" else _statuses(commit)
    if path == f"/pulls/{pull}":
        return Reply(body=_pull(world))
    if path == f"/pulls/{pull}/reviews":
        return _paged(call, _reviews(world))
    if (found := re.fullmatch(r"/releases/tags/([^/]+)", path)) and found[1] in tags:
        missing = world.fault("release-notes-missing")
        return _not_found() if missing else Reply(body=_release(world, project, found[1]))
    return _not_found()


def _not_found() -> Reply:
    return Reply(status=404, body={"message": "Not Found", "status": "404"})


def _paged(call: Call, rows: list[Any], key: str | None = None) -> Reply:
    """One page, with GitHub's Link header; below `key` beside the total count, or bare."""
    size, page = min(int(call.query.get("per_page", "30")), 100), int(call.query.get("page", "1"))
    part = rows[(page - 1) * size : page * size]
    headers = {}
    if page * size < len(rows):
        headers["Link"] = f'<{call.path}?per_page={size}&page={page + 1}>; rel="next"'
    return Reply(body=part if key is None else {"total_count": len(rows), key: part}, headers=headers)


def _check_runs(world: World, project: Project, call: Call) -> Reply:
    runs = []
    for number, name in enumerate(() if world.fault("ci-none") else project.checks, start=1):
        status: str = "completed"
        conclusion: str | None = "success"
        if name == project.tests and any(
            world.fault(fault) for fault in ("ci-red", "waiver-expired", "waiver-other-release")
        ):
            conclusion = "failure"
        if name == project.scan and world.fault("ci-pending"):
            status, conclusion = "in_progress", None
        done = stamp(world.now - 5 * HOUR + number * 60)
        runs.append(
            {
                "id": 9000 + number,
                "name": name,
                "head_sha": world.release["commit"],
                "status": status,
                "conclusion": conclusion,
                "started_at": stamp(world.now - 5 * HOUR),
                "completed_at": done if conclusion else None,
                "app": {"slug": "github-actions"},
            }
        )
    return _paged(call, runs, "check_runs")


def _statuses(commit: str) -> Reply:
    return Reply(body={"state": "pending", "statuses": [], "sha": commit, "total_count": 0})


def _pull(world: World) -> dict[str, Any]:
    return {
        "number": world.release.get("pull_request"),
        "state": "closed",
        "merged": True,
        "merged_at": stamp(world.now - 4 * HOUR),
        "title": f"Release {world.release['version']}",
        "user": {"login": AUTHOR},
        "head": {"ref": "release", "sha": world.release["commit"]},
        "base": {"ref": "main"},
        "merge_commit_sha": world.release["commit"],
    }


def _reviews(world: World) -> list[dict[str, Any]]:
    told = [(SECOND, "COMMENTED", "One question on the cache.", 8 * HOUR)]
    if not world.fault("review-missing"):
        told.append((REVIEWER, "APPROVED", "좋습니다. Good to go.", 6 * HOUR))
    if world.fault("review-changes-requested"):
        told.append((SECOND, "CHANGES_REQUESTED", "The migration lacks a way back.", 5 * HOUR))
    return [
        {
            "id": 7000 + number,
            "user": {"login": login},
            "state": state,
            "body": body,
            "submitted_at": stamp(world.now - ago),
            "commit_id": world.release["commit"],
        }
        for number, (login, state, body, ago) in enumerate(told, start=1)
    ]


def _release(world: World, project: Project, tag: str) -> dict[str, Any]:
    version = (
        project.old_version.removeprefix("v")
        if world.fault("release-notes-other-version")
        else world.release["version"]
    )
    return {
        "id": 501,
        "tag_name": tag,
        "name": f"{project.title} {version}",
        "draft": False,
        "prerelease": False,
        "created_at": stamp(world.now - DAY),
        "published_at": stamp(world.now - DAY),
        "body": f"## {project.title} {version}\n\n{project.notes}",
    }
