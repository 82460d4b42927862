"""A planned change of traffic, and what came of it, into lines for a terminal."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from gonogo.reporting.escape import ci_log, visible

_WIDTH = 10


def rollout_page(document: Mapping[str, Any]) -> str:
    """The lines of a rollout's document, as `gonogo rollout` prints them."""
    return _page(_lines(document))


def reset_page(document: Mapping[str, Any]) -> str:
    """The lines of a reset of metrics."""
    lines = [_row("item", f"{document['item']}, {document['environment']}")]
    lines += [_row("sends", one) for one in document["sends"]]
    lines += [_row("refused", one) for one in document["refusals"]]
    lines += [_row("judged", one) for one in dict.fromkeys(document["reasons"])]
    return _page([*lines, document["said"]])


def rule_page(document: Mapping[str, Any]) -> str:
    """The lines of a rule deployment that is taken back."""
    lines = [_row("system", document["environment"])]
    for one in document["before"]["deployments"]:
        back = ", rolled back" if one["taken_back"] else ""
        text = f"{one['id']}  {one['kind']} {one['old']} -> {one['new']}  {one['at'][:16]}  {one['status']}{back}"
        lines.append(_row("deployed", text))
    plan = document["plan"]
    lines.append(_row("planned", f"not possible: {document['why']}" if plan is None else plan["goal"]))
    if document["call"]:
        call = document["call"]
        lines.append(_row("call", f"{call['method']} {call['url']} {json.dumps(call['body'])}"))
    lines += [_row("note", note) for note in document["notes"]]
    lines += [_row("refused", one) for one in document["refusals"]]
    lines += [_row("did", f"{one['at'][11:23]}  {one['what']}") for one in document["tries"]]
    return _page([*lines, document["said"]])


def _page(lines: Iterable[str]) -> str:
    """A text that Cloud Run or a server wrote stays in its line."""
    return ci_log("\n".join(visible(line) for line in lines)) + "\n"


def _lines(document: Mapping[str, Any]) -> Iterator[str]:
    plan = document["plan"]
    yield _row("service", f"{document['service']}, {document['environment']}")
    yield _row("now", _split(document["before"]))
    for one in document["before"].get("late", ()):
        yield _row("", one)
    if plan is None:
        yield _row("planned", f"not possible: {document['why']}")
    else:
        yield from _planned(document, plan)
    if document["previous"]:
        yield _row("back to", document["previous"])
    for note in document["notes"]:
        yield _row("note", note)
    for refusal in document["refusals"]:
        yield _row("refused", refusal)
    for one in document["tries"]:
        yield _row("did", f"{one['at'][11:23]}  {one['what']}")
    if document["after"] is not None:
        yield _row("after", _split(document["after"]))
    yield document["said"]


def _planned(document: Mapping[str, Any], plan: Mapping[str, Any]) -> Iterator[str]:
    """What would be made of it, by which requests, and by which command lines elsewhere."""
    if "goal" not in plan:
        yield _row("planned", _split(plan))
        yield _row("gcloud", document["gcloud"])
        yield _row("call", f"{document['call']['method']} {json.dumps(document['call']['request'])}")
        return
    yield _row("planned", plan["goal"])
    for one in plan["sets"]:
        yield _row("sets", one)
    for line in document["commands"]:
        name, _, rest = line.partition(" ")
        yield _row(name, f"{name} {rest}")
    for call in document["calls"]:
        yield _row("call", f"{call['method']} {call['path']} {json.dumps(call['request'])}")


def _split(part: Mapping[str, Any]) -> str:
    """Every target with its share and its tag."""
    shown = []
    for one in part["traffic"]:
        tag = f" (tag {one['tag']})" if one["tag"] else ""
        shown.append(f"{one['revision']} {one['percent']} %{tag}")
    return ", ".join(shown)


def _row(name: str, text: str) -> str:
    return f"{name:<{_WIDTH}}{text}"
