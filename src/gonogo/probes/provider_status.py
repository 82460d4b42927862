"""Google Cloud's public incident feed into the incidents that are open or were in the last week."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from gonogo.model.evidence import Cause, Seen
from gonogo.probes.base import Probe, Sight, Vantage
from gonogo.probes.failure import Failure
from gonogo.probes.observer import Observer, observe

FEED = "/incidents.json"
_RECENT = timedelta(days=7)
_TEXT = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderStatusOptions:
    """The whole feed: its size is what the provider makes it."""


def look(_: ProviderStatusOptions, vantage: Vantage) -> Sight:
    """Incidents newest first. One without an end is open."""
    observer = Observer(vantage=vantage, name="provider_status")
    path = "" if urlsplit(observer.url).path else FEED

    def read() -> Seen:
        feed = observer.json(path)
        if not isinstance(feed, list):
            raise Failure(Cause.BROKEN, f"{observer.url}{path} is not a list of incidents")
        found = [_incident(raw) for raw in feed]
        kept = [one for one in found if one["end"] is None or vantage.now - _time(one["end"]) <= _RECENT]
        kept.sort(key=lambda one: str(one["begin"]), reverse=True)
        return Seen(data={"incidents": kept, "open": [one for one in kept if one["end"] is None]})

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


def _time(text: str) -> datetime:
    when = datetime.fromisoformat(text)
    return when if when.tzinfo else when.replace(tzinfo=UTC)


PROBE = Probe(options=ProviderStatusOptions, look=look, back_ends=("provider_status",))
