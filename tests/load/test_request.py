"""Request bytes and places."""

from __future__ import annotations

import pytest
from loopback import target

from gonogo.load.request import NoAddressError, encode, locate
from gonogo.model.errors import ConfigError, ExitStatus, SafetyRefusal
from gonogo.model.load import Target


def test_a_get_is_whole() -> None:
    """Host, agent and the given headers, and no body."""
    made = encode(target("http://h:81", path="/a?b=1", headers=(("Authorization", "Bearer x"), ("accept", "a/b"))))
    assert made == (
        b"GET /a?b=1 HTTP/1.1\r\nHost: h:81\r\nUser-Agent: gonogo-load\r\n"
        b"Authorization: Bearer x\r\naccept: a/b\r\n\r\n"
    )


def test_a_post_has_its_length() -> None:
    """A body brings its length and JSON as its type; a POST without one says 0."""
    assert b"Content-Length: 2\r\nContent-Type: application/json\r\n\r\n{}" in encode(
        target("http://h", method="POST", body=b"{}")
    )
    assert b"Content-Length: 0\r\n\r\n" in encode(target("http://h", method="POST"))


@pytest.mark.parametrize(
    "bad",
    [
        {"path": "/a b"},
        {"path": "a"},
        {"path": "/\r\nX: y"},
        {"method": "GET /x"},
        {"method": ""},
        {"headers": (("A", "b\r\nC: d"),)},
        {"headers": (("A:", "b"),)},
    ],
)
def test_nothing_breaks_out_of_its_line(bad: dict[str, object]) -> None:
    """Line ends, spaces and colons where they do not belong are refused."""
    with pytest.raises(ConfigError):
        encode(target("http://h", **bad))


def test_headers_do_not_print() -> None:
    """A target's representation holds no header: one may be a secret."""
    assert "hunter22" not in repr(Target(side="a", url="http://h", headers=(("Authorization", "hunter22"),)))


def test_places() -> None:
    """A host without an address is HOLD, a foreign scheme a configuration error; link-local addresses are refused."""
    with pytest.raises(NoAddressError, match=r"nowhere.invalid: no address .*; nothing was sent") as caught:
        locate(target("http://nowhere.invalid"))
    assert caught.value.exit_status is ExitStatus.HOLD
    with pytest.raises(ConfigError, match="no http or https"):
        locate(target("ftp://localhost"))
    with pytest.raises(SafetyRefusal, match="link-local"):
        locate(target("http://169.254.169.254"))
    assert locate(target("http://127.0.0.1:8080")).port == 8080
