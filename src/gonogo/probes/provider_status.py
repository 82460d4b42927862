"""A provider's public status, Google Cloud's feed or a Statuspage, into incidents that are open or of the last week."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from gonogo.model.evidence import Cause, Seen
from gonogo.probes.base import Probe, Sight, Vantage
from gonogo.probes.failure import Failure
from gonogo.probes.http.observer import Observer, observe

FEED = "/incidents.json"
_RECENT = timedelta(days=7)
_TEXT = 500
_WELL = ("operational", "under_maintenance")
_OVER = ("resolved", "postmortem", "completed")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderStatusOptions:
    """The whole feed: its size is what the provider makes it.

    The back end's address is Google Cloud's (its path may be left out) or the whole URL of a Statuspage's
    `/api/v2/summary.json` or `/api/v2/incidents.json`. Of a Statuspage, `names.component` may be a part of the names
    of those components that matter: what names only others is left out.
    """


def look(_: ProviderStatusOptions, vantage: Vantage) -> Sight:
    """{incidents, open, affected}: incidents newest first; one without an end is open. `affected` are components of a
    Statuspage that are neither operational nor under maintenance, {name, status}.
    """
    observer = Observer(vantage=vantage, name="provider_status")
    path = "" if urlsplit(observer.url).path else FEED

    def read() -> Seen:
        feed = observer.json(path)
        affected: list[dict[str, Any]] = []
        if isinstance(feed, list):
            found = [_incident(raw) for raw in feed]
        elif isinstance(feed, dict) and isinstance(feed.get("incidents"), list) and "page" in feed:
            wanted, there = observer.back_end.names.get("component", ""), feed.get("components")
            if wanted and there is not None and not any(_matters([one], wanted) for one in there):
                raise Failure(
                    Cause.NO_DATA, f"{observer.url}{path}: names.component is {wanted!r}, and no component is called so"
                )
            found = [_told(raw) for raw in feed["incidents"] if _matters(raw.get("components") or [], wanted)]
            affected = [
                {"name": one["name"], "status": one["status"]}
                for one in there or ()
                if one["status"] not in _WELL and _matters([one], wanted)
            ]
        else:
            raise Failure(Cause.BROKEN, f"{observer.url}{path} is neither a list of incidents nor a Statuspage")
        kept = [one for one in found if one["end"] is None or vantage.now - _time(one["end"]) <= _RECENT]
        kept.sort(key=lambda one: str(one["begin"]), reverse=True)
        open_ = [one for one in kept if one["end"] is None]
        return Seen(data={"incidents": kept, "open": open_, "affected": affected})

    return observe(f"GET {observer.url}{path}", read)


def _incident(raw: Mapping[str, Any]) -> dict[str, Any]:
    update = raw.get("most_recent_update") or {}
    return {
        "id": raw["id"],
        "service": raw.get("service_name"),
        "begin": _time(raw["begin"]).isoformat(),
        "end": _time(raw["end"]).isoformat() if raw.get("end") else None,
        "severity": raw.get("severity"),
        "products": [product["title"] for product in raw.get("affected_products", [])],
        "text": str(raw.get("external_desc") or update.get("text") or "")[:_TEXT],
    }


def _told(raw: Mapping[str, Any]) -> dict[str, Any]:
    """An incident of a Statuspage: https://metastatuspage.com/api."""
    ended = raw.get("resolved_at") if raw["status"] in _OVER else None
    if raw["status"] in _OVER and not ended:
        ended = raw.get("updated_at") or raw["created_at"]
    updates = raw.get("incident_updates") or [{}]
    return {
        "id": raw["id"],
        "service": None,
        "begin": _time(raw.get("started_at") or raw["created_at"]).isoformat(),
        "end": _time(ended).isoformat() if ended else None,
        "severity": raw.get("impact"),
        "products": [one["name"] for one in raw.get("components") or ()],
        "text": f"{raw['name']} ({raw['status']}): {updates[0].get('body') or ''}".rstrip(": ")[:_TEXT],
    }


def _matters(components: Sequence[Mapping[str, Any]], wanted: str) -> bool:
    """True for an incident that names no component, or one of those that matter."""
    return not components or any(wanted.casefold() in str(one["name"]).casefold() for one in components)


def _time(text: str) -> datetime:
    when = datetime.fromisoformat(text)
    return when if when.tzinfo else when.replace(tzinfo=UTC)


PROBE = Probe(options=ProviderStatusOptions, look=look, back_ends=("provider_status",))
