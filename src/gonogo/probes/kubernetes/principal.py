"""Who one is to a cluster: the kubeconfig's user, or this pod's service account; never a token."""

from __future__ import annotations

import base64
import json

from gonogo.probes.base import Vantage
from gonogo.probes.kubernetes.access import BACK_END, POD_FOLDER, chosen, is_in_cluster, user_of

_BY = ("token", "tokenFile", "client-certificate", "client-certificate-data", "exec")


def principal(vantage: Vantage) -> str | None:
    """In words; None where the environment gives an address: `auth` tells then. Nothing is run or sent: which account a
    plugin of a kubeconfig brings is the plugin's to know. ConfigError for a kubeconfig that does not read.
    """
    back_end = vantage.back_end(BACK_END)
    if is_in_cluster(vantage):
        return f"{_subject() or 'the service account'} of this pod"
    if not back_end.names.get("kubeconfig"):
        return None
    path, document, context, name = chosen(vantage, back_end)
    user = user_of(vantage, path, document, context)
    how = "" if any(user.get(one) for one in _BY) else ", who has no credentials there"
    return f"user {context.get('user')} of context {name} in {path.name}{how}"


def _subject() -> str | None:
    """`service account NAMESPACE/NAME`, as the pod's token says of itself; unproven, as it is only shown."""
    try:
        payload = (POD_FOLDER / "token").read_text(encoding="ascii").strip().split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        _, kind, namespace, name = str(claims["sub"]).split(":")
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return None
    return f"service account {namespace}/{name}" if kind == "serviceaccount" else None
