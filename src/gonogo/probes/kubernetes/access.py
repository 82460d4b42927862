"""How an environment says a cluster is reached: address and token, kubeconfig, or the pod that this runs in."""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from gonogo.model.environment import AuthKind, BackEnd
from gonogo.model.errors import ConfigError
from gonogo.model.evidence import Cause
from gonogo.probes.base import Vantage
from gonogo.probes.deadline import Deadline
from gonogo.probes.failure import Failure
from gonogo.probes.http.authorization import authorization
from gonogo.probes.places import environment_file, is_loopback
from gonogo.probes.tls import Identity

BACK_END = "kubernetes"
POD_FOLDER = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_NO_TLS_PARTS = ("insecure-skip-tls-verify", "proxy-url", "tls-server-name")


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Where the API server is and what every request to it carries. Never kept in evidence."""

    url: str
    ca: str | None = None  # a file relative to the environment's folder
    identity: Identity | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


def access(vantage: Vantage, deadline: Deadline) -> Access:
    """The one way that the back end `kubernetes` names: `address`, names.kubeconfig or names.in_cluster.

    Read anew for each look: a pod's token and a plugin's are short-lived. ConfigError says what is missing or refused.
    """
    back_end = vantage.back_end(BACK_END)
    pod = is_in_cluster(vantage)
    if pod and back_end.names.get("kubeconfig"):
        raise _wrong(vantage, "names.kubeconfig and names.in_cluster are two ways; one is meant")
    if pod:
        found = _in_cluster(vantage, back_end)
    elif back_end.names.get("kubeconfig"):
        if back_end.address or back_end.auth.kind is not AuthKind.NONE:
            raise _wrong(vantage, "names.kubeconfig brings its own server and credentials; leave address and auth out")
        found = _kubeconfig(vantage, back_end, deadline)
    elif back_end.address:
        url = back_end.address.rstrip("/")
        found = Access(url=url, ca=back_end.ca, headers=authorization(vantage, back_end.auth, url))
    else:
        raise _wrong(vantage, "the address is missing; names.kubeconfig or names.in_cluster do as well")
    try:
        parts = urlsplit(found.url)
    except ValueError:
        raise _wrong(vantage, "its server is no URL") from None  # not repeated: it may hold a password
    if parts.scheme != "https" and not is_loopback(parts.hostname or ""):
        raise Failure(Cause.REFUSED, f"{(parts.hostname or 'it')[:120]} is not https; a token is not sent there")
    return found


def _wrong(vantage: Vantage, what: str) -> ConfigError:
    return ConfigError(f"back end {BACK_END}: {what}", vantage.back_end(BACK_END).origin)


def is_in_cluster(vantage: Vantage) -> bool:
    """Whether the environment says that the pod's own service account is used."""
    key, text = "in_cluster", vantage.back_end(BACK_END).names.get("in_cluster", "false")
    known = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    if text.casefold() not in known:
        raise _wrong(vantage, f"names.{key} is 'true' or 'false', not {text[:40]!r}")
    return known[text.casefold()]


def _in_cluster(vantage: Vantage, back_end: BackEnd) -> Access:
    """The service account of this pod; the address is the cluster's own unless the environment names one."""
    url = back_end.address.rstrip("/")
    if not url:
        host, port = os.environ.get("KUBERNETES_SERVICE_HOST"), os.environ.get("KUBERNETES_SERVICE_PORT", "443")
        if not host:
            raise _wrong(vantage, "names.in_cluster: this is no pod, KUBERNETES_SERVICE_HOST is not set")
        url = f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"
    try:
        token = (POD_FOLDER / "token").read_text(encoding="ascii").strip()
        ca = (POD_FOLDER / "ca.crt").read_text(encoding="ascii")
    except (OSError, ValueError) as error:
        words = getattr(error, "strerror", None) or "not ASCII"
        raise _wrong(vantage, f"names.in_cluster: no service account in {POD_FOLDER}: {words}") from None
    return Access(url=url, identity=Identity(ca=ca), headers=_bearer(vantage, token))


def _bearer(vantage: Vantage, token: Any) -> dict[str, str]:
    if not isinstance(token, str) or not token.strip() or not token.strip().isascii():
        raise _wrong(vantage, "its credentials hold no token that a header may hold")
    return {"Authorization": f"Bearer {token.strip()}"}


def _kubeconfig(vantage: Vantage, back_end: BackEnd, deadline: Deadline) -> Access:
    path, document, context, _ = chosen(vantage, back_end)
    cluster = _entry(vantage, path, document, "cluster", context.get("cluster"))
    user = user_of(vantage, path, document, context)
    for part in _NO_TLS_PARTS:
        if cluster.get(part):
            raise _wrong(vantage, f"{path.name}: {part} is refused here: what answers is verified, and asked directly")
    url = cluster.get("server")
    if not isinstance(url, str) or not url:
        raise _wrong(vantage, f"{path.name}: cluster {context.get('cluster')!r} names no server")
    headers, certificate, key = _credentials(vantage, path, user, deadline)
    identity = Identity(ca=_pem(vantage, path, cluster, "certificate-authority"), certificate=certificate, key=key)
    return Access(url=url.rstrip("/"), identity=identity if identity != Identity() else None, headers=headers)


def chosen(vantage: Vantage, back_end: BackEnd) -> tuple[Path, Mapping[str, Any], Mapping[str, Any], str]:
    """The kubeconfig's path and document, and the context that is used with its name; ConfigError if it has none."""
    path = environment_file(str(Path(back_end.names["kubeconfig"]).expanduser()), vantage)
    document = _read(vantage, path)
    wanted = str(back_end.names.get("context") or document.get("current-context") or "")
    return path, document, _entry(vantage, path, document, "context", wanted), wanted


def user_of(vantage: Vantage, path: Path, document: Mapping[str, Any], context: Mapping[str, Any]) -> Mapping[str, Any]:
    """The user of a context, with credentials: never to be shown."""
    return _entry(vantage, path, document, "user", context.get("user"))


def _read(vantage: Vantage, path: Path) -> dict[str, Any]:
    import yaml  # noqa: PLC0415 - only where there is a kubeconfig

    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise _wrong(vantage, f"names.kubeconfig: {path}: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError):
        raise _wrong(vantage, f"names.kubeconfig: {path} is not YAML") from None  # its text may hold a token
    if not isinstance(document, dict):
        raise _wrong(vantage, f"names.kubeconfig: {path} is no kubeconfig")
    return document


def _entry(vantage: Vantage, path: Path, document: Mapping[str, Any], kind: str, name: Any) -> Mapping[str, Any]:
    rows = document.get(f"{kind}s")
    known = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    found = next((row.get(kind) for row in known if row.get("name") == name), None)
    if not isinstance(found, dict):
        names = ", ".join(str(row.get("name")) for row in known) or "none"
        raise _wrong(vantage, f"{path.name} has no {kind} {name!r}; it has {names}")
    return found


def _pem(vantage: Vantage, path: Path, part: Mapping[str, Any], what: str) -> str | None:
    """A PEM text of `what-data` (base64), or of the file `what`, relative to the kubeconfig."""
    try:
        if part.get(f"{what}-data"):
            return base64.b64decode(part[f"{what}-data"], validate=True).decode("ascii")
        if part.get(what):
            return (path.parent / str(part[what])).read_text(encoding="ascii")
    except (OSError, ValueError, binascii.Error, TypeError):
        raise _wrong(vantage, f"{path.name}: {what} does not read") from None
    return None


def _credentials(
    vantage: Vantage, path: Path, user: Mapping[str, Any], deadline: Deadline
) -> tuple[dict[str, str], str | None, str | None]:
    """Headers, client certificate and key of a kubeconfig's user."""
    certificate, key = _pem(vantage, path, user, "client-certificate"), _pem(vantage, path, user, "client-key")
    if user.get("exec") is not None:
        from gonogo.probes.kubernetes.exec import ran  # noqa: PLC0415 - only where a plugin is named

        status = ran(vantage, path, user["exec"], deadline)
        if status.get("clientCertificateData"):
            certificate, key = status["clientCertificateData"], status.get("clientKeyData")
        return (_bearer(vantage, status["token"]) if status.get("token") else {}), certificate, key
    if user.get("auth-provider") or user.get("username"):
        raise _wrong(vantage, f"{path.name}: auth-provider and basic authentication ended long ago; use a token")
    if user.get("tokenFile"):
        try:
            token = (path.parent / str(user["tokenFile"])).read_text(encoding="ascii")
        except (OSError, ValueError):
            raise _wrong(vantage, f"{path.name}: tokenFile does not read") from None
        return _bearer(vantage, token), certificate, key
    return (_bearer(vantage, user["token"]) if user.get("token") else {}), certificate, key
