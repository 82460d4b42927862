"""The release's image in a container registry, by the registry's own HTTP API (version 2)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from gonogo.model.errors import ConfigError
from gonogo.model.evidence import Cause, Seen, Unseen
from gonogo.probes.base import Probe, Sight, Vantage
from gonogo.probes.failure import Failure
from gonogo.probes.http.observer import Observer, observe

_MANIFESTS = (
    "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, "
    "application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.docker.distribution.manifest.v2+json"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryImageOptions:
    """The image of the release."""


def look(_: RegistryImageOptions, vantage: Vantage) -> Sight:
    """Whether the image exists, and whether its digest is the one that the release pins (null if it pins none)."""
    if vantage.release is None:
        missing = Unseen(cause=Cause.NO_DATA, detail="no release is named: --release FILE")
        return Sight(source="the release's image", outcome=missing)
    image = vantage.release.image
    name, reference, pinned = split(image)
    observer = Observer(vantage=vantage, name="registry", headers={"Accept": _MANIFESTS})
    path = f"/v2/{name}/manifests/{reference}"

    def read() -> Seen:
        answer = observer.get(path, allow=(404,))
        document: dict[str, object] = {"image": image, "reference": reference}
        if answer.status == 404:
            return Seen(data={**document, "exists": False, "digest": None, "digest_matches": None})
        digest = f"sha256:{hashlib.sha256(answer.body).hexdigest()}"
        said = answer.headers.get("docker-content-digest", digest)
        if said != digest:
            raise Failure(
                Cause.BROKEN, f"{observer.url}{path}: the registry says {said[:80]}, the manifest is {digest}"
            )
        matches = None if pinned is None else digest == pinned
        return Seen(data={**document, "exists": True, "digest": digest, "digest_matches": matches})

    return observe(f"GET {observer.url}{path}", read)


def split(image: str) -> tuple[str, str, str | None]:
    """`host/path:tag@digest` as path, what to ask for, and the digest if it is pinned."""
    rest, _, digest = image.partition("@")
    first, slash, path = rest.partition("/")
    has_host = slash and ("." in first or ":" in first or first == "localhost")
    name = path if has_host else rest
    name, _, tag = name.partition(":")
    if not name:
        raise ConfigError(f"{image!r} is not the name of an image")
    return name, digest or tag or "latest", digest or None


PROBE = Probe(options=RegistryImageOptions, look=look, back_ends=("registry",))
