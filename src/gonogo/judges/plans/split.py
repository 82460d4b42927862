"""A service's traffic and a wish into the split that fulfils it, or into why nothing does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gonogo.model.rollout import FULL, Change, Revision, ServiceTraffic, Share, split_of


def canary_split(shares: Mapping[str, int], revisions: Sequence[Revision], percent: int) -> dict[str, int] | str:
    """The newest READY revision gets `percent`, the rest goes to the READY one beside it that serves most.

    `shares` is percent by revision, `revisions` are newest first. A text says why it is not possible.
    """
    if not 0 <= percent <= FULL:
        return f"{percent} % is no share of the traffic"
    ready = [revision.name for revision in revisions if revision.ready]
    if not ready:
        return "no revision is READY"
    new, *older = ready
    if percent == FULL:
        return {new: FULL}
    carrying = [name for name in older if shares.get(name)]
    if not carrying:
        serves = "serves already" if shares.get(new) else "is the only one that could serve"
        return f"{new} is the newest READY revision and {serves}; a canary needs a READY one beside it that serves"
    # The old one first: that is who keeps most of the traffic.
    return {max(carrying, key=lambda name: shares[name]): FULL - percent, new: percent}


def back_split(
    shares: Mapping[str, int], revisions: Sequence[Revision], target: str | None = None, keep: int = 0
) -> dict[str, int] | str:
    """All traffic but `keep` percent back to `target`, or to the newest READY revision older than the newest with
    traffic, which is the one that keeps the rest. A text says why it is not possible.
    """
    names = [revision.name for revision in revisions]
    place = next((i for i, name in enumerate(names) if shares.get(name)), None)
    if place is None:
        return "no known revision has traffic"
    current = names[place]
    if target is None:
        older = revisions[place + 1 :]
        target = next((revision.name for revision in older if revision.ready), None)
        if target is None:
            shown = ", ".join(revision.name for revision in older[:5])
            return f"none of the revisions before {current} is READY ({shown or 'there are none'})"
    unready = not_ready(target, revisions)
    if unready:
        return unready
    if not keep:
        return {target: FULL}
    if current == target:
        return f"{current} is the newest revision with traffic: nothing newer could keep {keep} %"
    if not 0 < keep < shares[current]:
        return f"{current} has {shares[current]} % now: to give it {keep} % is no way back"
    unready = not_ready(current, revisions)
    return unready or {target: FULL - keep, current: keep}


def whole_split(name: str, revisions: Sequence[Revision]) -> dict[str, int] | str:
    """All traffic to one named revision."""
    return not_ready(name, revisions) or {name: FULL}


def restored_split(before: Mapping[str, int], revisions: Sequence[Revision]) -> dict[str, int] | str:
    """A split that was before, once more; only READY revisions may serve."""
    for name in before:
        unready = not_ready(name, revisions)
        if unready:
            return unready
    total = sum(before.values())
    return dict(before) if total == FULL else f"the split before summed to {total} %, not 100 %"


def not_ready(name: str, revisions: Sequence[Revision]) -> str | None:
    """Why a revision cannot take traffic; None if it can."""
    found = next((revision for revision in revisions if revision.name == name), None)
    if found is None:
        return f"there is no revision {name} (there is {', '.join(one.name for one in revisions[:5]) or 'none'})"
    return None if found.ready else f"{name} is not READY" + (f": {found.reason}" if found.reason else "")


def change_to(state: ServiceTraffic, split: Mapping[str, int], previous: str | None = None) -> Change:
    """The change that makes this split. Every tag stays on its revision; traffic goes to targets that name one."""
    left = {name: percent for name, percent in split.items() if percent}
    shares: list[Share] = []
    for share in state.shares:
        if share.tag is None:
            continue
        percent = 0 if share.latest else left.pop(share.revision, 0)
        shares.append(Share(revision=share.revision, percent=percent, tag=share.tag, latest=share.latest))
    fresh = [Share(revision=name, percent=percent) for name, percent in left.items()]
    made = tuple(fresh + shares)
    notes = tuple(
        f"{share.revision} had its traffic as the newest revision; from now on it is named"
        for share in state.shares
        if share.latest and share.percent
    )
    return Change(split=split_of(made), shares=made, previous=previous, notes=notes)


def mainly(split: Mapping[str, int]) -> str | None:
    """The revision with most of the traffic."""
    return max(split, key=lambda name: split[name]) if split else None


def split_text(split: Mapping[str, int]) -> str:
    """`NAME 95 %, NAME 5 %`."""
    return ", ".join(f"{name} {percent} %" for name, percent in split.items())


def gcloud_line(service: str, split: Mapping[str, int], names: Mapping[str, str]) -> str:
    """The command line that would make the split; `names` are region and project, where they are known."""
    revisions = ",".join(f"{name}={percent}" for name, percent in split.items() if percent)
    words = ["gcloud run services update-traffic", service, f"--to-revisions={revisions}"]
    words += [f"--{name}={names[name]}" for name in ("region", "project") if name in names]
    return " ".join(words)
