"""Planned changes of traffic, as properties: whatever the service looks like, nothing unsafe is planned."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from gonogo.judges.plans.rollout import Kept, Verb, Wish, plan_change, stage_notes, stands, unready
from gonogo.judges.plans.split import change_to
from gonogo.model.rollout import FULL, Change, Revision, ServiceTraffic, Share

NAMES = tuple(f"r{number}" for number in range(6, 0, -1))  # newest first
TAGS = ("canary", "candidate", "blue")


@st.composite
def services(draw: st.DrawFn, *, whole: bool = True) -> ServiceTraffic:
    """Any service: 1 to 6 revisions, READY or not, traffic between some, tags, targets that follow the newest."""
    names = NAMES[-draw(st.integers(1, len(NAMES))) :]
    revisions = tuple(Revision(name=name, ready=draw(st.booleans())) for name in names)
    serving = draw(st.lists(st.sampled_from(names), min_size=1, max_size=4))
    shares = draw(targets(serving, names[0], total=FULL if whole else draw(st.integers(0, 150))))
    return ServiceTraffic(
        service="s", name="projects/p/locations/r/services/s", etag='"1"', settled=draw(st.booleans()),
        shares=shares, revisions=revisions,
    )  # fmt: skip


@st.composite
def ripe(draw: st.DrawFn) -> ServiceTraffic:
    """A service that can have a canary: its newest revision is READY, and an older one is, and serves."""
    names = NAMES[-draw(st.integers(2, len(NAMES))) :]
    older = draw(st.sampled_from(names[1:]))
    revisions = tuple(Revision(name=name, ready=name in {names[0], older} or draw(st.booleans())) for name in names)
    serving = [older, *draw(st.lists(st.sampled_from([name for name in names if name != older]), max_size=3))]
    return ServiceTraffic(
        service="s", name="projects/p/locations/r/services/s", etag='"1"', settled=True,
        shares=draw(targets(serving, names[0])), revisions=revisions,
    )  # fmt: skip


@st.composite
def targets(draw: st.DrawFn, serving: list[str], newest: str, total: int = FULL) -> tuple[Share, ...]:
    """Shares of these revisions, the first of them not nothing, and every tag somewhere."""
    first = min(1, total)
    cuts = sorted(draw(st.lists(st.integers(first, total), min_size=len(serving) - 1, max_size=len(serving) - 1)))
    percents = [upper - lower for lower, upper in zip([0, *cuts], [*cuts, total], strict=True)]
    tags = iter(draw(st.permutations((*TAGS, None, None, None))))
    shares = [
        Share(revision=name, percent=percent, tag=next(tags), latest=name == newest and draw(st.booleans()))
        for name, percent in zip(serving, percents, strict=True)
    ]
    shares += [Share(revision=draw(st.sampled_from(serving)), percent=0, tag=tag) for tag in tags if tag is not None]
    return tuple(shares)


WISHES = st.one_of(
    st.builds(Wish, verb=st.just(Verb.APPLY), percent=st.integers(1, FULL)),
    st.builds(Wish, verb=st.sampled_from(Verb), revision=st.sampled_from((*NAMES, "r99"))),
    st.builds(Wish, verb=st.just(Verb.ROLLBACK), percent=st.none() | st.integers(1, FULL), automatic=st.booleans()),
    st.just(Wish(verb=Verb.ROLLBACK, before=True)),
)
SPLITS = st.dictionaries(st.sampled_from((*NAMES, "r99")), st.integers(1, FULL), max_size=3)
KEPT = st.none() | st.builds(
    Kept, before=SPLITS, split=SPLITS, previous=st.none() | st.sampled_from((*NAMES, "r99")), name=st.just("record")
)


def after(state: ServiceTraffic, change: Change) -> ServiceTraffic:
    """The service once the change is in force."""
    return replace(state, shares=change.shares, settled=True)


def tagged(shares: tuple[Share, ...]) -> set[tuple[str | None, str]]:
    return {(share.tag, share.revision) for share in shares if share.tag is not None}


@given(state=services() | services(whole=False), wish=WISHES, kept=KEPT)
def test_whatever_is_planned_sums_to_100_on_ready_revisions_with_every_tag(
    state: ServiceTraffic, wish: Wish, kept: Kept | None
) -> None:
    """Any service, any wish, any record: a change that is possible is safe, and one that is not has a reason."""
    change = plan_change(state, wish, kept)
    if isinstance(change, str):
        assert change
        return
    assert all(0 <= share.percent <= FULL for share in change.shares)
    assert sum(change.split.values()) == sum(share.percent for share in change.shares)
    assert tagged(change.shares) == tagged(state.shares)
    assert stands(after(state, change), change)
    if dict(change.split) != state.split:  # what stands already may be left as it is
        assert sum(change.split.values()) == FULL
        assert not unready(state, change)
        ready = {revision.name for revision in state.revisions if revision.ready}
        assert {share.revision for share in change.shares if share.percent} <= ready


@given(state=ripe(), percent=st.integers(1, FULL))
def test_a_canary_gets_exactly_its_share(state: ServiceTraffic, percent: int) -> None:
    """The newest READY revision, and the rest goes to one that served; traffic never follows `latest` afterwards."""
    change = plan_change(state, Wish(verb=Verb.APPLY, percent=percent))
    assert isinstance(change, Change)
    newest = next(revision.name for revision in state.revisions if revision.ready)
    assert change.split[newest] == percent
    assert set(change.split) - {newest} <= set(state.split)
    assert len(change.split) == (1 if percent == FULL else 2)
    assert not any(share.latest and share.percent for share in change.shares)


@given(state=ripe(), percent=st.integers(1, FULL - 1))
def test_a_rollback_undoes_a_canary_and_a_rollback_of_it_undoes_that(state: ServiceTraffic, percent: int) -> None:
    """From a split: a canary, all of it back to who served, and `before` twice gives the very split again."""
    first = plan_change(state, Wish(verb=Verb.APPLY, percent=percent))
    assert isinstance(first, Change)
    out = after(state, first)
    record = Kept(before=state.split, split=first.split, previous=first.previous, name="first")
    back = plan_change(out, Wish(verb=Verb.ROLLBACK), record)
    assert isinstance(back, Change)
    (served,) = back.split
    assert state.split.get(served)
    home = after(out, back)
    second = Kept(before=out.split, split=back.split, previous=back.previous, name="second")
    again = plan_change(home, Wish(verb=Verb.ROLLBACK, before=True), second)
    assert isinstance(again, Change)
    assert after(home, again).split == out.split
    assert plan_change(home, Wish(verb=Verb.ROLLBACK), second) == replace(back, notes=_notes(second, served))


def _notes(kept: Kept, served: str) -> tuple[str, ...]:
    return (f"{served} is the previous revision by {kept.name}",)


@given(state=ripe(), percent=st.integers(1, FULL))
def test_by_itself_nothing_is_taken_back_twice(state: ServiceTraffic, percent: int) -> None:
    """An automatic rollback of what an automatic rollback left changes nothing, with a record or without."""
    out = plan_change(state, Wish(verb=Verb.APPLY, percent=percent))
    assert isinstance(out, Change)
    canary, wish = after(state, out), Wish(verb=Verb.ROLLBACK, automatic=True)
    first = plan_change(canary, wish)
    assert isinstance(first, Change)
    assert len(first.split) == 1
    home = after(canary, first)
    record = Kept(before=canary.split, split=first.split, previous=first.previous, name="first")
    for kept in (record, None):
        again = plan_change(home, wish, kept)
        assert isinstance(again, Change)
        assert dict(again.split) == home.split


@given(state=ripe(), percent=st.integers(2, FULL), data=st.data())
def test_a_part_of_the_way_back_gives_the_newest_less(state: ServiceTraffic, percent: int, data: st.DataObject) -> None:
    """`keep` to the newest with traffic, which had more; the rest to an older READY one; as much is no way back."""
    out = plan_change(state, Wish(verb=Verb.APPLY, percent=percent))
    assert isinstance(out, Change)
    canary, keep = after(state, out), data.draw(st.integers(1, percent - 1))
    change = plan_change(canary, Wish(verb=Verb.ROLLBACK, percent=keep))
    assert isinstance(change, Change)
    names = [revision.name for revision in state.revisions]
    assert change.split[names[0]] == keep
    (older,) = set(change.split) - {names[0]}
    assert names.index(older) > 0
    assert isinstance(plan_change(canary, Wish(verb=Verb.ROLLBACK, percent=percent)), str)


def service(*shares: Share, settled: bool = True) -> ServiceTraffic:
    """r3, r2 and r1 are READY."""
    return ServiceTraffic(
        service="s", name="n", etag="e", settled=settled, shares=shares,
        revisions=tuple(Revision(name=name, ready=True) for name in ("r3", "r2", "r1")),
    )  # fmt: skip


def test_a_split_that_follows_the_newest_is_named() -> None:
    """Traffic `to the latest` becomes traffic to its revision, and the plan says so."""
    state = service(Share(revision="r3", percent=100, latest=True))
    change = plan_change(state, Wish(verb=Verb.ROLLBACK))
    assert isinstance(change, Change)
    assert change.shares == (Share(revision="r2", percent=100),)
    assert change.notes == ("r3 had its traffic as the newest revision; from now on it is named",)


def test_a_change_under_way_is_waited_for_and_a_rollback_is_not() -> None:
    """Nothing is put on top of a change that is not in force; the way back does not wait."""
    state = service(Share(revision="r2", percent=95), Share(revision="r3", percent=5), settled=False)
    assert plan_change(state, Wish(verb=Verb.APPLY, percent=10)) == "another change of the service is still under way"
    back = plan_change(state, Wish(verb=Verb.ROLLBACK))
    assert isinstance(back, Change)
    assert dict(back.split) == {"r2": 100}
    assert not stands(replace(state, shares=back.shares), back)


def test_what_is_unusual_about_a_step() -> None:
    """Fewer than now, or stages left out; an ordinary step has no note."""
    state = service(Share(revision="r2", percent=90), Share(revision="r3", percent=10))
    stages = (5, 10, 25, 50, 100)
    notes = {percent: stage_notes(state, Wish(verb=Verb.APPLY, percent=percent), stages) for percent in stages}
    assert notes == {
        5: ("r3 has 10 % now: this gives it less",),
        10: (),
        25: (),
        50: ("this skips 25 %",),
        100: ("this skips 25, 50 %",),
    }


def test_a_tag_that_follows_the_newest_gets_no_traffic() -> None:
    """It would take its share along to the next deploy."""
    state = service(Share(revision="r2", percent=100), Share(revision="r3", percent=0, tag="canary", latest=True))
    change = change_to(state, {"r2": 90, "r3": 10})
    assert change.split == {"r2": 90, "r3": 10}
    assert Share(revision="r3", percent=0, tag="canary", latest=True) in change.shares
