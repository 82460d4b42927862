"""Bytes into a JSON document, or the one reason and the place why they are none.

Python's own reader accepts NaN, keeps the last of two equal keys and fails with a RecursionError on deep input:
{"status": "fail", "status": "ok"} would be healthy.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from itertools import accumulate
from typing import Any, NoReturn

from gonogo.model.evidence import Cause
from gonogo.probes.failure import Failure

MAX_DEPTH = 64
MAX_DIGITS = 19
_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"')
_BRACKETS = re.compile(_STRING.pattern + rb"|[\[\]{}]")
_OTHERS = bytes(set(range(256)) - set(b"[]{}"))
_STEP = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


class _Odd:
    """Stands in the document for a value that JSON or this reader does not allow."""

    def __init__(self, what: str) -> None:
        self.what = what


def parse_json(body: bytes, what: str = "the body") -> Any:
    """The document; Failure(BROKEN) names what is wrong and where: an offset, a key or a path."""
    for mark, name in ((b"\xef\xbb\xbf", "a UTF-8 byte order mark"), (b"\xff\xfe", "UTF-16"), (b"\xfe\xff", "UTF-16")):
        if body.startswith(mark):
            _broken(what, f"{name} at offset 0")
    if not body.strip():
        _broken(what, "0 bytes where JSON was promised")
    _check_depth(body, what)
    odd: list[_Odd] = []

    def strange(text: str) -> _Odd:
        odd.append(_Odd(text))
        return odd[-1]

    def number(text: str) -> Any:
        value = float(text)
        return value if math.isfinite(value) else strange(f"{text} is no finite number")

    def integer(text: str) -> Any:
        digits = len(text.lstrip("-"))
        return (
            int(text) if digits <= MAX_DIGITS else strange(f"an integer of {digits} digits, {MAX_DIGITS} are allowed")
        )

    def mapping(pairs: list[tuple[str, Any]]) -> Any:
        made = dict(pairs)
        if len(made) == len(pairs):
            return made
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        return strange(f"key {twice!r} stands {keys.count(twice)} times")

    try:
        document = json.loads(
            body.decode("utf-8"),
            parse_constant=lambda text: strange(f"{text} is no JSON number"),
            parse_float=number,
            parse_int=integer,
            object_pairs_hook=mapping,
        )
        if _SURROGATE.search(body):
            json.dumps(document, ensure_ascii=False, default=str).encode("utf-8")
    except UnicodeDecodeError as error:
        _broken(what, f"invalid UTF-8 at offset {error.start}")
    except UnicodeEncodeError:
        _broken(what, "half a surrogate pair in a string")
    except json.JSONDecodeError as error:
        _broken(what, f"{error.msg} at offset {error.pos} of {len(body)}")
    if odd:
        where = _path(document, odd) or "$"
        _broken(what, f"{odd[0].what}, at {where}")
    return document


def _check_depth(body: bytes, what: str) -> None:
    if body.count(b"[") + body.count(b"{") <= MAX_DEPTH:
        return
    # Of megabytes only the brackets outside of strings are gone through one by one.
    brackets = _STRING.sub(b"", body).translate(None, _OTHERS)
    if max(accumulate(map(_STEP.__getitem__, brackets)), default=0) <= MAX_DEPTH:
        return
    depth = 0
    for match in _BRACKETS.finditer(body):
        if match[0] in (b"[", b"{"):
            depth += 1
            if depth > MAX_DEPTH:
                _broken(what, f"nested deeper than {MAX_DEPTH} at offset {match.start()}")
        elif match[0] in (b"]", b"}"):
            depth -= 1


def _path(value: Any, odd: list[_Odd]) -> str | None:
    """Where the first odd value stands, written like $.a[0].b; None if a doubled key has swallowed it."""
    if isinstance(value, _Odd):
        odd.insert(0, value)
        return "$"
    items: Iterable[tuple[str, Any]] = ()
    if isinstance(value, dict):
        items = ((f".{key}", item) for key, item in value.items())
    elif isinstance(value, list):
        items = ((f"[{index}]", item) for index, item in enumerate(value))
    for step, item in items:
        found = _path(item, odd)
        if found is not None:
            return "$" + step + found[1:]
    return None


def _broken(what: str, why: str) -> NoReturn:
    raise Failure(Cause.BROKEN, f"{what} is not JSON to rely on: {why}")
