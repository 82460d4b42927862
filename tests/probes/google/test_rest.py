"""Backups, permissions, alerts, images and incidents over HTTP: documents of complete answers. Numbers are rows."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gonogo.model.environment import Auth, AuthKind, BackEnd, Release
from gonogo.model.errors import ConfigError
from gonogo.model.evidence import Cause, Seen, Unseen
from gonogo.probes import PROBES
from gonogo.probes.registry import split

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
NAMES = {"project": "naeda", "instance": "ion-db"}
BACKUPS = "/v1/projects/naeda/instances/ion-db/backupRuns"
PROJECT = "/v3/projects/naeda"
ALERTS = "/v3/projects/naeda/alerts"
MANIFEST = "/v2/naeda/ion/ion-api/manifests/v1.3.0"
IMAGE = "us-central1-docker.pkg.dev/naeda/ion/ion-api:v1.3.0"


@pytest.fixture
def see(fake: Any, vantage_of: Callable[..., Any]) -> Callable[..., Seen | Unseen]:
    """What the probe of this kind sees at the fake back end."""

    def look(kind: str, image: str = IMAGE, **options: Any) -> Seen | Unseen:
        auth = Auth(kind=AuthKind.BEARER, secret="TOKEN")
        back_end = BackEnd(address=fake.url, names=NAMES, auth=auth)
        probe = PROBES[kind]
        vantage = vantage_of(
            dict.fromkeys(probe.back_ends, back_end),
            release=Release(version="1.3.0", commit="c", image=image),
            now=NOW,
            secrets={"TOKEN": "hidden-token"},
        )
        outcome = probe.look(probe.options(**options), vantage).outcome
        assert "hidden-token" not in repr(outcome)
        return outcome

    return look


def seen(outcome: Seen | Unseen) -> Seen:
    assert isinstance(outcome, Seen), outcome
    return outcome


def hours_ago(hours: float) -> str:
    return (NOW - timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")


def backup(number: int, hours: float, status: str = "SUCCESSFUL", size: str | None = "1000") -> dict[str, Any]:
    found = {"id": str(number), "status": status, "endTime": hours_ago(hours)}
    return found if size is None else {**found, "maxChargeableBytes": size}


def test_the_newest_successful_backup_is_told(fake: Any, see: Any) -> None:
    """A newer failed run does not count as the newest backup."""
    fake.answers[BACKUPS] = {"items": [backup(1, 30), backup(3, 1, "FAILED", None), backup(2, 6)]}
    document = seen(see("cloud_sql_backups")).data
    assert [one["id"] for one in document["backups"]] == ["3", "2", "1"]
    assert document["newest"] == {
        "id": "2",
        "status": "SUCCESSFUL",
        "ended": "2026-11-20T03:00:00+00:00",
        "age_s": 6 * 3600,
        "size_bytes": 1000,
    }
    assert fake.calls[0].headers["authorization"] == "Bearer hidden-token"


def test_no_backup_is_seen_as_none(fake: Any, see: Any) -> None:
    """An instance without backups answers completely; `newest` is null and a rule fails on it."""
    fake.answers[BACKUPS] = {}
    assert seen(see("cloud_sql_backups")).data == {"backups": [], "newest": None}


def test_a_backup_without_its_status_is_broken(fake: Any, see: Any) -> None:
    """An answer of another shape than the API promises is no evidence."""
    fake.answers[BACKUPS] = {"items": [{"id": "1"}]}
    assert see("cloud_sql_backups").cause is Cause.BROKEN


@pytest.mark.parametrize(
    ("status", "cause"),
    [
        pytest.param(401, Cause.DENIED, id="row48-401"),
        pytest.param(403, Cause.DENIED, id="row48-403"),
        pytest.param(429, Cause.LIMITED, id="row48-429"),
        pytest.param(404, Cause.NO_DATA, id="404"),
    ],
)
@pytest.mark.parametrize(
    ("kind", "path", "options"),
    [
        ("cloud_sql_backups", BACKUPS, {}),
        ("project_access", PROJECT, {"permissions": ("run.services.get",)}),
        ("open_alerts", ALERTS, {}),
    ],
)
def test_refusals_are_told_with_status_and_without_token(  # noqa: PLR0917
    fake: Any, see: Any, kind: str, path: str, options: Any, status: int, cause: Cause
) -> None:
    """Row 48: a back end that refuses says nothing about the system."""
    fake.answers[path] = (status, {"error": {"message": "no"}})
    outcome = see(kind, **options)
    assert isinstance(outcome, Unseen)
    assert outcome.cause is cause
    assert str(status) in outcome.detail
    assert path in outcome.detail


def test_project_access_tells_what_is_missing(fake: Any, see: Any) -> None:
    """Granted and missing in the order that was asked."""
    fake.answers[PROJECT] = {"state": "ACTIVE"}
    fake.answers[f"{PROJECT}:testIamPermissions"] = {"permissions": ["c", "a"]}
    document = seen(see("project_access", permissions=("a", "b", "c"))).data
    assert document == {"project": "naeda", "state": "ACTIVE", "granted": ["a", "c"], "missing": ["b"]}
    assert [call.method for call in fake.calls] == ["GET", "POST"]


def test_project_access_without_any_permission(fake: Any, see: Any) -> None:
    """Google leaves the key out when nothing is granted."""
    fake.answers[PROJECT] = {"state": "ACTIVE"}
    fake.answers[f"{PROJECT}:testIamPermissions"] = {}
    assert seen(see("project_access", permissions=("a",))).data["missing"] == ["a"]


def test_access_to_nothing_is_refused() -> None:
    """An empty list of permissions would always be granted."""
    with pytest.raises(ConfigError, match="1 to 100"):
        PROBES["project_access"].options(permissions=())


def alert(name: str, opened: float, closed: float | None) -> dict[str, Any]:
    found = {
        "name": name,
        "state": "OPEN" if closed is None else "CLOSED",
        "openTime": hours_ago(opened),
        "policy": {"displayName": f"policy of {name}"},
    }
    return found if closed is None else {**found, "closeTime": hours_ago(closed)}


def test_alerts_that_are_open_or_were_within_the_window(fake: Any, see: Any) -> None:
    """An alert that is still open counts, however old; one that closed before the window does not."""
    pages = {"": ([alert("old", 200, 100), alert("still", 300, None)], "2"), "2": ([alert("late", 30, 20)], "")}
    fake.answers[ALERTS] = lambda call: dict(
        zip(("alerts", "nextPageToken"), pages[call.query.get("pageToken", "")], strict=True)
    )
    document = seen(see("open_alerts")).data
    assert [one["name"] for one in document["alerts"]] == ["late", "still"]
    assert [one["policy"] for one in document["open"]] == ["policy of still"]
    assert (document["count"], document["open"][0]["age_s"]) == (2, 300 * 3600)


def test_row44_a_page_of_alerts_that_comes_again_is_partial(fake: Any, see: Any) -> None:
    """Row 44: a circle of pages is not the whole."""
    fake.answers[ALERTS] = {"alerts": [], "nextPageToken": "again"}
    outcome = see("open_alerts")
    assert (outcome.cause, "came again" in outcome.detail) == (Cause.PARTIAL, True)


def test_an_image_that_exists(fake: Any, see: Any) -> None:
    """The digest is that of the manifest itself; without a pinned one there is nothing to match."""
    manifest = b'{"schemaVersion":2}'
    digest = f"sha256:{hashlib.sha256(manifest).hexdigest()}"
    fake.answers[MANIFEST] = (200, manifest, {"Docker-Content-Digest": digest})
    assert seen(see("registry_image")).data == {
        "image": IMAGE,
        "reference": "v1.3.0",
        "exists": True,
        "digest": digest,
        "digest_matches": None,
    }
    assert "vnd.oci.image.index" in fake.calls[0].headers["accept"]


def test_an_image_that_is_missing_is_seen_as_missing(see: Any) -> None:
    """404 is the registry's complete answer."""
    document = seen(see("registry_image")).data
    assert (document["exists"], document["digest"]) == (False, None)


@pytest.mark.parametrize("pinned", [True, False])
def test_a_pinned_digest_is_compared(fake: Any, see: Any, pinned: bool) -> None:
    """A pinned release is asked for by digest, and a registry that serves other bytes is caught."""
    manifest = b'{"schemaVersion":2}'
    digest = f"sha256:{hashlib.sha256(manifest).hexdigest()}"
    wanted = digest if pinned else "sha256:" + "0" * 64
    fake.answers[f"/v2/naeda/ion/ion-api/manifests/{wanted}"] = (200, manifest)
    assert seen(see("registry_image", image=f"{IMAGE}@{wanted}")).data["digest_matches"] is pinned


def test_a_digest_that_does_not_fit_its_manifest_is_broken(fake: Any, see: Any) -> None:
    """The registry's word alone is no evidence."""
    fake.answers[MANIFEST] = (200, b"{}", {"Docker-Content-Digest": "sha256:other"})
    assert see("registry_image").cause is Cause.BROKEN


@pytest.mark.parametrize(
    ("image", "wanted"),
    [
        ("host.dev/p/i:v1", ("p/i", "v1", None)),
        ("localhost:5000/i", ("i", "latest", None)),
        ("region/i:v1", ("region/i", "v1", None)),
        ("host.dev/p/i:v1@sha256:ab", ("p/i", "sha256:ab", "sha256:ab")),
        ("i", ("i", "latest", None)),
    ],
)
def test_image_names(image: str, wanted: tuple[str, str, str | None]) -> None:
    """Host, path, tag and digest as docker reads them."""
    assert split(image) == wanted


def incident(name: str, begin: float, end: float | None) -> dict[str, Any]:
    return {
        "id": name,
        "service_name": "Cloud Run",
        "begin": hours_ago(begin),
        "end": None if end is None else hours_ago(end),
        "severity": "high",
        "affected_products": [{"title": "Cloud Run", "id": "x"}],
        "external_desc": f"about {name}",
    }


def test_incidents_that_are_open_or_recent(fake: Any, see: Any) -> None:
    """One without an end is open; one that ended more than a week ago is history."""
    fake.answers["/incidents.json"] = [incident("old", 400, 300), incident("done", 50, 49), incident("open", 900, None)]
    document = seen(see("provider_status")).data
    assert [one["id"] for one in document["incidents"]] == ["done", "open"]
    assert [one["text"] for one in document["open"]] == ["about open"]
    assert document["open"][0]["products"] == ["Cloud Run"]


def test_a_feed_that_is_no_feed_is_broken(fake: Any, see: Any) -> None:
    """An error page in place of the feed does not mean that there is no incident."""
    fake.answers["/incidents.json"] = {"error": "later"}
    assert see("provider_status").cause is Cause.BROKEN


PAGE = "/api/v2/summary.json"


def told(name: str, status: str, *components: str, **more: Any) -> dict[str, Any]:
    """An incident of a Statuspage."""
    given = {"id": name, "name": name, "status": status, "impact": "major", "created_at": hours_ago(2), **more}
    return given | {
        "components": [{"name": one, "status": "major_outage"} for one in components],
        "incident_updates": [{"body": f"about {name}", "status": status}],
    }


@pytest.fixture
def statuspage(fake: Any, vantage_of: Callable[..., Any]) -> Callable[..., Seen | Unseen]:
    """What is seen of a Statuspage, of all components or of those with a name."""

    def look(document: Any, component: str = "") -> Seen | Unseen:
        fake.answers[PAGE] = document
        back_end = BackEnd(address=fake.url + PAGE, names={"component": component} if component else {})
        vantage = vantage_of({"provider_status": back_end}, now=NOW)
        outcome: Seen | Unseen = PROBES["provider_status"].look(PROBES["provider_status"].options(), vantage).outcome
        return outcome

    return look


def test_incidents_of_a_statuspage(statuspage: Any) -> None:
    """What is investigated, identified or monitored is open; what is resolved has ended."""
    resolved = told("late", "resolved", "API", resolved_at=hours_ago(1))
    document = {"page": {"id": "x"}, "incidents": [told("slow", "monitoring", "API"), resolved], "components": []}
    found = seen(statuspage(document)).data
    assert [one["text"] for one in found["open"]] == ["slow (monitoring): about slow"]
    assert found["open"][0]["products"] == ["API"]
    assert [(one["id"], one["end"]) for one in found["incidents"]][1:] == [("late", "2026-11-20T08:00:00+00:00")]
    assert found["affected"] == []


def test_components_of_a_statuspage(statuspage: Any) -> None:
    """A component that is out is told, also without an incident; one under maintenance is as announced."""
    states = {"API": "partial_outage", "Chat": "under_maintenance", "Login": "operational"}
    components = [{"name": name, "status": status} for name, status in states.items()]
    found = seen(statuspage({"page": {}, "incidents": [], "components": components})).data
    assert found["affected"] == [{"name": "API", "status": "partial_outage"}]


def test_other_products_of_a_provider(statuspage: Any) -> None:
    """An incident of a component that nobody here uses is left out; one that names none is not."""
    components = [{"name": "Login", "status": "major_outage"}, {"name": "API", "status": "operational"}]
    incidents = [
        told("chat", "investigating", "ChatApp"),
        told("all", "investigating"),
        told("api", "identified", "API"),
    ]
    document = {"page": {}, "incidents": incidents, "components": components}
    found = seen(statuspage(document, "api")).data
    assert sorted(one["id"] for one in found["open"]) == ["all", "api"]
    assert found["affected"] == []


def test_a_component_that_the_provider_has_renamed(statuspage: Any) -> None:
    """A name that none of its components bears any more would find all of them well for ever."""
    components = [{"name": "Platform", "status": "major_outage"}]
    outcome = statuspage({"page": {}, "incidents": [], "components": components}, "api")
    assert isinstance(outcome, Unseen)
    assert (outcome.cause, "names.component is 'api'" in outcome.detail) == (Cause.NO_DATA, True)


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"page": {}, "status": {"indicator": "none"}},
        {"incidents": []},
        {"page": {}, "incidents": None},
        {"page": {}, "incidents": [{"id": "x"}]},
        {"page": {}, "incidents": [], "components": [{"name": "API"}]},
        {"page": {}, "incidents": ["none"]},
    ],
)
def test_a_page_that_is_no_statuspage(statuspage: Any, document: Any) -> None:
    """An answer without the promised parts is broken: it never means that all is well."""
    assert statuspage(document).cause is Cause.BROKEN
