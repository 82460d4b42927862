"""The stand-in of a Kubernetes API server: what it answers, what it refuses, and how it rolls a deployment out."""

from __future__ import annotations

import json
import os
import re
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from tests.cluster_stand import OPERATOR, READER, ROOT, ClusterStand

SCENES = ("staging", "canary", "deployed", "rolled-back", "recovered", "watch")
DEPLOYMENTS = "/apis/apps/v1/namespaces/production/deployments"
JUDGMENT = f"{DEPLOYMENTS}/judgment-service"
PODS = "/api/v1/namespaces/production/pods"
SECRETS = "/api/v1/namespaces/production/secrets"
STRATEGIC, MERGE = "application/strategic-merge-patch+json", "application/merge-patch+json"


@pytest.fixture(scope="module")
def stand() -> Iterator[ClusterStand]:
    made = ClusterStand()
    yield made
    made.close()


@pytest.fixture(autouse=True)
def _fresh(stand: ClusterStand) -> None:
    stand.play("deployed")


def ask(
    stand: ClusterStand,
    path: str,
    method: str = "GET",
    body: Any = None,
    *,
    kind: str = "application/json",
    token: str = OPERATOR,
    accept: str = "application/json",
) -> tuple[int, Any, dict[str, str]]:
    """Status, document and headers."""
    headers = {"Authorization": f"Bearer {token}", "Accept": accept, "Content-Type": kind}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(  # noqa: S310 - a loopback address of ours
        stand.server.url + path, data=data, method=method, headers=headers
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            return (
                answer.status,
                json.loads(answer.read()),
                {name.lower(): value for name, value in answer.headers.items()},
            )
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read()), {name.lower(): value for name, value in error.headers.items()}


def image_patch(image: str, **metadata: Any) -> dict[str, Any]:
    containers = [{"name": "judgment-service", "image": image}]
    return {"metadata": metadata, "spec": {"template": {"spec": {"containers": containers}}}}


def test_it_says_what_it_is(stand: ClusterStand) -> None:
    """In /version, and in a header of every answer, also of a refusal."""
    _, version, headers = ask(stand, "/version")
    assert "not Kubernetes" in version["compiler"]
    assert version["gitVersion"] == "v1.37.0-gonogo.rehearsal"
    for path, token in (("/version", OPERATOR), (PODS, READER), (PODS, "wrong"), ("/nowhere", OPERATOR)):
        assert "not Kubernetes" in ask(stand, path, token=token)[2]["x-stand-in"]
    assert headers["content-type"].startswith("application/json")


@pytest.mark.parametrize("scene", SCENES)
def test_every_object_is_one_that_a_real_server_would_take(stand: ClusterStand, scene: str) -> None:
    """Kubernetes' own schemas, strict: no unknown field, no wrong type."""
    if not os.environ.get("CI"):
        pytest.importorskip("kubernetes_validate", reason="kubernetes-validate is not installed (requirements-schemas)")
    from factory.cluster.resources import RESOURCES
    from factory.cluster.rules import problem

    stand.play(scene)
    counted = 0
    for plural, resource in RESOURCES.items():
        for one in stand.store.rows(plural):
            assert (one["apiVersion"], one["kind"]) == (resource.api_version, resource.kind)
            counted += 1
            assert not resource.checked or problem(one) is None, (plural, one["metadata"]["name"], problem(one))
    assert counted > 60


def test_a_list_in_pages(stand: ClusterStand) -> None:
    """As it was when its first page was asked for; what is left is counted where no selector was given."""
    _, whole, _ = ask(stand, PODS)
    _, first, _ = ask(stand, f"{PODS}?limit=5")
    assert first["metadata"]["remainingItemCount"] == len(whole["items"]) - 5
    stand.store.remove("pods", "production", whole["items"][7]["metadata"]["name"])
    names, token = [one["metadata"]["name"] for one in first["items"]], first["metadata"]["continue"]
    while token:
        _, page, _ = ask(stand, f"{PODS}?limit=5&continue={token}")
        assert page["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]
        names += [one["metadata"]["name"] for one in page["items"]]
        token = page["metadata"].get("continue")
    assert names == [one["metadata"]["name"] for one in whole["items"]]
    assert whole["kind"] == "PodList"
    assert "kind" not in whole["items"][0]


def test_a_continue_token_ends(stand: ClusterStand) -> None:
    """With the state that it belongs to: 410. One that is none is a bad request."""
    _, first, _ = ask(stand, f"{PODS}?limit=5")
    stand.play("deployed")
    status, body, _ = ask(stand, f"{PODS}?limit=5&continue={first['metadata']['continue']}")
    assert (status, body["reason"]) == (410, "Expired")
    assert ask(stand, f"{PODS}?limit=5&continue=x")[0] == 400


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("labelSelector=app.kubernetes.io/name%3Dbi-service", 2),
        ("labelSelector=app.kubernetes.io/name%20in%20(bi-service,mcp-hub)", 4),
        ("labelSelector=app.kubernetes.io/name%20notin%20(bi-service,mcp-hub),pod-template-hash", 10),
        ("labelSelector=app.kubernetes.io/name!%3Dbi-service", 12),
        ("labelSelector=!pod-template-hash", 0),
        ("fieldSelector=status.phase%3DRunning", 14),
        ("fieldSelector=status.phase!%3DRunning", 0),
    ],
)
def test_selectors(stand: ClusterStand, query: str, count: int) -> None:
    """Of labels and of the few fields that pods have."""
    assert len(ask(stand, f"{PODS}?{query}")[1]["items"]) == count


def test_selectors_that_are_none(stand: ClusterStand) -> None:
    """A field that the kind does not have, a requirement that does not parse."""
    assert ask(stand, f"{PODS}?fieldSelector=spec.image%3Dx")[0] == 400
    assert ask(stand, f"{PODS}?labelSelector=a%3D%3D%3Db")[0] == 400


def test_tables_and_metadata_hold_no_values(stand: ClusterStand) -> None:
    """As kubectl asks for them."""
    for accept in (
        "application/json;as=Table;g=meta.k8s.io;v=v1",
        "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
    ):
        status, body, _ = ask(stand, SECRETS, accept=accept)
        assert (status, body["apiVersion"]) == (200, "meta.k8s.io/v1")
        assert '"data":' not in json.dumps(body)
    table = ask(stand, SECRETS, accept="application/json;as=Table;g=meta.k8s.io;v=v1")[1]
    assert [one["name"] for one in table["columnDefinitions"]] == ["Name", "Type", "Data", "Age"]
    assert "data" in ask(stand, SECRETS)[1]["items"][0]


def test_what_is_not_there(stand: ClusterStand) -> None:
    """404 for an object and for a path, 401 for a stranger."""
    status, body, _ = ask(stand, f"{DEPLOYMENTS}/nothing")
    assert (status, body["message"]) == (404, 'deployments.apps "nothing" not found')
    assert ask(stand, "/apis/apps/v2/namespaces/production/deployments")[0] == 404
    assert ask(stand, PODS, token="wrong")[0] == 401


def test_the_readers_role_is_the_how_tos() -> None:
    """docs/how-to/look-at-a-cluster.md holds exactly the rules that the stand-in's reader has."""
    from factory.cluster.roles import READER as RULES

    text = (ROOT / "docs" / "how-to" / "look-at-a-cluster.md").read_text(encoding="utf-8")
    blocks = [yaml.safe_load(one) for one in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL) if "ClusterRole" in one]
    assert [one["metadata"]["name"] for one in blocks] == ["gonogo-reader"]
    assert blocks[0]["rules"] == [dict(rule) for rule in RULES]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", f"{PODS}/x"),
        ("GET", JUDGMENT),
        ("GET", f"{SECRETS}/jwt-signing-key"),
        ("GET", f"{PODS}?watch=1"),
        ("GET", "/api/v1/pods"),
        ("GET", "/api/v1/namespaces/kube-system/secrets"),
        ("GET", "/apis/networking.k8s.io/v1/namespaces/production/ingresses/judgment-service"),
        ("GET", "/apis/argoproj.io/v1alpha1/namespaces/argocd/applications"),
        ("PATCH", JUDGMENT),
        ("DELETE", JUDGMENT),
        ("POST", SECRETS),
    ],
)
def test_a_reader_may_do_nothing_else(stand: ClusterStand, method: str, path: str) -> None:
    """403 in the server's words: who, what, where."""
    status, body, _ = ask(stand, path, method, {} if method != "GET" else None, token=READER, kind=MERGE)
    assert (status, body["reason"]) == (403, "Forbidden")
    assert 'User "system:serviceaccount:gonogo:gonogo-reader" cannot' in body["message"]


def test_a_deployment_is_rolled_out_pod_by_pod(stand: ClusterStand, monkeypatch: pytest.MonkeyPatch) -> None:
    """The old ones go as the new ones become ready; never fewer than wanted serve."""
    monkeypatch.setattr("factory.cluster.controller.START_S", 0.05)
    old = stand.world.old_image
    status, body, _ = ask(stand, JUDGMENT, "PATCH", image_patch(old), kind=STRATEGIC)
    assert (status, body["metadata"]["generation"]) == (200, 2)
    assert body["spec"]["template"]["spec"]["containers"][0]["env"] == [{"name": "LOG_LEVEL", "value": "info"}]
    seen, ends = [], time.monotonic() + 60
    while time.monotonic() < ends:
        found = ask(stand, JUDGMENT)[1]["status"]
        seen.append((found["updatedReplicas"], found["replicas"]))
        assert found["availableReplicas"] >= 4
        if found["updatedReplicas"] == found["replicas"] == found["availableReplicas"] == 4:
            break
        time.sleep(0.02)
    assert seen[-1] == (4, 4)
    assert len(set(seen)) > 2
    pods = ask(stand, f"{PODS}?labelSelector=app.kubernetes.io/name%3Djudgment-service")[1]["items"]
    assert {one["spec"]["containers"][0]["image"] for one in pods} == {old}
    assert ask(stand, JUDGMENT)[1]["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "2"


def test_an_image_that_is_not_there_stops_the_rollout(stand: ClusterStand, monkeypatch: pytest.MonkeyPatch) -> None:
    """The new pod waits for it, the old ones go on."""
    monkeypatch.setattr("factory.cluster.controller.START_S", 0.0)
    ask(stand, JUDGMENT, "PATCH", image_patch(stand.world.old_image + "-not-there"), kind=STRATEGIC)
    found = ask(stand, JUDGMENT)[1]["status"]
    assert (found["updatedReplicas"], found["readyReplicas"], found["replicas"]) == (1, 4, 5)
    pods = ask(stand, f"{PODS}?fieldSelector=status.phase%3DPending")[1]["items"]
    assert [one["status"]["containerStatuses"][0]["state"]["waiting"]["reason"] for one in pods] == ["ImagePullBackOff"]


def test_what_was_changed_meanwhile_is_a_conflict(stand: ClusterStand) -> None:
    """A resourceVersion that is no longer the object's; without one the last writer wins."""
    version = ask(stand, JUDGMENT)[1]["metadata"]["resourceVersion"]
    note = {"metadata": {"annotations": {"a": "b"}}}
    assert ask(stand, JUDGMENT, "PATCH", note, kind=MERGE)[0] == 200
    bound = {"metadata": {"annotations": {"a": "c"}, "resourceVersion": version}}
    status, body, _ = ask(stand, JUDGMENT, "PATCH", bound, kind=MERGE)
    assert (status, body["reason"]) == (409, "Conflict")
    assert ask(stand, JUDGMENT)[1]["metadata"]["annotations"]["a"] == "b"


def test_a_dry_run_leaves_everything_as_it_is(stand: ClusterStand) -> None:
    """It answers what would be."""
    before = ask(stand, JUDGMENT)[1]
    status, body, _ = ask(stand, f"{JUDGMENT}?dryRun=All", "PATCH", image_patch("x/y:z"), kind=STRATEGIC)
    assert (status, body["spec"]["template"]["spec"]["containers"][0]["image"]) == (200, "x/y:z")
    assert ask(stand, JUDGMENT)[1] == before


@pytest.mark.parametrize(
    ("patch", "kind", "status", "words"),
    [
        ({"spec": {"replicas": -1}}, MERGE, 422, "greater than or equal to 0"),
        ({"spec": {"selector": {"matchLabels": {"a": "b"}}}}, MERGE, 422, "selector"),
        ({"spec": {"template": {"spec": {"containers": [{"image": "x"}]}}}}, STRATEGIC, 400, "merge key"),
        ([], MERGE, 400, "a patch is an object"),
        ({}, "application/apply-patch+yaml", 415, "unknown format"),
        ([{"op": "test", "path": "/spec/replicas", "value": 9}], "application/json-patch+json", 422, "test failed"),
    ],
)
def test_changes_that_are_refused(stand: ClusterStand, patch: Any, kind: str, status: int, words: str) -> None:
    """By the rules that have no schema."""
    found, body, _ = ask(stand, JUDGMENT, "PATCH", patch, kind=kind)
    assert found == status, body
    assert words in body["message"]


@pytest.mark.parametrize(
    ("patch", "status", "words"),
    [
        ({"spec": {"replicas": "3"}}, 400, "spec.replicas"),
        ({"spec": {"replicaz": 3}}, 400, "unknown field"),
        ({"spec": {"template": {"spec": {"containers": None}}}}, 422, "containers"),
    ],
)
def test_changes_that_the_schemas_refuse(stand: ClusterStand, patch: Any, status: int, words: str) -> None:
    """A wrong type and an unknown field do not decode; what lacks is not valid."""
    if not os.environ.get("CI"):
        pytest.importorskip("kubernetes_validate", reason="kubernetes-validate is not installed (requirements-schemas)")
    found, body, _ = ask(stand, JUDGMENT, "PATCH", patch, kind=MERGE)
    assert found == status, body
    assert words in body["message"]


def test_secrets_are_created_changed_and_deleted(stand: ClusterStand) -> None:
    """Helm's records come and go; twice the same name is refused, and what is not base64."""
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "mine"}, "type": "x/y", "data": {"a": "Yg=="}}
    assert ask(stand, SECRETS, "POST", body)[0] == 201
    assert ask(stand, SECRETS, "POST", body)[1]["reason"] == "AlreadyExists"
    assert ask(stand, f"{SECRETS}/mine", "PATCH", {"data": {"a": "%%"}}, kind=MERGE)[0] == 400
    found = ask(stand, f"{SECRETS}/mine")[1]
    assert ask(stand, f"{SECRETS}/mine", "PUT", {**found, "data": {"a": "Yw=="}})[1]["data"] == {"a": "Yw=="}
    assert ask(stand, f"{SECRETS}/mine", "PUT", {**found, "data": {"a": "ZA=="}})[0] == 409
    assert ask(stand, f"{SECRETS}/mine", "DELETE")[0] == 200
    assert ask(stand, f"{SECRETS}/mine")[0] == 404


def events(stand: ClusterStand, query: str) -> list[dict[str, Any]]:
    request = urllib.request.Request(  # noqa: S310 - a loopback address of ours
        f"{stand.server.url}{DEPLOYMENTS}?watch=1&{query}", headers={"Authorization": f"Bearer {OPERATOR}"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
        return [json.loads(line) for line in answer]


def test_a_watch_streams_what_changes(stand: ClusterStand) -> None:
    """From a version on; what is there first where none is given; bookmarks if they are wanted."""
    version = ask(stand, DEPLOYMENTS)[1]["metadata"]["resourceVersion"]
    ask(stand, JUDGMENT, "PATCH", {"metadata": {"annotations": {"a": "b"}}}, kind=MERGE)
    found = events(stand, f"resourceVersion={version}&timeoutSeconds=1&allowWatchBookmarks=true")
    assert [one["type"] for one in found if one["type"] != "BOOKMARK"] == ["MODIFIED"]
    assert found[0]["object"]["metadata"]["annotations"]["a"] == "b"
    assert any(one["type"] == "BOOKMARK" for one in found)
    there = events(stand, "timeoutSeconds=0")
    assert {one["type"] for one in there} == {"ADDED"}
    assert len(there) == 5


def test_a_watch_from_too_long_ago_is_told_so(stand: ClusterStand) -> None:
    """410 as an event, and the stream ends."""
    found = events(stand, "resourceVersion=1&timeoutSeconds=5")
    assert [(one["type"], one["object"]["code"]) for one in found] == [("ERROR", 410)]
