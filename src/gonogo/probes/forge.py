"""GitHub's word on a release: the checks of its commit, the approvals of its pull request, its release text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gonogo.model.environment import Release
from gonogo.model.evidence import Cause, Seen, Unseen
from gonogo.probes.base import Probe, Sight, Vantage
from gonogo.probes.failure import Failure
from gonogo.probes.http.observer import Observer, observe, segment
from gonogo.probes.json_strict import parse_json

_HEADERS = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
_PAGE = 100
_MAX_PAGES = 20
_GOOD = ("success", "neutral", "skipped")  # what GitHub itself lets through a required check


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgeChecks:
    """The release's commit: nothing to choose."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgeApprovals:
    """The release's pull request: nothing to choose."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgeRelease:
    """The release's version as a tag: nothing to choose."""


def look_at_checks(_: ForgeChecks, vantage: Vantage) -> Sight:
    """{commit, checks: [{name, status, conclusion}], total, passed, not_passed: [names]}: check runs and commit
    statuses together. A commit without any is NO_DATA.
    """
    return _observe(vantage, "checks", _checks)


def look_at_approvals(_: ForgeApprovals, vantage: Vantage) -> Sight:
    """{pull_request, state, merged, head, author, approvals: [logins], changes_requested: [logins]}: each
    reviewer's last word; the author's own does not count.
    """
    return _observe(vantage, "approvals", _approvals)


def look_at_release(_: ForgeRelease, vantage: Vantage) -> Sight:
    """{tag, found, body, mentions_version}; the tag may have a v before the version. None there is found: false."""
    return _observe(vantage, "release", _release)


def _observe(vantage: Vantage, what: str, see: Callable[[Observer, Release], Seen]) -> Sight:
    observer = Observer(vantage=vantage, name="forge", headers=_HEADERS)
    release = vantage.release
    source = f"{observer.url}/repos/{observer.named('repository')} {what} of {release.version if release else '?'}"
    if release is None:
        return Sight(source=source, outcome=Unseen(cause=Cause.NO_DATA, detail="no release is named: --release FILE"))
    return observe(source, lambda: see(observer, release))


def _repository(observer: Observer) -> str:
    return "/repos/" + "/".join(segment(part) for part in observer.named("repository").split("/"))


def _checks(observer: Observer, release: Release) -> Seen:
    commit = f"{_repository(observer)}/commits/{segment(release.commit)}"
    checks = [
        {"name": run["name"], "status": run["status"], "conclusion": run["conclusion"]}
        for run in _pages(observer, f"{commit}/check-runs", "check_runs")
    ]
    for status in _pages(observer, f"{commit}/status", "statuses"):
        pending = status["state"] == "pending"
        checks.append(
            {
                "name": status["context"],
                "status": "in_progress" if pending else "completed",
                "conclusion": None if pending else status["state"],
            }
        )
    if not checks:
        raise Failure(Cause.NO_DATA, f"no check has reported on commit {release.commit}")
    bad = [each["name"] for each in checks if each["status"] != "completed" or each["conclusion"] not in _GOOD]
    return Seen(
        data={
            "commit": release.commit,
            "checks": checks,
            "total": len(checks),
            "passed": len(checks) - len(bad),
            "not_passed": bad,
        }
    )


def _approvals(observer: Observer, release: Release) -> Seen:
    if release.pull_request is None:
        raise Failure(Cause.NO_DATA, f"the release file names no pull_request ({release.origin})")
    path = f"{_repository(observer)}/pulls/{release.pull_request}"
    pull = observer.json(path)
    author = pull["user"]["login"]
    last: dict[str, str] = {}
    for review in _pages(observer, f"{path}/reviews", None):
        login = (review["user"] or {}).get("login")
        # A later comment leaves an approval standing; a dismissal ends it.
        if login and login != author and review["state"] in ("APPROVED", "CHANGES_REQUESTED", "DISMISSED"):
            last[login] = review["state"]
    return Seen(
        data={
            "pull_request": release.pull_request,
            "state": pull["state"],
            "merged": bool(pull.get("merged")),
            "head": pull["head"]["sha"],
            "author": author,
            "approvals": sorted(login for login, state in last.items() if state == "APPROVED"),
            "changes_requested": sorted(login for login, state in last.items() if state == "CHANGES_REQUESTED"),
        }
    )


def _release(observer: Observer, release: Release) -> Seen:
    version = release.version
    for tag in (version, version[1:] if version.startswith("v") else f"v{version}"):
        path = f"{_repository(observer)}/releases/tags/{segment(tag)}"
        answer = observer.get(path, allow=(404,))
        if answer.status == 200:
            return _release_text(parse_json(answer.body, path), version)
    return Seen(data={"tag": version, "found": False, "body": "", "mentions_version": False})


def _release_text(found: Mapping[str, Any], version: str) -> Seen:
    body = str(found.get("body") or "")
    text = f"{found.get('name') or ''}\n{body}"
    # The very version: 1.2.3 is named neither by 1.2.30 nor by 1.2.3-rc1.
    mentions = re.search(rf"(?<![\w.])v?{re.escape(version.removeprefix('v'))}(?![\w-]|\.\d)", text)
    return Seen(
        data={"tag": found["tag_name"], "found": True, "body": body[:20_000], "mentions_version": mentions is not None}
    )


def _pages(observer: Observer, path: str, key: str | None) -> Iterator[Mapping[str, Any]]:
    """The rows of all pages. Fewer than the server's own count is PARTIAL: nothing is judged on half a list."""
    seen, total = 0, None
    for page in range(1, _MAX_PAGES + 1):
        document = observer.json(path, {"per_page": str(_PAGE), "page": str(page)})
        rows = document if key is None else document[key]
        total = None if key is None else document["total_count"]
        yield from rows
        seen += len(rows)
        done = len(rows) < _PAGE if total is None else seen >= total
        if done:
            return
        if not rows:
            break
    raise Failure(Cause.PARTIAL, f"{path}: {seen} of {total if total is not None else 'more'} rows arrived")


CHECKS = Probe(options=ForgeChecks, look=look_at_checks, back_ends=("forge",))
APPROVALS = Probe(options=ForgeApprovals, look=look_at_approvals, back_ends=("forge",))
RELEASE = Probe(options=ForgeRelease, look=look_at_release, back_ends=("forge",))
