"""Who may do what in the stand-in of a cluster: the least role for looking, and one for rollouts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from factory.cluster.resources import Place, Refused
from factory.world import PRODUCTION, RECOVERY, STAGING

ARGOCD = "argocd"
# The rules of ClusterRole gonogo-reader in docs/how-to/look-at-a-cluster.md; a test holds that they are the same.
READER: tuple[Mapping[str, Any], ...] = (
    {"apiGroups": [""], "resources": ["pods", "secrets"], "verbs": ["list"]},
    {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["list"]},
    {"apiGroups": ["autoscaling"], "resources": ["horizontalpodautoscalers"], "verbs": ["list"]},
    {"apiGroups": ["networking.k8s.io"], "resources": ["ingresses"], "verbs": ["list"]},
    {"apiGroups": ["argoproj.io"], "resources": ["applications"], "verbs": ["get"]},
)
# ClusterRole gonogo-operator in docs/how-to/roll-out-and-back.md, with the reader's; a test holds them to be the same.
ROLLOUT: tuple[Mapping[str, Any], ...] = (
    *READER,
    {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "create", "patch"]},
    {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get", "patch"]},
    {"apiGroups": ["networking.k8s.io"], "resources": ["ingresses"], "verbs": ["get", "patch"]},
)
# Everything that can be changed here.
OPERATOR: tuple[Mapping[str, Any], ...] = (
    *READER,
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "watch"]},
    {
        "apiGroups": ["apps"],
        "resources": ["deployments"],
        "verbs": ["get", "watch", "create", "update", "patch", "delete"],
    },
    {"apiGroups": ["apps"], "resources": ["replicasets"], "verbs": ["get", "list", "watch"]},
    {"apiGroups": ["networking.k8s.io"], "resources": ["ingresses"], "verbs": ["get", "list", "patch", "update"]},
    {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "create", "update", "patch", "delete"]},
)
NAMESPACES = (STAGING, PRODUCTION, RECOVERY, ARGOCD)  # where both roles are bound
_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A service account with the rules that are bound to it in NAMESPACES."""

    name: str
    rules: tuple[Mapping[str, Any], ...]


READING = Account(name="system:serviceaccount:gonogo:gonogo-reader", rules=READER)
ROLLING = Account(name="system:serviceaccount:gonogo:gonogo-operator", rules=ROLLOUT)
OPERATING = Account(name="system:serviceaccount:gonogo:gonogo-admin", rules=OPERATOR)


def verb(method: str, place: Place, watching: bool) -> str:
    """The verb of RBAC for a request."""
    if method == "GET":
        return "watch" if watching else "get" if place.name else "list"
    return _VERBS.get(method, method.lower())


def check(account: Account, wanted: str, place: Place, withheld: Iterable[str] = ()) -> None:
    """Refused(403) in the server's own words unless a rule allows it. `withheld` are plurals that nobody gets."""
    allowed = place.namespace in NAMESPACES and any(
        place.resource.group in rule["apiGroups"]
        and place.resource.plural in rule["resources"]
        and wanted in rule["verbs"]
        for rule in account.rules
    )
    if allowed and place.resource.plural not in withheld:
        return
    one = f'"{place.name}" ' if place.name else ""
    where = f'in the namespace "{place.namespace}"' if place.namespace else "at the cluster scope"
    full = f"{place.resource.plural}.{place.resource.group}".rstrip(".")
    raise Refused(
        403,
        "Forbidden",
        f'{full} {one}is forbidden: User "{account.name}" cannot {wanted} resource "{place.resource.plural}" '
        f'in API group "{place.resource.group}" {where}',
        {"name": place.name, "group": place.resource.group, "kind": place.resource.plural},
    )
