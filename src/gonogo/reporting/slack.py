"""A judged run into the text of one Slack message."""

from __future__ import annotations

from gonogo.model.run import Run
from gonogo.reporting.escape import visible
from gonogo.reporting.view import view

_AT_MOST = 10
_SIGNS = {"GO": ":large_green_circle:", "NO-GO": ":red_circle:", "HOLD": ":large_yellow_circle:"}


def slack(run: Run, language: str = "en") -> str:
    """Slack's mrkdwn with no mention, link or formatting from outside."""
    seen = view(run, language)
    decision = run.gated.decision.value
    lines = [f"{_SIGNS[decision]} *{decision}* {safe(seen.headline)}", safe(seen.sentence)]
    lines += [f"*{blame.name or 'no cause'}* {safe(blame.says)}" for _, blame in seen.blames]
    lines += [f"• *{row.word}* {safe(row.id)}: {safe(row.reason)}" for row in seen.open_rows[:_AT_MOST]]
    if len(seen.open_rows) > _AT_MOST:
        lines.append(f"and {len(seen.open_rows) - _AT_MOST} more")
    return "\n".join(lines)


def safe(text: str) -> str:
    """A text from outside as one that Slack shows as it is."""
    # https://docs.slack.dev/messaging/formatting-message-text: only these three are to be escaped; the joiner keeps
    # bare @channel, *bold* and `code` from being taken for markup.
    escaped = visible(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return "".join(f"\u2060{char}" if char in "*_~`@#" else char for char in escaped)
