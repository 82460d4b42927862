"""A planned change of a Helm release, made for exactly the state that was read, and told to Helm's history."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from gonogo.model.errors import GonogoError
from gonogo.model.evidence import Cause
from gonogo.model.helm import DEPLOYED, FAILED, SUPERSEDED, HelmChange, HelmState, Patch
from gonogo.probes.base import Vantage
from gonogo.probes.deadline import Deadline
from gonogo.probes.failure import Failure, Stale
from gonogo.probes.helm.history import TYPE
from gonogo.probes.helm.read import object_path, operating, secrets_path, well_formed
from gonogo.probes.helm.storage import next_secret, restated, secret_name
from gonogo.probes.kubernetes.access import BACK_END
from gonogo.probes.kubernetes.client import PAGE, api_client

_STRATEGIC = "application/strategic-merge-patch+json"
_MERGE = "application/merge-patch+json"
_VERBS = frozenset({"GET", "PATCH", "POST"})  # nothing is ever deleted
_UNANSWERED = (Cause.TIMEOUT, Cause.UNREACHABLE)


class Refused(Failure):
    """The API server said no; `status` is HTTP's."""

    def __init__(self, detail: str, status: int) -> None:
        super().__init__(Cause.DENIED if status in (401, 403) else Cause.UNAVAILABLE, detail, lost=status >= 500)
        self.status = status


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A change that was asked for, and the revision that tells of it and is still under way."""

    namespace: str
    release: str
    number: int


def calls(state: HelmState, change: HelmChange) -> list[dict[str, Any]]:
    """The requests that would be sent, in order. The record itself is not shown: its values may be secret."""
    name = secret_name(state.release, change.number)
    record = {"metadata": {"name": name, "labels": {"status": change.pending}}, "type": TYPE, "data": "(not shown)"}
    where = secrets_path(state.namespace)
    told: list[dict[str, Any]] = [{"method": "POST", "path": where, "request": record}]
    told += [{"method": "PATCH", "path": _path(state, one), "request": _bound(one)} for one in change.patches]
    old = [one.number for one in state.revisions if one.status == DEPLOYED]
    ends = [(number, SUPERSEDED) for number in old] + [(change.number, DEPLOYED)]
    for number, status in ends:
        request = {"metadata": {"labels": {"status": status}}, "data": "(not shown)"}
        told.append({"method": "PATCH", "path": f"{where}/{secret_name(state.release, number)}", "request": request})
    return told


def kubectl_lines(state: HelmState, change: HelmChange) -> list[str]:
    """Command lines that set the same, without Helm's history."""
    return [
        f"kubectl --namespace {state.namespace} patch {patch.kind.lower()} {patch.name} --type strategic"
        f" --patch {shlex.quote(json.dumps(_bound(patch)))}"
        for patch in change.patches
    ]


def send(vantage: Vantage, state: HelmState, change: HelmChange, deadline: Deadline) -> Sent:
    """Ask for it: tried without effect first (dryRun), then written down as under way, then set object by object.

    Stale: an object or the history is other than it was read, and nothing was done. Refused or Failure: what was done
    before is in its text. The revision that was begun is `failed` then.
    """
    api = _Api(vantage, deadline)
    with well_formed():
        _begun(api, state, change)
    sent = Sent(namespace=state.namespace, release=state.release, number=change.number)
    done: list[str] = []
    for patch in change.patches:
        try:
            _set(api, state, patch)
        except Failure as failure:
            so_far = f"; done before that: {'; '.join(done)}" if done else ""
            lacks = end(vantage, sent, f"{failure.detail}{so_far}")
            text = "; ".join([f"{failure.detail}{so_far}", *([lacks] if lacks else [])])
            if isinstance(failure, Stale) and not done:
                raise Stale(failure.cause, text) from None
            status = failure.status if isinstance(failure, Refused) else 0
            raise Refused(text, status) if status else Failure(failure.cause, text, lost=failure.lost) from None
        done.append(patch.what)
    return sent


def _begun(api: _Api, state: HelmState, change: HelmChange) -> None:
    """What was planned on is still there, every patch would be taken, and Helm's history has it under way."""
    where = secrets_path(state.namespace)
    newest = state.revisions[0]
    held = {
        number: api.get(f"{where}/{secret_name(state.release, number)}")
        for number in {newest.number, change.source, change.base}
    }
    for one in state.revisions:
        if one.number in held and held[one.number]["metadata"]["resourceVersion"] != one.version:
            raise Stale(Cause.UNAVAILABLE, f"revision {one.number} of {state.release} was changed since it was read")
    for patch in change.patches:
        try:
            api.patch(_path(state, patch), _bound(patch), _STRATEGIC, trial=True)
        except Refused as failure:
            if failure.status != 400 or "dry run" not in failure.detail:
                raise  # a webhook that takes no trials says nothing of the change itself
    secret = next_secret(held[change.source], held[change.base], change, datetime.now(UTC))
    api.post(where, secret)


def end(vantage: Vantage, sent: Sent | None, failed: str | None) -> str | None:
    """Tell Helm's history how it ended: deployed, and what was before is superseded; or failed. None, or what is not
    told there. Never raises.
    """
    if sent is None:
        return "Helm's history does not tell of it"
    try:
        with well_formed():
            _ended(vantage, sent, failed)
    except (Failure, GonogoError) as error:
        return f"Helm's history still has revision {sent.number} under way: {error}"
    return None


def _ended(vantage: Vantage, sent: Sent, failed: str | None) -> None:
    api = _Api(vantage, Deadline(vantage.back_end(BACK_END).timeout))
    where, now = secrets_path(sent.namespace), datetime.now(UTC)
    name = secret_name(sent.release, sent.number)
    secret = api.get(f"{where}/{name}")
    if failed is not None:
        api.patch(f"{where}/{name}", restated(secret, FAILED, now, f"failed: {failed}"[:400]), _MERGE)
        return
    query = {"labelSelector": f"owner=helm,name={sent.release},status={DEPLOYED}", "limit": PAGE}
    for old in api.get(where, query)["items"]:
        if old["metadata"]["name"] != name:
            api.patch(f"{where}/{old['metadata']['name']}", restated(old, SUPERSEDED, now), _MERGE)
    api.patch(f"{where}/{name}", restated(secret, DEPLOYED, now), _MERGE)


def _set(api: _Api, state: HelmState, patch: Patch) -> None:
    """One object. An answer that is lost is settled by reading."""
    path = _path(state, patch)
    try:
        api.patch(path, _bound(patch), _STRATEGIC)
    except Stale:
        raise
    except Failure as failure:
        if isinstance(failure, Refused) and failure.status < 500:
            raise
        try:
            found = api.get(path)
        except Failure:
            raise failure from None
        if not _holds(found, patch.body):
            raise


def _holds(found: Any, wanted: Any) -> bool:
    """Whether an object has what a patch sets."""
    if isinstance(wanted, Mapping):
        return isinstance(found, Mapping) and all(_holds(found.get(name), one) for name, one in wanted.items())
    if isinstance(wanted, list):
        by_name = {one["name"]: one for one in found or ()}
        return all(_holds(by_name.get(one["name"]), one) for one in wanted)
    return bool(found == wanted)


def _path(state: HelmState, patch: Patch) -> str:
    return object_path(state.namespace, patch.kind, patch.name)


def _bound(patch: Patch) -> dict[str, Any]:
    """The patch with the resourceVersion that it was planned on: another one is answered with 409."""
    return {**patch.body, "metadata": {**patch.body.get("metadata", {}), "resourceVersion": patch.version}}


class _Api:
    """A few requests that share one deadline."""

    def __init__(self, vantage: Vantage, deadline: Deadline) -> None:
        self._api = api_client(operating(vantage), deadline, _VERBS)

    def get(self, path: str, query: Mapping[str, Any] | None = None) -> Any:
        return self._ask("GET", path, query)

    def patch(self, path: str, body: Mapping[str, Any], kind: str, *, trial: bool = False) -> None:
        self._ask("PATCH", path, {"dryRun": "All"} if trial else None, body, kind)

    def post(self, path: str, body: Mapping[str, Any]) -> None:
        """Create; where the answer is lost, it is looked whether it is there."""
        try:
            self._ask("POST", path, None, body, "application/json")
        except Failure as failure:
            if failure.cause not in _UNANSWERED:
                raise
            try:
                found = self.get(f"{path}/{body['metadata']['name']}")
            except Failure:
                raise failure from None
            if found["data"] != body["data"]:
                raise Stale(Cause.UNAVAILABLE, f"{body['metadata']['name']} was written by somebody else") from None

    def _ask(
        self,
        verb: str,
        path: str,
        query: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        kind: str | None = None,
    ) -> Any:
        headers = {"Accept": "application/json", **({"Content-Type": kind} if kind else {})}
        method, url, sent, content, _ = self._api.param_serialize(
            verb, path, query_params=dict(query or {}), header_params=headers, body=body
        )
        answer = self._api.call_api(method, url, sent, content)
        what = f"{verb} {path.rpartition('/namespaces/')[2]}"
        data: Any = answer.data
        document = _json(data)
        if answer.status == 409:
            raise Stale(Cause.UNAVAILABLE, f"{what}: 409: {_said(document)}")
        if not 200 <= answer.status < 300:
            raise Refused(f"{what}: {answer.status}: {_said(document)}", answer.status)
        if not isinstance(document, dict):
            raise Failure(Cause.BROKEN, f"{what}: the answer is no object")
        return document


def _json(data: bytes) -> Any:
    try:
        return json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError):
        return None


def _said(document: Any) -> str:
    return str(document.get("message") or "")[:300] if isinstance(document, dict) else "an answer that is no JSON"
