"""Whether what answers say of their limit is well formed, agrees with the policy, and comes true."""

from __future__ import annotations

from collections.abc import Callable

from gonogo.judges.rate.timeline import Shot, Timeline
from gonogo.model.ratelimit import Algorithm, Dialect, PropertyResult, Shown

_NETWORK = 0.1  # seconds
_RESET = 2.0  # seconds by which a reset may be off: some servers add one to be safe


def retry_after_is_valid(line: Timeline) -> PropertyResult:
    """P5: on every rejection, a number of seconds or an HTTP date, at most two windows away."""
    would = "a rejection without Retry-After, or one that is malformed or beyond two windows"
    if not line.rejects:
        return line.shown("P5", Shown.NOT_VISIBLE, "nothing was rejected", would)
    most = 2 * line.policy.window.total_seconds()
    said = 0
    for shot in line.rejects:
        word = shot.said
        wrong = next((text for text in word.wrong if text.startswith("retry-after")), None)
        if wrong:
            return line.shown("P5", Shown.FAIL, f"{wrong} at {shot.span.low:.3f} s")
        if word.retry_after_text is None and line.policy.retry_after:
            return line.shown("P5", Shown.FAIL, f"the rejection at {shot.span.low:.3f} s has no Retry-After")
        if word.retry_after and word.retry_after[0] > most:
            return line.shown(
                "P5", Shown.FAIL, f"Retry-After {word.retry_after_text} is beyond two windows, {most:g} s"
            )
        said += word.retry_after_text is not None
    if not said:
        return line.shown("P5", Shown.NOT_VISIBLE, "the policy promises no Retry-After, and none was sent", would)
    return line.shown("P5", Shown.PASS, f"{said} of {len(line.rejects)} rejections have a valid one", would)


def _told(shot: Shot) -> str:
    return f"rejected at {shot.span.low:.3f} s with Retry-After {shot.said.retry_after_text}"


def retry_after_suffices(line: Timeline) -> PropertyResult:
    """P6: who waits as told is admitted, if nobody else was in between."""
    would = "a rejection after the wait that an earlier one asked for"
    kept = 0
    for place, shot in enumerate(line.shots):
        waits = shot.said.retry_after
        if shot.event.side != line.side or not shot.plain or not shot.span.rejected or waits is None:
            continue
        if any(earlier.span.high > shot.span.low for earlier in line.shots[:place] if not earlier.span.rejected):
            continue  # one under way may have come after it and taken what was promised
        due = shot.span.high + max(0.0, waits[1]) + _NETWORK
        for later in line.shots[place + 1 :]:
            if not later.plain and later.span.rejected and not line.policy.counts_rejected:
                continue
            if later.span.low < due or not later.plain:
                if later.span.rejected and not line.policy.counts_rejected:
                    continue
                break
            if later.span.rejected:
                text = f"{_told(shot)}, rejected again at {later.span.low:.3f} s"
                return line.shown("P6", Shown.FAIL, text)
            kept += later.span.admitted
            break
    if kept:
        return line.shown("P6", Shown.PASS, f"{kept} waits were followed by an admission", would)
    return line.shown("P6", Shown.NOT_VISIBLE, "no request came right after such a wait", would)


def retry_after_is_needed(line: Timeline) -> PropertyResult:
    """P7: nobody is admitted in less than half of the wait that was asked for."""
    would = "an admission in less than half of the wait that was asked for"
    probed = False
    mine = line.mine
    for place, shot in enumerate(mine):
        waits = shot.said.retry_after
        if not shot.span.rejected or waits is None or sum(waits) / 2 <= 2:
            continue
        half = sum(waits) / 4
        for later in mine[place + 1 :]:
            if later.span.low <= shot.span.high:
                continue
            if later.span.high - shot.span.low >= half:
                probed = probed or (later.span.rejected and later.span.low - shot.span.high < waits[0])
                break
            if later.span.admitted:
                text = f"{_told(shot)}, admitted at {later.span.low:.3f} s"
                return line.shown("P7", Shown.FAIL, text)
    if probed:
        return line.shown("P7", Shown.PASS, "requests within the wait were rejected", would)
    return line.shown("P7", Shown.NOT_VISIBLE, "no request came within a wait of more than 2 s", would)


def headers_are_well_formed(line: Timeline) -> PropertyResult:
    """P8: the declared dialect, integers, nothing twice, nothing negative."""
    wanted = line.policy.headers
    would = "a field that is malformed, sent twice, negative, above its limit, or of another dialect"
    spoken = 0
    for shot in line.mine:
        word = shot.said
        wrong = next((text for text in word.wrong if not text.startswith("retry-after")), None)
        if wrong:
            return line.shown("P8", Shown.FAIL, f"{wrong} at {shot.span.low:.3f} s")
        spoken += word.dialect is not Dialect.NONE
        if wanted in {Dialect.ANY, Dialect.NONE} or not (shot.span.admitted or shot.span.rejected):
            continue
        if word.dialect is not wanted:
            return line.shown(
                "P8", Shown.FAIL, f"dialect {word.dialect} at {shot.span.low:.3f} s, declared is {wanted}"
            )
    if not spoken:
        return line.shown("P8", Shown.NOT_VISIBLE, "no answer has headers of a rate limit", would)
    return line.shown("P8", Shown.PASS, f"{spoken} answers read", would)


def remaining_falls(line: Timeline) -> PropertyResult:
    """P9: with one client in sequence, remaining falls by one a request, and rises by no more than was given back."""
    would = "remaining that stands still, jumps, or rises without a refill"
    seen = steps = 0
    first = last = None
    for one, two in line.pairs():
        a, b = one.said.remaining, two.said.remaining
        if a is None or b is None or not (one.span.admitted and two.span.admitted):
            continue
        seen, steps = seen + 1, steps + 1
        if one is not last or first is None:
            first, steps = one, 1
        last = two
        if line.policy.algorithm is Algorithm.FIXED_WINDOW and b in {line.policy.limit - 1, (two.said.limit or 0) - 1}:
            continue
        # Cut numbers hide less than one, however many steps: so a whole run is looked at, not one step.
        start = first if line.policy.algorithm in _ROUNDED else one
        back = b - ((start.said.remaining or 0) - (steps if start is first else 1))
        least = -1 if line.policy.algorithm in _ROUNDED else 0
        if back < least or back > _given_back(line, start, two):
            text = f"remaining {start.said.remaining} at {start.span.low:.3f} s, then {b} at {two.span.low:.3f} s"
            return line.shown("P9", Shown.FAIL, f"{text}, though each admitted request takes one")
    if not seen:
        return line.shown("P9", Shown.NOT_VISIBLE, "no two admitted requests in sequence say what remains", would)
    return line.shown("P9", Shown.PASS, f"{seen} steps, each as it must be", would)


_ROUNDED = {Algorithm.SLIDING_COUNTER, Algorithm.TOKEN_BUCKET, Algorithm.LEAKY_BUCKET, Algorithm.GCRA}


def _given_back(line: Timeline, one: Shot, two: Shot) -> float:
    """The most that can have been given back between two requests."""
    policy, width = line.policy, line.policy.window.total_seconds()
    took = two.span.high - one.span.low
    if policy.algorithm is Algorithm.FIXED_WINDOW:
        return 0.0
    if policy.algorithm is Algorithm.SLIDING_LOG:
        ends = (
            (s.span.low + width, s.span.high + width)
            for s in line.shots
            if policy.counts_rejected or not s.span.rejected
        )
        old = sum(low <= two.span.high + 0.01 and high >= one.span.low - 0.01 for low, high in ends)
        return float(old) if two.span.low >= line.since else float(policy.limit)
    hidden = 2.0 if policy.algorithm is Algorithm.SLIDING_COUNTER else 1.0  # cut to whole numbers, and at nothing
    return hidden + took * policy.limit / width


def remaining_is_kept(line: Timeline) -> PropertyResult:
    """P10: with something remaining the next request is admitted, with nothing it is not."""
    would = "a rejection while something remains, or admissions while nothing does"
    seen = 0
    empty = 1 if line.policy.algorithm is Algorithm.SLIDING_COUNTER else 0
    for one, two in line.pairs():
        left = one.said.remaining
        if left is None or not one.span.admitted:
            continue
        if two.span.rejected:
            seen += 1
            if left > empty and two.span.held:
                return line.shown("P10", Shown.FAIL, f"{left} remaining, then rejected at {two.span.low:.3f} s")
        if left <= 0 and two.span.admitted and line.policy.algorithm in {Algorithm.FIXED_WINDOW, Algorithm.SLIDING_LOG}:
            again = two.said.remaining
            new = line.policy.algorithm is Algorithm.FIXED_WINDOW and (
                again is None or again > 0 or line.policy.limit == 1
            )
            if not new and not (line.policy.algorithm is Algorithm.SLIDING_LOG and _given_back(line, one, two) > 0):
                return line.shown("P10", Shown.FAIL, f"nothing remaining, then admitted at {two.span.low:.3f} s")
    if seen:
        return line.shown("P10", Shown.PASS, f"{seen} rejections, each with nothing remaining before it", would)
    return line.shown(
        "P10", Shown.NOT_VISIBLE, "no rejection in sequence after an answer that says what remains", would
    )


def limit_is_declared(line: Timeline) -> PropertyResult:
    """P11: limit and window in the headers are those of the policy."""
    policy = line.policy
    right = {policy.limit, policy.at_once}
    would = f"a limit other than {policy.limit}, a window other than {policy.window.total_seconds():g} s"
    seen = 0
    for shot in line.mine:
        limit, window = shot.said.limit, shot.said.window
        seen += limit is not None
        if limit is not None and limit not in right:
            return line.shown("P11", Shown.FAIL, f"limit {limit} at {shot.span.low:.3f} s, declared is {policy.limit}")
        if window is not None and abs(window - policy.window.total_seconds()) >= 1:
            text = f"window {window:g} s at {shot.span.low:.3f} s, declared is {policy.window.total_seconds():g} s"
            return line.shown("P11", Shown.FAIL, text)
    if not seen:
        return line.shown("P11", Shown.NOT_VISIBLE, "no answer says its limit", would)
    return line.shown("P11", Shown.PASS, f"{seen} answers say {policy.limit}", would)


def reset_is_possible(line: Timeline) -> PropertyResult:
    """P12: the reset lies ahead, within what the policy can need, and agrees with Retry-After in a fixed window."""
    policy, width = line.policy, line.policy.window.total_seconds()
    most = max(width, policy.at_once * width / policy.limit)
    most = 2 * width if policy.algorithm is Algorithm.SLIDING_COUNTER else most
    would = "a reset in the past, beyond the window, or unlike Retry-After"
    seen = 0
    for shot in line.mine:
        reset, waits = shot.said.reset, shot.said.retry_after
        if reset is None:
            continue
        seen += 1
        low, high = reset
        if high < -_RESET or low > most + _RESET:
            text = f"reset {(low + high) / 2:.6g} s away at {shot.span.low:.3f} s, it can be {most:g} s at most"
            return line.shown("P12", Shown.FAIL, text)
        fixed = shot.span.rejected and policy.algorithm is Algorithm.FIXED_WINDOW
        if fixed and waits and (waits[0] > high + 1 or low > waits[1] + 1):
            text = f"reset {(low + high) / 2:.3g} s away, Retry-After {shot.said.retry_after_text}"
            return line.shown("P12", Shown.FAIL, f"{text} at {shot.span.low:.3f} s")
    if not seen:
        return line.shown("P12", Shown.NOT_VISIBLE, "no answer says when its limit resets", would)
    return line.shown("P12", Shown.PASS, f"{seen} resets, each possible", would)


PROMISES: tuple[Callable[[Timeline], PropertyResult], ...] = (
    retry_after_is_valid,
    retry_after_suffices,
    retry_after_is_needed,
    headers_are_well_formed,
    remaining_falls,
    remaining_is_kept,
    limit_is_declared,
    reset_is_possible,
)
