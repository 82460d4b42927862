"""A scene of AI Factory as the objects of its cluster."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

from factory.cluster import objects as made
from factory.cluster import others
from factory.cluster.controller import Controller
from factory.cluster.helm import revision
from factory.cluster.store import Store
from factory.cluster.troubles import trouble
from factory.documents import stamp
from factory.world import DAY, DEPLOYMENTS, HOUR, PRODUCTION, RECOVERY, STAGING, World

JUDGMENT, CANARY = "judgment-service", "judgment-service-canary"
ROTATED = "factory-ai.example/rotated-at"  # the annotation that a rotation leaves
# Of the other services, each with a version of its own.
VERSIONS = {"workflow-service": "v2.7.1", "bi-service": "v1.12.0", "mcp-hub": "v0.9.4", "chat-service": "v3.0.2"}
REPLICAS = {JUDGMENT: 4, "workflow-service": 3, "bi-service": 2, "mcp-hub": 2, "chat-service": 3}
_REGISTRY = "registry.factory-ai.example/ai-factory"
_WEIGHT = "nginx.ingress.kubernetes.io/canary-weight"


def fill(store: Store, controller: Controller, world: World) -> None:
    """Everything of this world into an empty store."""
    for namespace in (STAGING, PRODUCTION, RECOVERY):
        for name in DEPLOYMENTS:
            image = world.image(namespace) if name == JUDGMENT else f"{_REGISTRY}/{name}:{VERSIONS[name]}"
            controller.settle(
                made.deployment(namespace, name, image, _replicas(world, namespace, name), world.now - 60 * DAY),
                _since(world, namespace, name),
            )
    if world.scene in ("canary", "watch") and not world.fault("canary-disabled"):
        image = world.old_image if world.fault("canary-old-tag") else world.new_image
        controller.settle(made.deployment(PRODUCTION, CANARY, image, 1, world.t0), world.t0 + 60)
    for name in DEPLOYMENTS:
        bounds = (3, 10) if name == JUDGMENT else (2, 6)
        count = _replicas(world, PRODUCTION, name)
        store.put("horizontalpodautoscalers", others.autoscaler(PRODUCTION, name, bounds, count, world.now - 5 * HOUR))
    for one in (*_secrets(world), *_history(world), *_recovered(world)):
        store.put("secrets", one)
    for one in _routes(world):
        store.put("ingresses", one)
    images = [f"{_REGISTRY}/{name}:{VERSIONS[name]}" for name in VERSIONS]
    for namespace in (STAGING, PRODUCTION):
        revision_ = str(world.release["commit"])[::-1]  # of the repository of deployments, another one
        store.put(
            "applications",
            others.application(
                f"{JUDGMENT}-{namespace}", namespace, [world.image(namespace), *images], revision_, world.now - 70
            ),
        )
    trouble(store, world)


def pulls(world: World, image: str) -> bool:
    """Whether the registry has an image: of judgment-service the two versions there are."""
    if world.fault("rollout-stuck"):
        return False  # of pods that are new; those that run have theirs
    return not image.startswith(f"{_REGISTRY}/{JUDGMENT}:") or image in (world.old_image, world.new_image)


def _replicas(world: World, namespace: str, name: str) -> int:
    if namespace == PRODUCTION:
        return REPLICAS[name]
    if namespace == STAGING:
        return 1
    if world.scene != "recovered":
        return 0  # the recovery site waits
    return 3 if name == JUDGMENT else 2


def _since(world: World, namespace: str, name: str) -> float:
    if name != JUDGMENT:
        return world.now - 9 * DAY
    if namespace == STAGING:
        return min(world.t0, world.now) - 20 * HOUR
    if namespace == RECOVERY:
        return world.now - HOUR
    return {"deployed": world.t0 + 900, "rolled-back": world.now - 20 * 60}.get(world.scene, world.now - 9 * DAY)


def _secrets(world: World) -> Iterator[dict[str, Any]]:
    """Keys and passwords; the values are nobody's."""
    now, opaque = world.now, "Opaque"
    value = {"value": base64.b64encode(b"a value that is never to be seen").decode()}
    ages = {"jwt-signing-key": 41.0, "llm-api-keys": 12.0, "database-password": 63.0}
    if world.fault("key-old"):
        ages["jwt-signing-key"] = 131.0
    if world.fault("password-old"):
        ages["database-password"] = 97.5
    for namespace in (STAGING, PRODUCTION, RECOVERY):
        for name, days in ages.items():
            # Made once, its value replaced since: the annotation says when.
            note = {ROTATED: stamp(now - days * DAY)}
            yield others.secret(namespace, name, opaque, value, now - 400 * DAY, annotations=note)
        yield others.secret(namespace, "slack-webhook", opaque, value, now - 18 * DAY)
        yield others.secret(
            namespace, "registry-pull", "kubernetes.io/dockerconfigjson", {".dockerconfigjson": "e30="}, now - 210 * DAY
        )
        yield others.secret(
            namespace,
            "api-tls",
            "kubernetes.io/tls",
            {"tls.crt": value["value"], "tls.key": value["value"]},
            now - 35 * DAY,
        )


def _history(world: World) -> Iterator[dict[str, Any]]:
    """The release judgment-service in production: what was deployed, the canary, its promotion, the way back."""
    old, new, t0, now = world.old_image.rpartition(":")[2], world.new_version, world.t0, world.now
    told: list[tuple[float, str, str, str | None, int, str]] = [
        (now - 40 * DAY, "Upgrade complete", "v1.3.8", None, 0, "v1.3.8"),
        (now - 9 * DAY, "Upgrade complete", old, None, 0, old),
    ]
    if world.scene != "staging":
        weight = 50 if world.fault("canary-weight-wrong") else 10
        canary = old if world.fault("canary-old-tag") else new
        told.append((t0, "Upgrade complete", old, None if world.fault("canary-disabled") else canary, weight, old))
    if world.scene in ("deployed", "rolled-back", "recovered"):
        told.append((t0 + 900, "Upgrade complete", new, None, 0, new))
    if world.scene == "rolled-back":
        told.append((now - 20 * 60, "Rollback to 6", old, None, 0, old))
    if world.fault("helm-history-lost"):
        told = told[-1:]
    if world.fault("helm-history-empty"):
        told = []
    first = 5 if len(told) > 1 else 9
    for number, (at, description, tag, canary_tag, weight, version) in enumerate(told, start=first):
        config: dict[str, Any] = {"image": {"tag": tag}, "database": {"password": "not-to-be-seen"}}
        objects = [made.deployment(PRODUCTION, JUDGMENT, _judgment(tag), REPLICAS[JUDGMENT], at)]
        if canary_tag is not None:
            config["canary"] = {"enabled": True, "weight": weight, "image": {"tag": canary_tag}}
            objects += [made.deployment(PRODUCTION, CANARY, _judgment(canary_tag), 1, at), _canary_route(at, weight)]
        last = number == first + len(told) - 1
        yield revision(
            PRODUCTION,
            JUDGMENT,
            number,
            status="deployed" if last else "superseded",
            at=at,
            description=description,
            config=config,
            objects=[*objects, others.ingress(PRODUCTION, JUDGMENT, JUDGMENT, at, {})],
            app_version=version,
        )


def _recovered(world: World) -> Iterator[dict[str, Any]]:
    """The same release at the recovery site, installed when it took over; its chart has the canary, switched off."""
    if world.scene != "recovered":
        return
    at, tag = world.now - 2 * HOUR, world.new_version
    yield revision(
        RECOVERY,
        JUDGMENT,
        1,
        status="failed" if world.fault("recovery-helm-failed") else "deployed",
        at=at,
        description="Install complete",
        config={"image": {"tag": tag}},
        objects=[made.deployment(RECOVERY, JUDGMENT, _judgment(tag), REPLICAS[JUDGMENT], at)],
        app_version=tag,
    )


def _routes(world: World) -> Iterator[dict[str, Any]]:
    yield others.ingress(PRODUCTION, JUDGMENT, JUDGMENT, world.now - 60 * DAY, {})
    if world.scene in ("canary", "watch") and not world.fault("canary-disabled"):
        wrong = world.fault("canary-weight-wrong") or world.fault("canary-route-wrong")
        yield _canary_route(world.t0, 50 if wrong else 10)


def canary_percent(store: Store) -> int:
    """Percent of judgment's users that the canary's route takes now: a promotion or a rollback ends it."""
    with store.lock:
        route = store.get("ingresses", PRODUCTION, CANARY)
    notes = {} if route is None else route["metadata"].get("annotations") or {}
    return min(max(int(notes.get(_WEIGHT, 0)), 0), 100)


def _canary_route(at: float, weight: int) -> dict[str, Any]:
    notes = {"nginx.ingress.kubernetes.io/canary": "true", _WEIGHT: str(weight)}
    return others.ingress(PRODUCTION, CANARY, CANARY, at, notes)


def _judgment(tag: str) -> str:
    return f"{_REGISTRY}/{JUDGMENT}:{tag}"
