"""A person's word for one item, release and environment into a line of the sign-off ledger."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from gonogo.config.checklist import load_checklists
from gonogo.config.complain import nearest
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
    """Append the record and say so in one line. `until` is a duration or a time with its offset.

    ConfigError for an item that evidence decides, an end that is past, or a link that leads nowhere.
    """
    now = now or datetime.now(UTC)
    place = load_environment(environment, root / "environments")
    checks = {check.id: check for check in load_checklists(root / "checks", PROBES, JUDGES)}
    if item not in checks:
        raise ConfigError(f"there is no item {item!r}{nearest(item, checks)}; `gonogo list` lists them")
    check = checks[item]
    if check.system != place.system:
        raise ConfigError(f"{item} is of system {check.system!r}, {environment} of {place.system!r}", place.origin)
    if not any(spec.kind == "signoff" for spec in check.probes.values()):
        raise ConfigError(f"{item} is decided by evidence; nobody can sign it off", check.origin)
    if place.signoffs.startswith("address:"):
        raise ConfigError(f"{environment} is rehearsed and brings its own sign-offs", place.origin)
    ends = _end(until, now)
    record = {
        "id": item,
        "release": _version(release),
        "environment": environment,
        "by": _line("--by", by),
        "at": now.isoformat(timespec="seconds"),
        "until": ends.isoformat(timespec="seconds"),
        "link": _link(link),
    }
    append_signoff(root / place.signoffs, record)
    return f"{item} is signed off by {record['by']} for {record['release']} on {environment} until {record['until']}"


def _end(until: str, now: datetime) -> datetime:
    try:
        ends = now + parse_duration(until)
    except (ValueError, OverflowError):
        try:
            ends = datetime.fromisoformat(until)
        except ValueError:
            raise ConfigError(
                f"--until {until!r}: write a duration like 12h or 7d, or a time like 2026-12-01T00:00Z"
            ) from None
    if ends.tzinfo is None:
        raise ConfigError(
            f"--until {until!r} has no offset from UTC; write 2026-12-01T00:00Z or 2026-12-01T09:00+09:00"
        )
    if ends <= now:
        raise ConfigError(f"--until {until!r} is past: the sign-off would never be valid")
    return ends.astimezone(UTC)


def _version(release: str) -> str:
    path = Path(release)
    if path.suffix in (".yaml", ".yml") or path.is_file():
        return load_release(path).version
    return _line("--release", release)


def _line(name: str, text: str) -> str:
    if not text.strip() or not text.isprintable():
        raise ConfigError(f"{name} is one line of text, not {text!r}")
    return text.strip()


def _link(link: str) -> str:
    try:
        parts = urlsplit(_line("--link", link))
        host = parts.hostname
    except ValueError:
        host = None
    if not host or parts.scheme not in ("http", "https") or parts.username is not None:
        raise ConfigError(f"--link is an http or https address without a password, not {link!r}")
    return link.strip()
