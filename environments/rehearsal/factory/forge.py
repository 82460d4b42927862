"""AI Factory's forge and its container registry."""

from __future__ import annotations

import hashlib
import json
import re

import forge_api
from http_server import Call, HttpServer, Reply

from factory.rehearsal import Stage
from factory.world import OLD_VERSION, REPOSITORY, World

PROJECT = forge_api.Project(
    repository=REPOSITORY,
    title="AI Factory",
    old_version=OLD_VERSION,
    checks=("lint", "unit tests", "integration tests", "security scan", "image build and push"),
    tests="integration tests",
    scan="security scan",
    notes="- Rule set v1.4.0 also weighs vibration.\n- 판단 캐시 적중률을 높였습니다.\n",
)
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
_MANIFEST = re.compile(r"/v2/(?P<name>.+)/manifests/(?P<reference>[^/]+)")


def start(stage: Stage) -> None:
    """Serve both; addresses forge and registry."""
    stage.ref.addresses["forge"] = forge_api.start(stage.ref, stage.host, PROJECT)
    stage.ref.addresses["registry"] = HttpServer(lambda call: _registry(stage.ref.world, call), stage.host).url


def _registry(world: World, call: Call) -> Reply:
    """The registry's HTTP API, version 2: manifests of the images that were pushed."""
    found = _MANIFEST.fullmatch(call.path)
    if call.method not in ("GET", "HEAD"):
        return Reply(status=405, body={"errors": [{"code": "UNSUPPORTED", "message": "read only"}]})
    if call.path in ("/v2", "/v2/"):
        return Reply(body={})
    for image in (world.old_image, *(() if world.fault("image-missing") else (world.new_image,))):
        name, _, tag = image.partition("/")[2].partition(":")
        manifest = _manifest(image)
        digest = f"sha256:{hashlib.sha256(manifest).hexdigest()}"
        if found and found["name"] == name and found["reference"] in (tag, digest):
            return Reply(body=manifest, headers={"Content-Type": MANIFEST_TYPE, "Docker-Content-Digest": digest})
    missing = {"code": "MANIFEST_UNKNOWN", "message": "manifest unknown", "detail": {"path": call.path}}
    return Reply(status=404, body={"errors": [missing]})


def _manifest(image: str) -> bytes:
    layers = [("application/vnd.oci.image.layer.v1.tar+gzip", image.partition(":")[0], 48_213_904)]
    config = ("application/vnd.oci.image.config.v1+json", image, 9_114)
    described = [
        {"mediaType": kind, "digest": f"sha256:{hashlib.sha256(text.encode()).hexdigest()}", "size": size}
        for kind, text, size in (config, *layers)
    ]
    document = {"schemaVersion": 2, "mediaType": MANIFEST_TYPE, "config": described[0], "layers": described[1:]}
    return json.dumps(document, indent=2).encode()
