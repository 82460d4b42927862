"""A JSON document with the digest of itself, so that a copy that was touched tells so."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

DIGEST = "digest"


def sealed(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document with its SHA-256 under `digest`: of its JSON with sorted keys and without that key.

    It shows what was edited or mixed up, not who did it: whoever wants to can make another one.
    """
    bare = {key: value for key, value in document.items() if key != DIGEST}
    return {**bare, DIGEST: _digest(bare)}


def is_whole(document: Mapping[str, Any]) -> bool:
    """True for a document that is as `sealed` left it."""
    return document.get(DIGEST) == _digest({key: value for key, value in document.items() if key != DIGEST})


def _digest(document: Mapping[str, Any]) -> str:
    text = json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", errors="surrogatepass")).hexdigest()
