"""A person's word for one item, release and environment into a line of the sign-off ledger."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from gonogo.config.checklist import load_checklists
from gonogo.config.environment import load_environment
from gonogo.config.release import load_release
from gonogo.flows.ledger import append_signoff
from gonogo.judges import JUDGES
from gonogo.model.errors import ConfigError
from gonogo.model.units import parse_duration
from gonogo.probes import PROBES

_LIKE = "2026-12-01T00:00Z or 2026-12-01T09:00+09:00"


def attest(
    root: Path,
    *,
    item: str,
    environment: str,
    release: str,
    by: str,
    until: str,
    link: str,
    now: datetime | None = None,
) -> str:
    """Append the record and say so in one line. `until` is a duration or a time with its offset; `release` a version
    or a release file.

    ConfigError for an item that evidence decides, an end that is past, or a link that leads nowhere.
    """
    now = now or datetime.now(UTC)
    place = load_environment(environment, root / "environments")
    checks = {check.id: check for check in load_checklists(root / "checks", PROBES, JUDGES)}
    mine = {name: check for name, check in checks.items() if check.system == place.system}
    known = {name for name, one in mine.items() if any(spec.kind == "signoff" for spec in one.probes.values())}
    if item in mine and item not in known:
        raise ConfigError(f"{item} is decided by evidence; nobody can sign it off", mine[item].origin)
    if place.signoffs.startswith("address:"):
        raise ConfigError(f"{environment} is rehearsed and brings its own sign-offs", place.origin)
    record = append_signoff(
        root / place.signoffs,
        id=item,
        release=_version(release),
        environment=environment,
        by=by,
        until=_end(until, now),
        link=link,
        now=now,
        known=known,
    )
    return f"{item} is signed off by {by} for {record['release']} on {environment} until {record['until']}"


def _end(until: str, now: datetime) -> datetime:
    try:
        return now + parse_duration(until)
    except (ValueError, OverflowError):
        pass
    try:
        ends = datetime.fromisoformat(until)
    except ValueError:
        raise ConfigError(f"--until {until!r}: write a duration like 12h or 7d, or a time like {_LIKE}") from None
    if ends.tzinfo is None:
        raise ConfigError(f"--until {until!r} has no offset from UTC; write it like {_LIKE}")
    return ends


def _version(release: str) -> str:
    path = Path(release)
    return load_release(path).version if path.suffix in (".yaml", ".yml") or path.is_file() else release
