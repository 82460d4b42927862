"""Bytes of an answer into its status and where it ends; its body is read and forgotten."""

from __future__ import annotations

from collections.abc import Callable

from httptools import HttpResponseParser

_FRAMED = (b"\r\ncontent-length:", b"\r\ntransfer-encoding:")
_LIMIT_HEADERS = (b"ratelimit", b"rate-limit", b"x-rate")


class Answer:
    """What httptools calls. Of the headers only those of rate limits are kept, and only where they are asked for."""

    __slots__ = (
        "_complete", "_head", "_headless", "_keep", "_parser", "headers", "on_header", "on_headers_complete", "status",
    )  # fmt: skip

    def __init__(self, *, keep_headers: bool, headless: bool) -> None:
        self._headless = headless
        self.status = 0
        self.headers: list[tuple[str, str]] = []
        if keep_headers:
            self.on_header: Callable[[bytes, bytes], None] = self._on_header
        if headless:  # the answer of HEAD ends with its headers
            self.on_headers_complete: Callable[[], None] = self.on_message_complete
        self._fresh()

    def on_message_complete(self) -> None:
        """Note how the answer ended; `should_keep_alive` knows it only here."""
        parser = self._parser
        status = parser.get_status_code()
        if status >= 200:  # an informational answer is followed by the true one
            self.status = status
            self._keep = not self._headless and parser.should_keep_alive()
            self._complete += 1

    def _on_header(self, name: bytes, value: bytes) -> None:
        lower = name.lower()
        if lower in {b"retry-after", b"date", b"age"} or any(each in lower for each in _LIMIT_HEADERS):
            self.headers.append((lower.decode("latin-1"), value.decode("latin-1")))

    def _fresh(self) -> None:
        """A parser for a new connection."""
        self._parser = HttpResponseParser(self)
        self._complete = 0
        self._keep = False
        self._head: bytes | None = None

    def _remember(self, data: bytes) -> None:
        """Keep the head of an unfinished answer: whether its end is the end of the stream can be seen only there."""
        if self._head is None:
            self._head = data
        elif _final(self._head) is None:
            self._head += data

    def _ends_with_stream(self) -> bool:
        """Whether a stream that ends now makes the answer complete."""
        head = _final(self._head or b"")
        if head is None or any(each in head for each in _FRAMED):
            return False
        self.status = self._parser.get_status_code()
        return True


def _final(data: bytes) -> bytes | None:
    """The head of the answer in lower case, without informational ones before it; None if it is not complete."""
    head, end, rest = data.partition(b"\r\n\r\n")
    while end and head[9:10] == b"1":
        head, end, rest = rest.partition(b"\r\n\r\n")
    return head.lower() if end else None
