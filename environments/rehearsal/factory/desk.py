"""The services that people and tools talk to: bi, mcp-hub and chat.

POST /api/v1/bi/query    {question} -> {question, chart: {type, title, x, y}, sql, rows: [{x, y}]}
GET  /api/v1/mcp/tools   {tools: [name]}
POST /api/v1/mcp/call    {tool, arguments} -> {tool, result}
POST /slack/events       as Slack's Events API calls a bot: {type: url_verification, challenge} -> {challenge};
    {type: event_callback, event: {type: app_mention, user, text, channel, ts}} ->
    {ok: true, reply: {channel, thread_ts, text, intent, confidence}}. A real bot answers 200 and posts the reply to
    Slack itself; this one returns it, and it asks for no signature, since there is no Slack behind it.
"""

from __future__ import annotations

import clock
from http_server import Call, Reply

from factory import llm, past
from factory.site import AskedError, Route, Site, asked, text_of

# words of a question -> kind of chart, title, SQL
CHARTS = (
    (
        ("workflow", "워크플로"),
        ("pie", "Workflow instances by status"),
        "select status, count(*) from workflow_instances group by status order by status",
    ),
    (
        ("alert", "경보", "불량"),
        ("bar", "Alerts a day"),
        "select executed_at::date, count(*) from core.judgment_executions where result = 'ALERT' group by 1 order by 1",
    ),
    (
        ("feedback", "피드백"),
        ("pie", "Feedback"),
        "select feedback_value, count(*) from feedbacks group by feedback_value order by feedback_value",
    ),
    (
        ("",),
        ("line", "Judgments a day"),
        "select executed_at::date, count(*) from core.judgment_executions group by 1 order by 1 desc limit 7",
    ),
)
TOOLS = {
    "sensor.read": {"temperature": 71.8, "vibration": 2.3},
    "erp.lookup": {"stock": 418, "unit": "EA"},
    "alert.send": {"sent": True},
}
INTENTS = (
    (("불량", "defect"), "bi.defects"),
    (("stop", "정지"), "workflow.line_stop"),
    (("점검", "maintenance"), "maintenance.schedule"),
    (("why", "왜"), "judgment.explain"),
)


def query(site: Site, call: Call, _: str) -> Reply:
    question = text_of(asked(call), "question")
    said = question.casefold()
    kind, title, sql = next(
        (kind, title, sql) for words, (kind, title), sql in CHARTS if any(word in said for word in words)
    )
    rows = [{"x": str(x), "y": y} for x, y in site.pool.rows(sql)]
    chart = {"type": kind, "title": title, "x": [row["x"] for row in rows], "y": [row["y"] for row in rows]}
    return Reply(body={"question": question, "chart": chart, "sql": sql, "rows": rows})


def tools(_: Site, __: Call, ___: str) -> Reply:
    return Reply(body={"tools": sorted(TOOLS)})


def call_tool(site: Site, call: Call, _: str) -> Reply:
    tool = text_of(asked(call), "tool")
    if tool not in TOOLS:
        raise AskedError(404, "not_found", f"there is no tool {tool[:40]}")
    if site.behaviour("mcp-hub").tools_time_out:
        site.metrics.count(past.MCP_TIMEOUTS, site.labels("mcp-hub", tool=tool))
        raise AskedError(504, "tool_timeout", f"{tool} did not answer within 30 s")
    return Reply(body={"tool": tool, "result": TOOLS[tool]})


def events(site: Site, call: Call, _: str) -> Reply:
    document = asked(call)
    if document.get("type") == "url_verification":
        return Reply(body={"challenge": text_of(document, "challenge")})
    event = document.get("event")
    if document.get("type") != "event_callback" or not isinstance(event, dict):
        raise AskedError(422, "validation", "type is url_verification or event_callback with an event")
    text = text_of(event, "text")
    try:
        confidence = llm.call(site, "chat", past.EXPLANATION_USD)
    except llm.LlmError as error:
        raise AskedError(502, "llm_unavailable", str(error)) from error
    intent = next((name for words, name in INTENTS if any(word in text.casefold() for word in words)), "smalltalk")
    site.pool.rows(
        "insert into intent_logs (id, utterance, intent, confidence, created_at)"
        " values (nextval('core.execution_ids'), %s, %s, %s, to_timestamp(%s))",
        (text, intent, confidence, clock.now()),
    )
    reply = {"channel": event.get("channel"), "thread_ts": event.get("ts"), "text": f"확인했습니다: {intent}"}
    return Reply(body={"ok": True, "reply": {**reply, "intent": intent, "confidence": confidence}})


BI: dict[tuple[str, str], Route] = {("POST", "/api/v1/bi/query"): query}
HUB: dict[tuple[str, str], Route] = {("GET", "/api/v1/mcp/tools"): tools, ("POST", "/api/v1/mcp/call"): call_tool}
CHAT: dict[tuple[str, str], Route] = {("POST", "/slack/events"): events}
