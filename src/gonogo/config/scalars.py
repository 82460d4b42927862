"""Plain YAML scalars into values, where every reader of YAML agrees on them, and into doubts where they do not."""

from __future__ import annotations

import math
import re
from functools import lru_cache

_INT = re.compile(r"-?(0|[1-9][0-9]{0,17})\Z")
_FLOAT = re.compile(r"-?(0|[1-9][0-9]{0,17})\.[0-9]{1,20}\Z")
# Digits and what numbers, times and dates are made of.
_TIME = re.compile(r"[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?\Z")
_DATE = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt \t].*)?\Z", re.DOTALL)
_NUMERIC = re.compile(
    r"""[-+]?(
        0[xX][0-9a-fA-F_]+ | 0[oO]?[0-7_]+ | 0[bB][01_]+ |
        [0-9][0-9_]*(\.[0-9_]*)?([eE][-+]?[0-9]+)? | \.[0-9_]+([eE][-+]?[0-9]+)? |
        \.(inf|Inf|INF|nan|NaN|NAN)
    )\Z""",
    re.VERBOSE,
)
_WORDS = {  # as readers of YAML 1.1 take them in fact: none takes y and n
    **dict.fromkeys(("yes", "Yes", "YES", "on", "On", "ON", "True", "TRUE"), "true"),
    **dict.fromkeys(("no", "No", "NO", "off", "Off", "OFF", "False", "FALSE"), "false"),
    **dict.fromkeys(("~", "Null", "NULL"), "null"),
}
_PLAIN = {"true": True, "false": False, "null": None, "": None}


class Unclear(str):
    """A plain scalar that readers of YAML do not agree on: `on`, `010`, `1e3`, `1:30`, `.nan`, `2026-01-01`.

    It is a text only in quotes, and a number or a switch only in its plain spelling.
    """

    __slots__ = ()

    def advice(self, wanted: str = "a text or a number") -> str:
        """What to write where `wanted` is wanted; empty where its own words say enough."""
        quoted = f'"{self}" in quotes' if len(self) <= 60 else "it in quotes"
        plain = _WORDS.get(self) or ("" if _DATE.match(self) or _TIME.match(self) else _number(self))
        is_text, is_value = "text" in wanted or "one of" in wanted, "number" in wanted or "true" in wanted
        if is_value and plain:
            return f"write {plain}" + (f", or {quoted} if it is a text" if is_text else "")
        if is_text:
            return f"write {quoted}"
        return "write a finite number in plain digits" if "number" in wanted else ""


@lru_cache(maxsize=4096)
def resolve(text: str) -> str | int | float | bool | None:
    """The value of a plain scalar: int, float with a dot, true, false, null, an Unclear, or else the text."""
    if text in _PLAIN:
        return _PLAIN[text]
    if text in _WORDS:
        return Unclear(text)
    if text[0] not in "+-.0123456789" and text != "=":
        return text
    if _INT.match(text) and text != "-0":
        return int(text)
    if _FLOAT.match(text):
        return float(text)
    return Unclear(text) if text == "=" or _NUMERIC.match(text) or _TIME.match(text) or _DATE.match(text) else text


def _number(text: str) -> str | None:
    """The plain spelling of an unusual number, None when there is none worth writing."""
    bare = text.replace("_", "")
    digits = bare.lstrip("+-")
    try:
        if digits[:2].lower() in {"0x", "0o", "0b"}:
            return str(int(bare, 0)) if len(bare) <= 18 else None
        if len(bare) > 18:
            return None
        if "." not in bare and "e" not in bare.lower():
            return str(int(bare))
        exponent = re.search(r"[eE]([-+]?[0-9]+)\Z", bare)
        if exponent is not None and abs(int(exponent[1])) > 15:
            return None
        value = float(bare)
    except ValueError:
        return None
    if not math.isfinite(value):
        return None
    return str(int(value)) if value == int(value) and "." not in bare else f"{value:.15f}".rstrip("0").removesuffix(".")
