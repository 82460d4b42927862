"""Deployments, autoscalers, secrets, Argo CD and Helm's history: what is made of an object of each."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gonogo.model.environment import Auth, AuthKind, BackEnd, Environment, Release
from gonogo.model.errors import ConfigError
from gonogo.model.evidence import Cause, Seen, Unseen
from gonogo.probes.base import Vantage
from gonogo.probes.helm import history as helm
from gonogo.probes.kubernetes import argo
from gonogo.probes.kubernetes import autoscalers as kubernetes_autoscalers
from gonogo.probes.kubernetes import deployments as kubernetes_deployments
from gonogo.probes.kubernetes import ingresses as kubernetes_ingresses
from gonogo.probes.kubernetes import secrets as kubernetes_secrets
from gonogo.probes.kubernetes.autoscalers import autoscaler
from gonogo.probes.kubernetes.deployments import rolled_out

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
RELEASE = Release(version="1.4.0", commit="c", image="registry.example/team/judgment:v1.4.0")
ROTATED = "team.example/rotated-at"
SECRETS = "/api/v1/namespaces/shop/secrets"
Make = Callable[..., Vantage]


def ago(seconds: float) -> str:
    return (NOW - timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


@pytest.fixture
def vantage(fake: Any, vantage_of: Make) -> Vantage:
    names = {"production": "shop", "rotated_at": ROTATED}
    back_end = BackEnd(address=fake.url, auth=Auth(kind=AuthKind.BEARER, secret="K8S"), names=names)
    named = {"keys": ("jwt", "database")}
    environment = Environment(name="here", system="shop", describe="", back_ends={"kubernetes": back_end}, names=named)
    return vantage_of(environment=environment, release=RELEASE, now=NOW, secrets={"K8S": "right-horse"})


def data_of(sight: Any) -> Any:
    assert isinstance(sight.outcome, Seen), sight.outcome
    return sight.outcome.data


def deployment(name: str = "judgment", *, replicas: int = 3, generation: int = 4, **status: Any) -> Any:
    full = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), replicas)
    template = {"spec": {"containers": [{"name": "app", "image": RELEASE.image}]}}
    return {
        "metadata": {"name": name, "generation": generation, "creationTimestamp": ago(86400)},
        "spec": {"replicas": replicas, "template": template},
        "status": {"observedGeneration": 4, **full, **status},
    }


LATE = [{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}]


@pytest.mark.parametrize(
    ("raw", "complete", "words"),
    [
        (deployment(), True, "successfully"),
        (deployment(replicas=0), True, "successfully"),
        (deployment(generation=5), False, "not seen"),
        (deployment(updatedReplicas=1), False, "1 of 3 new"),
        (deployment() | {"status": {"observedGeneration": 4}}, False, "0 of 3 new"),
        (deployment() | {"status": {**deployment()["status"], "replicas": 4}}, False, "1 old"),
        (deployment(availableReplicas=2), False, "2 of 3 updated replicas are available"),
        (deployment(conditions=LATE), False, "progress deadline"),
        (deployment() | {"status": {}}, False, "not seen"),
    ],
)
def test_a_rollout_is_complete_as_kubectl_decides(raw: Any, complete: bool, words: str) -> None:
    """The order of kubectl rollout status, and its sentences."""
    found, reason = rolled_out(raw)
    assert found is complete
    assert words in reason


def test_deployments_by_name_and_by_list(fake: Any, vantage: Vantage) -> None:
    """One that was asked for and is not there is no data, never complete; of several it is told."""
    path = "/apis/apps/v1/namespaces/shop/deployments"
    fake.answers[path] = {"kind": "DeploymentList", "metadata": {}, "items": [deployment("jwt")]}
    options = kubernetes_deployments.KubernetesDeployments(named="keys")
    data = data_of(kubernetes_deployments.look(options, vantage))
    assert (data["missing"], data["deployments"][0]["of_release"]) == (["database"], True)
    options = kubernetes_deployments.KubernetesDeployments(name="judgment")
    outcome = kubernetes_deployments.look(options, vantage).outcome
    assert isinstance(outcome, Unseen)
    assert (outcome.cause, "no deployment judgment" in outcome.detail) == (Cause.NO_DATA, True)
    assert fake.calls[-1].query["fieldSelector"] == "metadata.name=judgment"


def scaler(
    current: int = 4, *, limited: tuple[str, str, float] | None = ("False", "DesiredWithinRange", 9e4), **more: Any
) -> Any:
    conditions = [
        {"type": "AbleToScale", "status": "True", "reason": "ReadyForNewScale", "lastTransitionTime": ago(9e5)},
        {"type": "ScalingActive", "status": "True", "reason": "ValidMetricFound", "lastTransitionTime": ago(9e5)},
    ]
    if limited is not None:
        status, reason, seconds = limited
        conditions.append(
            {"type": "ScalingLimited", "status": status, "reason": reason, "lastTransitionTime": ago(seconds)}
        )
    for name, (status, reason, seconds) in more.pop("conditions", {}).items():
        conditions = [one for one in conditions if one["type"] != name]
        conditions.append({"type": name, "status": status, "reason": reason, "lastTransitionTime": ago(seconds)})
    return {
        "metadata": {"name": "judgment"},
        "spec": {"scaleTargetRef": {"name": "judgment"}, "minReplicas": 3, "maxReplicas": 10},
        "status": {
            "currentReplicas": current,
            "desiredReplicas": current,
            "lastScaleTime": ago(more.pop("scaled", 9e4)),
            "conditions": conditions,
        },
    }


@pytest.mark.parametrize(
    ("raw", "seconds"),
    [
        (scaler(), 0),
        (scaler(10), 0),  # at its maximum, and content
        (scaler(3, limited=("True", "TooFewReplicas", 9e5)), 0),  # idle at night
        (scaler(10, limited=("True", "TooManyReplicas", 60), scaled=60), 60),
        (scaler(10, limited=("True", "TooManyReplicas", 7200), scaled=9e4), 7200),
        # The condition was True for days for want of load, and only its reason has changed.
        (scaler(10, limited=("True", "TooManyReplicas", 9e5), scaled=45), 45),
        (scaler(10, limited=None), None),
        (scaler(4, limited=None), 0),
    ],
)
def test_how_long_an_autoscaler_is_at_its_maximum(raw: Any, seconds: float | None) -> None:
    """Only while it wants more; a moment is a moment."""
    assert autoscaler(raw, NOW)["at_max_s"] == seconds


@pytest.mark.parametrize(
    ("conditions", "seconds"),
    [
        ({}, 0),
        ({"ScalingActive": ("False", "FailedGetResourceMetric", 7200)}, 7200),
        ({"ScalingActive": ("False", "ScalingDisabled", 7200)}, 0),
        ({"AbleToScale": ("False", "FailedGetScale", 300)}, 300),
        ({"AbleToScale": ("Unknown", "FailedGetScale", 300)}, 300),
    ],
)
def test_how_long_an_autoscaler_is_unable(conditions: Any, seconds: float) -> None:
    """Without metrics it does nothing, and stays within its bounds."""
    assert autoscaler(scaler(conditions=conditions), NOW)["unable_s"] == seconds


def test_bounds_of_autoscalers(fake: Any, vantage: Vantage) -> None:
    """Out of bounds is told; without any there is nothing to say; one that says nothing of itself is not well."""
    assert [autoscaler(scaler(count), NOW)["within"] for count in (2, 3, 10, 14)] == [False, True, True, False]
    assert autoscaler(scaler(12), NOW)["within"]  # with the surge of a rollout
    assert autoscaler(scaler(2, scaled=20), NOW)["within"]  # on its way up
    assert not autoscaler(scaler(2, scaled=600), NOW)["within"]
    silent = autoscaler({**scaler(4), "status": {}}, NOW)
    assert (silent["within"], silent["unable_s"]) == (False, None)
    path = "/apis/autoscaling/v2/namespaces/shop/horizontalpodautoscalers"
    fake.answers[path] = {"kind": "HorizontalPodAutoscalerList", "metadata": {}, "items": []}
    outcome = kubernetes_autoscalers.look(kubernetes_autoscalers.KubernetesAutoscalers(), vantage).outcome
    assert isinstance(outcome, Unseen)
    assert (outcome.cause, outcome.detail.endswith("namespace shop: no autoscaler")) == (Cause.NO_DATA, True)


def test_an_autoscaler_that_is_gone(fake: Any, vantage: Vantage) -> None:
    """Of several that were asked for by name, those that are not there are told, as of deployments and secrets."""
    path = "/apis/autoscaling/v2/namespaces/shop/horizontalpodautoscalers"
    one = {**scaler(4), "metadata": {"name": "jwt"}}
    fake.answers[path] = {"kind": "HorizontalPodAutoscalerList", "metadata": {}, "items": [one]}
    options = kubernetes_autoscalers.KubernetesAutoscalers(named="keys")
    data = data_of(kubernetes_autoscalers.look(options, vantage))
    assert (data["count"], data["missing"]) == (1, ["database"])


NGINX = "nginx.ingress.kubernetes.io/"


@pytest.mark.parametrize(
    ("notes", "percent"),
    [
        ({}, None),
        ({"canary": "false", "canary-weight": "10"}, None),
        ({"canary": "true"}, 0),
        ({"canary": "true", "canary-weight": "10"}, 10),
        ({"canary": "true", "canary-weight": "10", "canary-weight-total": "1000"}, 1),
        ({"canary": "true", "canary-weight": "a tenth"}, None),
        ({"canary": "true", "canary-weight": "10", "canary-weight-total": "0"}, None),
    ],
)
def test_the_share_of_a_canary(notes: dict[str, str], percent: float | None) -> None:
    """As ingress-nginx reads its annotations; what is no number is no share."""
    path = {"backend": {"service": {"name": "judgment-canary"}}}
    raw = {
        "metadata": {"name": "a", "annotations": {f"{NGINX}{key}": text for key, text in notes.items()}},
        "spec": {"rules": [{"host": "api.example", "http": {"paths": [path]}}, {"host": "no-paths.example"}]},
    }
    told = kubernetes_ingresses.ingress(raw)
    assert (told["percent"], told["services"]) == (percent, ["judgment-canary"])
    assert told["hosts"] == ["api.example", "no-paths.example"]


def row(name: str, days: float, **metadata: Any) -> Any:
    whole = {"name": name, "creationTimestamp": ago(days * 86400), **metadata}
    return {
        "cells": [name, "Opaque", 1, "x"],
        "object": {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": whole},
    }


def table(*rows: Any) -> Any:
    return {"kind": "Table", "metadata": {}, "columnDefinitions": [], "rows": [*rows]}


def test_secrets_by_age(fake: Any, vantage: Vantage) -> None:
    """From their creation, or from the rotation that an annotation tells; no value and no other annotation is kept."""
    applied = {"kubectl.kubernetes.io/last-applied-configuration": '{"data": {"value": "c2VjcmV0LXZhbHVl"}}'}
    fake.answers[SECRETS] = table(
        row("jwt", 400, annotations={ROTATED: ago(41 * 86400), **applied}), row("database", 97.5), row("other", 5)
    )
    sight = kubernetes_secrets.look(kubernetes_secrets.KubernetesSecrets(named="keys"), vantage)
    data = data_of(sight)
    assert [(one["name"], one["type"], one["age_days"]) for one in data["secrets"]] == [
        ("database", "Opaque", 97.5),
        ("jwt", "Opaque", 41.0),
    ]
    assert "c2VjcmV0" not in json.dumps(data)
    assert fake.calls[0].headers["accept"] == "application/json;as=Table;g=meta.k8s.io;v=v1"
    assert fake.calls[0].query["includeObject"] == "Metadata"


@pytest.mark.parametrize("text", [ago(-3600), "yesterday", ""])
def test_a_rotation_that_cannot_be_leaves_the_age_unknown(fake: Any, vantage: Vantage, text: str) -> None:
    """In the future, or no time at all: neither new nor as old as its creation."""
    fake.answers[SECRETS] = table(row("jwt", 10, annotations={ROTATED: text}))
    data = data_of(kubernetes_secrets.look(kubernetes_secrets.KubernetesSecrets(), vantage))
    assert data["secrets"][0]["age_s"] is None


def test_values_that_come_unasked_are_dropped(fake: Any, vantage: Vantage) -> None:
    """A server that does not know tables sends whole secrets; nothing of them is kept."""
    whole = {"metadata": {"name": "jwt", "creationTimestamp": ago(1)}, "data": {"value": "c2VjcmV0LXZhbHVl"}}
    shapes = [
        {"kind": "SecretList", "metadata": {}, "items": [whole]},
        table({"cells": ["jwt", "Opaque", 1, "x"], "object": {"kind": "Secret", **whole}}),
    ]
    for shape in shapes:
        fake.answers[SECRETS] = shape
        outcome = kubernetes_secrets.look(kubernetes_secrets.KubernetesSecrets(), vantage).outcome
        assert isinstance(outcome, Unseen)
        assert (outcome.cause, outcome.data, "c2Vj" in outcome.detail) == (Cause.BROKEN, None, False)


def record(number: int, status: str = "superseded", **more: Any) -> Any:
    document = {
        "name": "judgment",
        "version": number,
        "info": {"status": status, "last_deployed": ago(3600), "description": "Upgrade complete"},
        "chart": {
            "metadata": {"name": "judgment", "version": "2.3.0", "appVersion": "v1.3.9"},
            "values": {"image": {"tag": ""}, "canary": {"enabled": False, "weight": 0}},
        },
        "config": {"database": {"password": "hunter2-secret"}, **more.pop("config", {})},
        "manifest": "password: hunter2-secret",
        **more,
    }
    return secret_of(number, gzip.compress(json.dumps(document).encode()))


def secret_of(number: int, packed: bytes) -> Any:
    text = base64.b64encode(base64.b64encode(packed)).decode()
    return {"metadata": {"name": f"sh.helm.release.v1.judgment.v{number}"}, "data": {"release": text}}


def history(fake: Any, vantage: Vantage, *records: Any, **options: Any) -> Any:
    fake.answers[SECRETS] = {"kind": "SecretList", "metadata": {}, "items": [*records]}
    return helm.look(helm.HelmHistory(release="judgment", **options), vantage)


def test_helms_history_newest_first(fake: Any, vantage: Vantage) -> None:
    """What is deployed, what there was before, the canary's values; nothing else of the values or the manifest."""
    canary = {"image": {"tag": "v1.3.9"}, "canary": {"enabled": True, "weight": 10, "image": {"tag": "v1.4.0"}}}
    sight = history(
        fake, vantage, record(9), record(11, "deployed", config=canary), record(10, "failed"), record(8, "superseded")
    )
    data = data_of(sight)
    assert [one["revision"] for one in data["revisions"]] == [11, 10, 9, 8]
    assert (data["current"]["revision"], data["deployed"]["revision"], data["previous"]["revision"]) == (11, 11, 9)
    assert data["earlier"] == [9, 8]
    wanted = {"tag": "v1.3.9", "canary_enabled": True, "canary_weight": 10, "canary_tag": "v1.4.0"}
    assert (data["current"]["values"], data["current"]["chart"]) == (wanted, "judgment-2.3.0")
    assert data["previous"]["tag"] == "v1.3.9"  # the chart's app version, where the tag is empty
    assert "hunter2" not in json.dumps(data)
    assert fake.calls[0].query["labelSelector"] == "owner=helm,name=judgment"


def test_a_tag_that_is_a_number(fake: Any, vantage: Vantage) -> None:
    """`--set image.tag=4711` is kept as a number; the image's tag that it is compared with is a text."""
    config = {"image": {"tag": 4711}, "canary": {"weight": 10, "image": {"tag": 4712}}}
    current = data_of(history(fake, vantage, record(9, "deployed", config=config)))["current"]
    assert (current["tag"], current["values"]["tag"], current["values"]["canary_tag"]) == ("4711", "4711", "4712")
    assert current["values"]["canary_weight"] == 10


def test_a_release_without_history_and_one_that_is_stuck(fake: Any, vantage: Vantage) -> None:
    """No revision is no data; one that never ended leaves nothing deployed but what was before."""
    outcome = history(fake, vantage).outcome
    assert isinstance(outcome, Unseen)
    assert outcome.cause is Cause.NO_DATA
    data = data_of(history(fake, vantage, record(3, "pending-upgrade")))
    assert (data["deployed"], data["previous"], data["earlier"]) == (None, None, [])


@pytest.mark.parametrize(
    ("packed", "words"),
    [
        (gzip.compress(b" " * (17 * 1024 * 1024)), "cap of 16777216 bytes"),
        (b"\x1f\x8bnot gzip at all", "do not unpack"),
        (gzip.compress(b'{"name": "judgment"')[:-9], "not JSON"),
        (gzip.compress(b"[1]"), "promised shape"),
        (b'{"version": 1}', "promised shape"),
    ],
    ids=["bomb", "no-gzip", "cut", "a-list", "no-info"],
)
def test_a_record_that_is_none(fake: Any, vantage: Vantage, packed: bytes, words: str) -> None:
    """Bounded, and never a revision."""
    outcome = history(fake, vantage, secret_of(1, packed)).outcome
    assert isinstance(outcome, Unseen)
    assert (outcome.cause, words in outcome.detail) == (Cause.BROKEN, True), outcome.detail


def test_values_that_may_be_secret_are_not_to_be_had() -> None:
    """An item cannot ask for them."""
    for path in ("database.password", "llm.apiKey", "auth.jwt", "extra.TOKEN"):
        with pytest.raises(ConfigError, match="may hold a secret"):
            helm.HelmHistory(release="judgment", values={"mine": path})


def application(**status: Any) -> Any:
    return {
        "kind": "Application",
        "metadata": {"name": "judgment-staging"},
        "spec": {"source": {"targetRevision": "main"}},
        "status": {
            "sync": {"status": "Synced", "revision": "abc"},
            "health": {"status": "Healthy"},
            "reconciledAt": ago(70),
            "summary": {"images": [RELEASE.image]},
            **status,
        },
    }


def test_an_application_of_argo_cd(fake: Any, vantage: Vantage) -> None:
    """Sync, health, revision, images, and when it was last compared."""
    path = "/apis/argoproj.io/v1alpha1/namespaces/argocd/applications/judgment-staging"
    fake.answers[path] = application()
    data = data_of(argo.look(argo.ArgoApplication(name="judgment-staging"), vantage))
    assert (data["sync"], data["health"], data["revision"], data["compared_age_s"]) == ("Synced", "Healthy", "abc", 70)
    assert data["of_release"] is True
    fake.answers[path] = {**application(), "status": {}}
    data = data_of(argo.look(argo.ArgoApplication(name="judgment-staging"), vantage))
    assert (data["sync"], data["health"], data["compared_age_s"]) == ("Unknown", "Unknown", None)


def test_an_application_that_is_not_there(fake: Any, vantage: Vantage) -> None:
    """By name, and where Argo CD itself is not installed."""
    outcome = argo.look(argo.ArgoApplication(name="judgment-staging"), vantage).outcome
    assert isinstance(outcome, Unseen)
    assert outcome.cause is Cause.NO_DATA
    assert "get applications.argoproj.io judgment-staging in argocd" in outcome.detail
