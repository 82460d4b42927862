"""GitHub's REST API on the release: checks of its commit, its pull request with reviews, its release text."""

from __future__ import annotations

import re
from typing import Any

from http_server import Call, HttpServer, Reply
from mentoring import stamp
from world import DAY, HOUR, OLD_VERSION, REPOSITORY, World, WorldRef

CHECKS = ("lint", "types", "unit tests", "integration tests", "container build", "security scan")
AUTHOR, REVIEWER, SECOND = "ion-developer", "ion-reviewer", "ion-maintainer"
NOTES = """## ION API {version}

- Personalised recommendations answer in half the time.
- 한국어 응답의 문장 부호를 고쳤습니다.
"""


def start(ref: WorldRef, host: str = "127.0.0.1") -> str:
    """Serve; returns the URL."""
    return HttpServer(lambda call: _answer(ref, call), host).url


def _answer(ref: WorldRef, call: Call) -> Reply:
    world = ref.world
    if world.fault("forge-token-expired") or not call.bearer(ref.secrets.get("GONOGO_GITHUB_TOKEN", "")):
        return Reply(status=401, body={"message": "Bad credentials", "status": "401"})
    if call.method != "GET":
        return Reply(status=403, body={"message": "Resource not accessible by integration", "status": "403"})
    if call.path == "/user":
        return Reply(body={"login": "gonogo-reader", "id": 4242, "type": "User"})
    base = f"/repos/{REPOSITORY}"
    if not call.path.startswith(f"{base}/"):
        return _not_found()
    path = call.path.removeprefix(base)
    commit, pull = str(world.release["commit"]), world.release.get("pull_request")
    tags = (str(world.release["version"]), world.new_version)
    if found := re.fullmatch(r"/commits/([^/]+)/(check-runs|status)", path):
        if found[1] != commit:
            return Reply(status=422, body={"message": f"No commit found for SHA: {found[1]}", "status": "422"})
        return _check_runs(world, call) if found[2] == "check-runs" else _statuses(commit)
    if path == f"/pulls/{pull}":
        return Reply(body=_pull(world))
    if path == f"/pulls/{pull}/reviews":
        return _paged(call, _reviews(world))
    if (found := re.fullmatch(r"/releases/tags/([^/]+)", path)) and found[1] in tags:
        return _not_found() if world.fault("release-notes-missing") else Reply(body=_release(world, found[1]))
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


def _check_runs(world: World, call: Call) -> Reply:
    runs = []
    for number, name in enumerate(() if world.fault("ci-none") else CHECKS, start=1):
        status: str = "completed"
        conclusion: str | None = "success"
        if name == "integration tests" and any(
            world.fault(fault) for fault in ("ci-red", "waiver-expired", "waiver-other-release")
        ):
            conclusion = "failure"
        if name == "security scan" and world.fault("ci-pending"):
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


def _release(world: World, tag: str) -> dict[str, Any]:
    version = OLD_VERSION.removeprefix("v") if world.fault("release-notes-other-version") else world.release["version"]
    return {
        "id": 501,
        "tag_name": tag,
        "name": f"ION API {version}",
        "draft": False,
        "prerelease": False,
        "created_at": stamp(world.now - DAY),
        "published_at": stamp(world.now - DAY),
        "body": NOTES.format(version=version),
    }
