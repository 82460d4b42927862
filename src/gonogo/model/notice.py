"""An incident into the words of the notice that customers get."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone, tzinfo

from gonogo.model.recovery import CLASS_WORDS, PHASES, DataLoss, Incident

KST = timezone(timedelta(hours=9), "KST")
_MINUTE = timedelta(minutes=1)
_FROM_FILE = ("id", "class", "began", "detected", "summary", "data_loss", "affected_customers")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def notice_fields(incident: Incident) -> dict[str, str]:
    """What a notice to customers may hold, by name: `incident.began`, `incident.began_ko` and so on. Times are in UTC,
    those of `_ko` in KST; what is not recorded yet is empty.
    """
    restored, loss = incident.restored, incident.data_loss
    fields = {
        "id": incident.id,
        "began": _moment(incident.began, UTC),
        "detected": _moment(incident.detected, UTC),
        "restored": _moment(_whole(restored), UTC),
        "began_ko": _moment(incident.began, KST),
        "detected_ko": _moment(incident.detected, KST),
        "restored_ko": _moment(_whole(restored), KST),
        "downtime_en": "" if restored is None else _length(restored - incident.began, "h", "min"),
        "downtime_ko": "" if restored is None else _length(restored - incident.began, "시간", "분", gap=""),
        "data_loss_en": "" if loss is None else _lost(loss, UTC, "none", "to", _length(loss.took, "h", "min")),
        "data_loss_ko": "" if loss is None else _lost(loss, KST, "없음", "~", _length(loss.took, "시간", "분", gap="")),
        "affected_customers": "" if incident.affected_customers is None else str(incident.affected_customers),
    }
    for language in ("en", "ko"):
        fields[f"class_{language}"] = CLASS_WORDS[incident.class_][language]
        fields[f"summary_{language}"] = incident.summary.get(language, "").strip()
    return {f"incident.{name}": text for name, text in fields.items()}


def keys_of(field: str, incident: Incident) -> tuple[str, ...]:
    """The keys of the incident file that a field of the notice waits for; the field itself where it is none of these:
    `incident.downtime_en` waits for `phases.switch.ended`.
    """
    name = field.removeprefix("incident.")
    key, language = (name[:-3], name[-2:]) if name.endswith(("_en", "_ko")) else (name, "")
    if name == field or key not in {*_FROM_FILE, "restored", "downtime"}:
        return (field,)
    if key in ("restored", "downtime"):
        begun = incident.phases.begun()
        return tuple(f"phases.{one}.ended" for one in PHASES if one not in begun or begun[one].ended is None)
    return (f"summary.{language}",) if key == "summary" else (key,)


def _moment(at: datetime | None, zone: tzinfo) -> str:
    return "" if at is None else f"{at.astimezone(zone):%Y-%m-%d %H:%M %Z}"


def _whole(end: datetime | None) -> datetime | None:
    """The end of its minute: a notice makes nothing smaller."""
    return None if end is None else end + (_EPOCH - end) % _MINUTE


def _length(took: timedelta, hours: str, minutes: str, gap: str = " ") -> str:
    """Whole minutes, rounded up: a notice makes nothing smaller."""
    whole = -(-took // _MINUTE)
    parts = [f"{whole // 60}{gap}{hours}"] if whole >= 60 else []
    return " ".join([*parts, f"{whole % 60}{gap}{minutes}"] if whole % 60 or not parts else parts)


def _lost(loss: DataLoss, zone: tzinfo, none: str, to: str, length: str) -> str:
    return (
        none
        if loss.until == loss.since
        else f"{_moment(loss.since, zone)} {to} {_moment(_whole(loss.until), zone)} ({length})"
    )
