"""Planned changes of traffic, as properties: whatever the service looks like, nothing unsafe is planned."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import assume, given
from hypothesis import strategies as st

from gonogo.judges.rollout_plan import Kept, Verb, Wish, plan_change, stage_notes, stands, unready
from gonogo.judges.traffic_split import change_to
from gonogo.model.rollout import FULL, Change, Revision, ServiceTraffic, Share

NAMES = tuple(f"r{number}" for number in range(6, 0, -1))  # newest first
TAGS = ("canary", "candidate", "blue")


@st.composite
def services(draw: st.DrawFn, *, whole: bool = True) -> ServiceTraffic:
    """Any service: 1 to 6 revisions, READY or not, traffic between some, tags, targets that follow the newest."""
    names = NAMES[-draw(st.integers(1, len(NAMES))) :]
    revisions = tuple(Revision(name=name, ready=draw(st.booleans())) for name in names)
    serving = draw(st.lists(st.sampled_from(names), min_size=1, max_size=4))
    cuts = sorted(draw(st.lists(st.integers(0, FULL), min_size=len(serving) - 1, max_size=len(serving) - 1)))
    percents = [upper - lower for lower, upper in zip([0, *cuts], [*cuts, FULL], strict=True)]
    if not whole:
        percents[0] = draw(st.integers(0, FULL))
    tags = iter(draw(st.permutations((*TAGS, None, None, None))))
    shares = [
        Share(revision=name, percent=percent, tag=next(tags), latest=draw(st.booleans()) and name == names[0])
        for name, percent in zip(serving, percents, strict=True)
    ]
    shares += [Share(revision=draw(st.sampled_from(names)), percent=0, tag=tag) for tag in tags if tag is not None]
    return ServiceTraffic(
        service="s", name="projects/p/locations/r/services/s", etag='"1"', settled=draw(st.booleans()),
        shares=tuple(shares), revisions=revisions,
    )  # fmt: skip


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


@given(state=services(), percent=st.integers(1, FULL))
def test_a_canary_gets_exactly_its_share(state: ServiceTraffic, percent: int) -> None:
    """The newest READY revision, and the rest goes to one that served; traffic never follows `latest` afterwards."""
    change = plan_change(state, Wish(verb=Verb.APPLY, percent=percent))
    assume(isinstance(change, Change))
    assert isinstance(change, Change)
    newest = next(revision.name for revision in state.revisions if revision.ready)
    assert change.split[newest] == percent
    assert set(change.split) - {newest} <= set(state.split)
    assert len(change.split) == (1 if percent == FULL else 2)
    assert not any(share.latest and share.percent for share in change.shares)


@given(state=services(), percent=st.integers(1, FULL - 1))
def test_a_rollback_undoes_a_canary_and_a_rollback_of_it_undoes_that(state: ServiceTraffic, percent: int) -> None:
    """From a split: a canary, all of it back to who served, and `before` twice gives the very split again."""
    first = plan_change(state, Wish(verb=Verb.APPLY, percent=percent))
    assume(isinstance(first, Change))
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


@given(state=services())
def test_by_itself_nothing_is_taken_back_twice(state: ServiceTraffic) -> None:
    """An automatic rollback of what an automatic rollback left changes nothing, with a record or without."""
    wish = Wish(verb=Verb.ROLLBACK, automatic=True)
    first = plan_change(state, wish)
    assume(isinstance(first, Change))
    assert isinstance(first, Change)
    assume(len(first.split) == 1)
    home = after(state, first)
    record = Kept(before=state.split, split=first.split, previous=first.previous, name="first")
    with_record = plan_change(home, wish, record)
    assert isinstance(with_record, Change)
    assert dict(with_record.split) == home.split
    newer = [one for one in state.revisions if one.ready][:1]
    if newer and newer[0].name not in first.split:  # the canary is READY still: it is seen that it was taken back
        without = plan_change(home, wish)
        assert isinstance(without, Change)
        assert dict(without.split) == home.split


@given(state=services(), percent=st.integers(1, FULL - 1))
def test_a_part_of_the_way_back_gives_the_newest_less(state: ServiceTraffic, percent: int) -> None:
    """`percent` to the newest with traffic, which had more; the rest to an older READY one."""
    change = plan_change(state, Wish(verb=Verb.ROLLBACK, percent=percent))
    assume(isinstance(change, Change))
    assert isinstance(change, Change)
    names = [revision.name for revision in state.revisions]
    current = next(name for name in names if state.split.get(name))
    assert change.split[current] == percent < state.split[current]
    (older,) = set(change.split) - {current}
    assert names.index(older) > names.index(current)


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
