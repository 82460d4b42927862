"""Orders for the workers of a load run and what each of them found, as plain JSON and back."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from gonogo.config.raw import to_raw
from gonogo.config.reader import read_raw
from gonogo.config.tree import from_plain
from gonogo.load.fleet import Found
from gonogo.load.record import merge
from gonogo.load.schedule import Share
from gonogo.load.series import shifted
from gonogo.model.evidence import plain
from gonogo.model.load import Event, Histogram, Moment, OutcomeClass, Profile, Series, SideRecord, Target

Json = dict[str, Any]


def order_to_json(profile: Profile, targets: Sequence[Target], share: Share) -> Json:
    """What a worker has to send. It holds the headers of the sides: for the workers' own network only."""
    return {
        "profile": to_raw(profile),
        "targets": [
            {
                "side": target.side,
                "url": target.url,
                "method": target.method,
                "path": target.path,
                "body": None if target.body is None else base64.b64encode(target.body).decode("ascii"),
                "headers": [list(header) for header in target.headers],
                "ca": target.ca,
                "reject_status": target.reject_status,
            }
            for target in targets
        ],
        "share": [share.index, share.of],
    }


def order_from_json(document: Mapping[str, Any]) -> tuple[Profile, tuple[Target, ...], Share]:
    """What `order_to_json` wrote."""
    profile = read_raw(Profile, from_plain(dict(document["profile"]), "order"), "")
    targets = tuple(
        Target(
            side=one["side"],
            url=one["url"],
            method=one["method"],
            path=one["path"],
            body=None if one["body"] is None else base64.b64decode(one["body"]),
            headers=tuple((name, value) for name, value in one["headers"]),
            ca=one["ca"],
            reject_status=one["reject_status"],
        )
        for one in document["targets"]
    )
    index, of = document["share"]
    return profile, targets, Share(index=index, of=of)


def found_to_json(found: Found) -> Json:
    """Everything that one worker saw; histograms bucket by bucket."""
    return {
        "started": found.started.isoformat(),
        "ended": found.ended.isoformat(),
        "aborted": found.aborted,
        "burned": list(found.burned),
        "sides": [
            {
                "side": side.side,
                "requested_rate": side.requested_rate,
                "achieved_rate": side.achieved_rate,
                "requests": side.requests,
                "histograms": [plain(histogram) for histogram in side.histograms],
                "statuses": [list(pair) for pair in side.statuses.items()],
                "errors": [list(pair) for pair in side.errors.items()],
                "series": None if side.series is None else _series_to_json(side.series),
            }
            for side in found.sides
        ],
        "events": [plain(event) for event in found.events],
    }


def found_from_json(document: Mapping[str, Any]) -> Found:
    """What `found_to_json` wrote."""
    return Found(
        started=datetime.fromisoformat(document["started"]),
        ended=datetime.fromisoformat(document["ended"]),
        aborted=document["aborted"],
        burned=tuple(document["burned"]),
        sides=tuple(_side(one) for one in document["sides"]),
        events=tuple(
            Event(
                **{
                    **one,
                    "outcome": OutcomeClass(one["outcome"]),
                    "headers": tuple((name, value) for name, value in one["headers"]),
                }
            )
            for one in document["events"]
        ),
    )


def merge_found(parts: Sequence[Found]) -> Found | None:
    """All workers as one; None when none has said anything. Times of events count from the first start."""
    if not parts:
        return None
    started = min(part.started for part in parts)
    names = dict.fromkeys(side.side for part in parts for side in part.sides)
    events = [
        replace(event, intended=event.intended + late, sent=event.sent + late, received=event.received + late)
        for part in parts
        for late in [(part.started - started).total_seconds()]
        for event in part.events
    ]
    return Found(
        started=started,
        ended=max(part.ended for part in parts),
        sides=tuple(
            merge([_late(side, part, started) for part in parts for side in part.sides if side.side == name])
            for name in names
        ),
        events=tuple(sorted(events, key=lambda event: event.sent)),
        aborted=next((part.aborted for part in parts if part.aborted is not None), None),
        burned=tuple(dict.fromkeys(side for part in parts for side in part.burned)),
    )


def _side(one: Mapping[str, Any]) -> SideRecord:
    return merge(
        [
            SideRecord(
                side=one["side"],
                requested_rate=one["requested_rate"],
                achieved_rate=one["achieved_rate"],
                requests=one["requests"],
                outcomes={},
                histograms=tuple(
                    Histogram(endpoint=each["endpoint"], outcome=OutcomeClass(each["outcome"]), encoded=each["encoded"])
                    for each in one["histograms"]
                ),
                statuses={int(status): n for status, n in one["statuses"]},
                errors={reason: int(n) for reason, n in one["errors"]},
                series=None if one["series"] is None else _series_from_json(one["series"]),
            )
        ]
    )


def _late(side: SideRecord, part: Found, started: datetime) -> SideRecord:
    """The side of a worker that began after the first one, on the clock of the run."""
    late = (part.started - started).total_seconds()
    return side if side.series is None else replace(side, series=shifted(side.series, late))


def _series_to_json(series: Series) -> Json:
    made: Json = plain(series)
    made["sent"] = [list(pair) for pair in series.sent.items()]
    made["requested"] = None if series.requested is None else [list(pair) for pair in series.requested.items()]
    return made


def _series_from_json(one: Mapping[str, Any]) -> Series:
    moments = tuple(
        Moment(
            **{
                **each,
                "outcome": OutcomeClass(each["outcome"]),
                "buckets": tuple((place, count) for place, count in each["buckets"]),
            }
        )
        for each in one["moments"]
    )
    requested = None if one["requested"] is None else dict(map(tuple, one["requested"]))
    return Series(**{**one, "moments": moments, "sent": dict(map(tuple, one["sent"])), "requested": requested})
