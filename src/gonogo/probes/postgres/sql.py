"""A SQL statement into the reason why it is not one plain read, or None."""

from __future__ import annotations

import re
from collections.abc import Iterator

_TOKEN = re.compile(
    r"""
    (?P<comment>  --[^\n]* | /\* )
  | (?P<string>   [eE]'(?:[^'\\]|\\.|'')*' | '(?:[^']|'')*' )
  | (?P<dollar>   \$(?P<tag>[^\W\d]\w*)?\$ )
  | (?P<unicode>  [uU]&["'] )
  | (?P<quoted>   "(?:[^"]|"")*" )
  | (?P<word>     [^\W\d][\w$]* )
  | (?P<end>      ; )
  | (?P<open>     ["'] )
  | (?P<space>    \s+ )
  | (?P<other>    . )
    """,
    re.VERBOSE | re.DOTALL,
)
_READS = ("select", "show", "explain", "with", "values", "table")
# What may stand inside a statement that starts with one of those, and writes.
_WRITES = frozenset(("insert", "update", "delete", "merge", "into", "create", "refresh", "execute", "declare"))
# A read-only transaction does not stop these: they signal, switch, reset or reach out.
_REACHING = re.compile(
    r"pg_(?:terminate|cancel)_backend|pg_reload_conf|pg_rotate_logfile|pg_promote|pg_switch_wal|pg_notify|set_config"
    r"|pg_create_\w+|pg_drop_\w+|pg_backup_\w+|pg_wal_replay_\w+|pg_logical_\w+|pg_replication_\w+"
    r"|pg_(?:try_)?advisory_\w+|pg_stat_\w*reset\w*|pg_file_\w+|pg_(?:read|ls)_\w+|pg_import_\w+|pg_export_\w+"
    r"|pg_copy_\w+_slot|pg_sync_replication_slots|pg_(?:start|stop)_backup|pg_log_\w+|pg_(?:clear|restore)_\w+_stats"
    r"|brin_\w+|gin_clean_pending_list|http(?:_\w+)?"
    r"|lo_\w+|dblink\w*|nextval|setval|query_to_xml\w*|cursor_to_xml\w*"
)


def refusal(statement: str) -> str | None:
    """Why `statement` is not sent; None when it is one SELECT, SHOW, EXPLAIN or WITH ... SELECT.

    A guard before the guard: the server's read-only transaction still has the last word.
    """
    words: list[str] = []
    ended = False
    try:
        for kind, text in _tokens(statement):
            if kind == "end":
                ended = bool(words)
                continue
            if ended:
                return "more than one statement"
            if kind == "unicode":
                return "an identifier or string written with U&"
            words.append(text.casefold() if kind == "word" else f"{kind}:{text}")
    except ValueError as error:
        return str(error)
    return _judge_words(words)


def _judge_words(words: list[str]) -> str | None:
    if not words:
        return "an empty statement"
    plain = [word for word in words if not word.startswith("other:(")]
    first = plain[0] if plain else ""
    if first not in _READS:
        return f"a statement that starts with {first.upper() or '('} does not only read"
    names = [word.removeprefix("quoted:").strip('"').casefold() for word in words]
    for word, name, after in zip(words, names, [*names[1:], ""], strict=True):
        if word in _WRITES:  # EXPLAIN ANALYZE runs its statement: held to the same words
            return f"{word.upper()} does not only read"
        if after == "other:(" and _REACHING.fullmatch(name):
            return f"{name}() does more than read"
    return None


def _tokens(statement: str) -> Iterator[tuple[str, str]]:
    """Words, quoted names, ends and symbols; comments, spaces and literals are left out."""
    at = 0
    while at < len(statement):
        match = _TOKEN.match(statement, at)
        if match is None:  # pragma: no cover - `other` takes any character
            raise ValueError("not readable as SQL")
        at = match.end()
        match match.lastgroup:
            case "comment":
                at = _after_comment(statement, match.start(), at)
            case "tag" | "dollar":
                close = statement.find(match["dollar"], at)
                if close < 0:
                    raise ValueError("a string that does not end")
                at = close + len(match["dollar"])
                yield "string", ""
            case "open":
                raise ValueError("a string or name that does not end")
            case "space":
                continue
            case "string":
                yield "string", ""
            case kind:
                yield str(kind), match.group()


def _after_comment(statement: str, start: int, at: int) -> int:
    """Where the comment at `start` ends; block comments nest."""
    if statement[start] == "-":
        return at
    depth = 1
    for match in re.compile(r"/\*|\*/").finditer(statement, at):
        depth += 1 if match.group() == "/*" else -1
        if depth == 0:
            return match.end()
    raise ValueError("a comment that does not end")
