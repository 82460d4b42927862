"""The requests that differ from the plain one, property by property, and what a limiter of the policy has to do."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import StrEnum

from gonogo.model.rate_scenes import Key, Scenario, Variant
from gonogo.model.ratelimit import Algorithm, Policy, Scope

FORGED = "203.0.113"  # addresses of documentation, which nobody has (RFC 5737)
RESTED = ", rested"  # the end of a name: sent once more while nothing is exhausted
FORWARDING = (
    "X-Forwarded-For",
    "X-Real-IP",
    "Forwarded",
    "True-Client-IP",
    "CF-Connecting-IP",
    "X-Client-IP",
)


class Expect(StrEnum):
    """What is right while the plain request is rejected."""

    SHARED = "shared"  # no quota of its own: rejected, or refused in another way
    OWN = "own"  # a quota of its own: admitted
    EXEMPT = "exempt"  # never rejected


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One variant, and what is right of it. `times`: admissions between rejected controls that no refill explains."""

    variant: Variant
    expect: Expect = Expect.SHARED
    times: int = 2
    sent: bool = True  # False: another scene sends it


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """The trials of one property. `absent` says what is missing for it; `worth` is what a failure found is worth."""

    id: str
    worth: float
    would: str
    trials: tuple[Trial, ...] = ()
    absent: str = ""
    also: str = ""  # another property that its requests show

    @property
    def tag(self) -> str:
        """The ids of the properties that its requests are sent for."""
        return f"{self.id} {self.also}".strip()

    @property
    def cost(self) -> int:
        """Requests: each trial, a control after it, and one control before the first."""
        return 1 + sum(2 * (trial.times if trial.expect is Expect.OWN else 1) for trial in self.trials if trial.sent)


def scenes(policy: Policy, scenario: Scenario) -> tuple[Scene, ...]:
    """Those that are played while the limit is used up, best worth a request first."""
    if policy.algorithm is Algorithm.NONE:
        return ()
    every = [_other_key(policy, scenario), _scope(policy, scenario), _forged(), _spelling(scenario)]
    every += [_credentials(scenario), _exempt(scenario)]
    if not every[1].absent:
        every[0] = replace(every[0], also=every[1].id)
    # Where the edge of a window is not known, what came close to it may be of either window.
    edges = {Algorithm.FIXED_WINDOW: 2, Algorithm.SLIDING_COUNTER: 3}.get(policy.algorithm, 0)
    times = 2 + int(policy.limit * policy.tolerance) + edges
    every = [replace(scene, trials=tuple(replace(trial, times=times) for trial in scene.trials)) for scene in every]
    return tuple(sorted(every, key=lambda scene: -scene.worth / scene.cost))


def _other_key(policy: Policy, scenario: Scenario) -> Scene:
    own = not policy.per or Scope.KEY in policy.per
    would = "the second key rejected while only the first is used up" if own else "a quota for the second key"
    if not scenario.other_key:
        return Scene(id="P15", worth=10, would=would, absent="no second key is given (--other-header 'K: V')")
    expect = Expect.OWN if own else Expect.SHARED
    return Scene(id="P15", worth=10, would=would, trials=(_trial("the other key", expect, key=Key.OTHER),))


def _scope(policy: Policy, scenario: Scenario) -> Scene:
    would = "a key or a route that has a counter of its own, or has none, unlike the policy says"
    absent = ""
    if not policy.per:
        absent = "the policy does not say what has a counter of its own (per: [key, route])"
    elif not scenario.other_key or scenario.other_target is None:
        absent = "needs a second key and a second route (--other-header 'K: V', --other-path PATH)"
    if absent:
        return Scene(id="P16", worth=6, would=would, absent=absent)
    cells: list[tuple[str, Key, str | None, bool]] = []
    cells.append(("the other key", Key.OTHER, None, Scope.KEY in policy.per))
    cells.append(("the other route", Key.OWN, scenario.other_target, Scope.ROUTE in policy.per))
    both = Scope.KEY in policy.per or Scope.ROUTE in policy.per
    cells.append(("the other key and route", Key.OTHER, scenario.other_target, both))
    trials = tuple(
        _trial(name, Expect.OWN if own else Expect.SHARED, key=key, target=target) for name, key, target, own in cells
    )
    first, *others = trials
    return Scene(id="P16", worth=6, would=would, trials=(replace(first, sent=False), *others))


def _forged() -> Scene:
    """P17: sent one by one, each with an address of its own."""
    trials = []
    for number, name in enumerate(FORWARDING, 11):
        address = f"{FORGED}.{number}"
        value = f"for={address}" if name == "Forwarded" else address
        trials.append(_trial(name, headers=((name, value),)))
    would = "an admission for a forged header between two rejected plain requests"
    return Scene(id="P17", worth=25, would=would, trials=tuple(trials))


def _spelling(scenario: Scenario) -> Scene:
    path, mark, query = scenario.target.partition("?")
    forms = {f"/{path}": "a slash twice", f"/.{path}": "a dot segment", path.upper(): "capitals"}
    if len(path) > 1:
        forms[path.removesuffix("/") if path.endswith("/") else f"{path}/"] = "the last slash"
        forms[f"{path};a=b"] = "a path parameter"
    letters = list(re.finditer("[A-Za-z]", path))
    if letters:
        at = letters[-1].start()
        forms[f"{path[:at]}%{ord(path[at]):02x}{path[at + 1 :]}"] = "an encoded letter"
    trials = [_trial(name, target=form + mark + query) for form, name in forms.items() if form != path]
    trials.append(_trial("a parameter", target=f"{scenario.target}{'&' if mark else '?'}z=1"))
    if scenario.method == "GET":
        trials.append(_trial("HEAD", method="HEAD"))
    would = "a success of the same handler under another spelling between two rejected plain requests"
    return Scene(id="P18", worth=15, would=would, trials=tuple(trials))


def _credentials(scenario: Scenario) -> Scene:
    would = "an admission without the key, or with its header spelt in another case"
    if scenario.key_header is None:
        return Scene(id="P19", worth=14, would=would, absent="no header with a key is sent (--header 'K: V')")
    trials = [_trial("no key", key=Key.MISSING), _trial("an empty key", key=Key.EMPTY)]
    trials.append(_trial("the header in another case", key=Key.MISSPELT))
    return Scene(id="P19", worth=14, would=would, trials=tuple(trials))


def _exempt(scenario: Scenario) -> Scene:
    would = "a rejection of a path that is declared to reject nobody"
    if not scenario.exempt:
        absent = "no path is declared to have no limit (a policy of none, or --exempt-path)"
        return Scene(id="P21", worth=9, would=would, absent=absent)
    trials = tuple(_trial(path, Expect.EXEMPT, target=path) for path in scenario.exempt)
    return Scene(id="P21", worth=9 * len(trials), would=would, trials=trials)


def _trial(
    name: str,
    expect: Expect = Expect.SHARED,
    *,
    key: Key = Key.OWN,
    headers: tuple[tuple[str, str], ...] = (),
    target: str | None = None,
    method: str | None = None,
) -> Trial:
    return Trial(variant=Variant(name=name, key=key, headers=headers, target=target, method=method), expect=expect)
