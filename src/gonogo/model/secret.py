"""Secrets as values that do not print, and the one redactor that keeps them out of everything that is written."""

from __future__ import annotations

import base64
import hmac
import html
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import quote, quote_plus

MASK = "***"
SHORTEST = 6  # characters; a shorter value would be found in any text, and guessed anyway
_CHUNK = 1 << 20


class Secret:
    """A value that shows as *** wherever it is printed, formatted or logged, and cannot be pickled.

    `name` is the variable that holds it. ValueError for a value shorter than 6 characters names only the variable.
    """

    __slots__ = ("_name", "_value")
    _name: str
    _value: str

    def __init__(self, value: str, name: str = "a secret") -> None:
        if len(value) < SHORTEST:
            raise ValueError(f"{name} is shorter than {SHORTEST} characters: too short to be kept a secret")
        object.__setattr__(self, "_value", value)
        object.__setattr__(self, "_name", name)

    def reveal(self) -> str:
        """The value itself, for a transport or the redactor."""
        return self._value

    @property
    def name(self) -> str:
        """The variable that holds it."""
        return self._name

    def __repr__(self) -> str:
        return MASK

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format(MASK, spec)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._value.encode("utf-8", "surrogatepass"), _bytes(other))

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError("a secret does not change")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError("a secret does not change")

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, _: object) -> Secret:
        return self

    def __reduce_ex__(self, _: object) -> NoReturn:
        raise TypeError("a secret is not pickled")


def _bytes(secret: Secret) -> bytes:
    return secret.reveal().encode("utf-8", "surrogatepass")


class Redactor:
    """Takes the secrets in use out of any text or JSON document, in every form that they usually travel in."""

    __slots__ = ("_count", "_in_numbers", "_needles")

    def __init__(self, secrets: Iterable[Secret | str] | Mapping[str, str] = ()) -> None:
        pairs = secrets.items() if isinstance(secrets, Mapping) else (("a secret", each) for each in secrets)
        values = {(each if isinstance(each, Secret) else Secret(each, name)).reveal() for name, each in pairs}
        needles = {form for value in values for form in forms(value)}
        self._needles = tuple(sorted(needles, key=lambda form: (-len(form), form)))
        self._in_numbers = any(not set(needle) - set("0123456789.-+e") for needle in needles)
        self._count = len(values)

    def __repr__(self) -> str:
        return f"Redactor({self._count} secrets)"

    def __reduce_ex__(self, _: object) -> NoReturn:
        raise TypeError("a redactor is not pickled: it holds secrets")

    def holds(self, text: str) -> bool:
        """Whether a secret stands in `text`."""
        return any(needle in text for needle in self._needles)

    def scrub(self, text: str) -> str:
        """`text` with *** for every secret. Until none is left: taking one out may join the halves of another."""
        while True:
            found = next((needle for needle in self._needles if needle in text), None)
            if found is None:
                return text
            text = text.replace(found, MASK)

    def scrub_json(self, document: Any) -> Any:
        """The document with every key and value scrubbed; the very same object when it holds no secret."""
        if not self._needles:
            return document
        # One search of all texts at once: most documents hold none, and some hold 100 000 texts.
        if not self.holds("\0".join(self._texts(document))):
            return document
        return self._scrubbed(document)

    def holds_bytes(self, content: bytes) -> bool:
        """Whether a secret stands in the bytes of a UTF-8 file."""
        return any(needle.encode("utf-8", "surrogatepass") in content for needle in self._needles)

    @property
    def longest(self) -> int:
        """Bytes of the longest form that is looked for."""
        return max((len(needle.encode("utf-8", "surrogatepass")) for needle in self._needles), default=0)

    def _texts(self, value: Any) -> Iterator[str]:
        match value:
            case str():
                yield value
            case Mapping():
                for key, item in value.items():
                    yield str(key)
                    yield from self._texts(item)
            case list() | tuple():
                for item in value:
                    yield from self._texts(item)
            case int() | float() if self._in_numbers:
                yield repr(value)
            case _:
                pass

    def _scrubbed(self, value: Any) -> Any:
        match value:
            case str():
                return self.scrub(value)
            case Mapping():
                return {self.scrub(str(key)): self._scrubbed(item) for key, item in value.items()}
            case list() | tuple():
                return [self._scrubbed(item) for item in value]
            case bool() | None:
                return value
            case int() | float() if self._in_numbers and self.holds(repr(value)):
                return MASK
            case _:
                return value


NO_SECRETS = Redactor()


def forms(value: str) -> frozenset[str]:
    """How a secret may look in a text: raw, URL-encoded, JSON- and HTML-escaped, and base64 wherever it begins."""
    raw = value.encode("utf-8", "surrogatepass")
    plain = {value, json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]}
    plain |= {form.replace("/", "\\/") for form in plain}
    escaped = html.escape(value)
    plain |= {
        html.escape(value, quote=False),
        escaped,
        escaped.replace("&#x27;", "&#39;"),
        escaped.replace("&quot;", "&#34;"),
    }
    encoded = {quote(raw), quote(raw, safe=""), quote_plus(raw)} | set(_base64(raw))
    encoded |= {form.replace("~", "%7E") for form in encoded}  # RFC 2396 still escaped it
    encoded |= {quote(form, safe="") for form in tuple(encoded) if "%" not in form}
    encoded |= {re.sub(r"%[0-9A-F]{2}", lambda match: match[0].lower(), form) for form in encoded}
    return frozenset(plain | encoded)


def _base64(raw: bytes) -> Iterator[str]:
    """Both alphabets, at each of the three places in a group of bytes where the secret may begin. Characters that it
    shares with its neighbours are left out.
    """
    for before, shared in ((0, 0), (1, 2), (2, 3)):
        whole = (before + len(raw)) * 8 // 6
        padded = b"\0" * before + raw
        yield base64.b64encode(padded).decode("ascii")[shared:whole]
        yield base64.urlsafe_b64encode(padded).decode("ascii")[shared:whole]


def scan(folder: Path, redactor: Redactor) -> list[Path]:
    """Files below `folder` in which a secret stands, sorted. One that cannot be read is among them: it is not known
    to be clean.
    """
    found: list[Path] = []
    for place, _, names in os.walk(folder):
        for name in names:
            path = Path(place, name)
            if path.is_file() and not path.is_symlink() and _is_hit(path, redactor):
                found.append(path)
    return sorted(found)


def _is_hit(path: Path, redactor: Redactor) -> bool:
    keep = max(0, redactor.longest - 1)
    tail = b""
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                if redactor.holds_bytes(tail + chunk):
                    return True
                tail = (tail + chunk)[-keep:] if keep else b""
    except OSError:
        return True
    return False
