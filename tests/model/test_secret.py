"""Secret, Redactor, scan: a secret shows nowhere, in whatever form it travels."""

from __future__ import annotations

import base64
import copy
import html
import json
import logging
import pickle
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from gonogo.model.secret import MASK, Redactor, Secret, forms, scan

VALUE = 'p@ss/w+rd "한" ~&?='
secrets = st.text(st.characters(blacklist_categories=("Cs", "Cc")), min_size=6, max_size=40)
texts = st.text(max_size=40)


@pytest.mark.parametrize(
    "show",
    [str, repr, format, "{}".format, "{!r:>5}".format, "%s".__mod__, "%r".__mod__, lambda each: f"{each!a}", ascii],
)
def test_a_secret_does_not_print(show: Any) -> None:
    """str, repr, format and % give three stars."""
    assert show(Secret(VALUE)).strip() == MASK


def test_a_secret_does_not_print_inside_others(caplog: pytest.LogCaptureFixture) -> None:
    """Neither do containers, tracebacks' locals or the log."""
    secret = Secret(VALUE, "TOKEN")
    assert VALUE not in repr({"a": [secret]}) + str((secret,))
    logging.getLogger("test").warning("with %s %r", secret, [secret])
    assert VALUE not in caplog.text
    assert (secret.reveal(), secret.name) == (VALUE, "TOKEN")


def test_a_secret_is_not_pickled_or_changed() -> None:
    """Pickle and JSON refuse it, attributes do not change, a copy is itself."""
    secret = Secret(VALUE)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError, match="a secret is not pickled"):
            pickle.dumps(secret, protocol)
    with pytest.raises(TypeError, match="not JSON serializable"):
        json.dumps(secret)
    with pytest.raises(AttributeError, match="a secret does not change"):
        secret._value = "other-value"
    with pytest.raises(AttributeError, match="a secret does not change"):
        del secret._value
    assert copy.deepcopy(secret) is copy.copy(secret) is secret
    assert not hasattr(secret, "__dict__")


def test_secrets_compare_by_value() -> None:
    """Two of one value are equal; a secret is never equal to its text."""
    assert Secret(VALUE) == Secret(VALUE, "OTHER")
    assert hash(Secret(VALUE)) == hash(Secret(VALUE))
    assert Secret(VALUE) != Secret(VALUE + "x")
    assert Secret(VALUE) != VALUE


@pytest.mark.parametrize(
    "make",
    [
        lambda: Secret("short", "GONOGO_TOKEN"),
        lambda: Redactor({"GONOGO_TOKEN": "short"}),
    ],
)
def test_a_short_value_is_refused_by_the_name_of_its_variable(make: Any) -> None:
    """Under 6 characters is no secret; the message does not hold it."""
    with pytest.raises(ValueError, match="GONOGO_TOKEN is shorter than 6 characters") as caught:
        make()
    assert "short:" not in str(caught.value).replace("shorter", "")
    with pytest.raises(ValueError, match="a secret is shorter than 6 characters"):
        Redactor([""])


ENCODINGS = {
    "raw": lambda value: value,
    "quote": quote,
    "quote-all": lambda value: quote(value, safe=""),
    "quote-plus": quote_plus,
    "quote-lower": lambda value: re.sub("%..", lambda match: match[0].lower(), quote(value)),
    "json": lambda value: json.dumps(value)[1:-1],
    "json-utf8": lambda value: json.dumps(value, ensure_ascii=False)[1:-1],
    "json-slashes": lambda value: json.dumps(value)[1:-1].replace("/", "\\/"),
    "html": html.escape,
}


@pytest.mark.parametrize("encode", ENCODINGS.values(), ids=ENCODINGS.keys())
@given(value=secrets, before=texts, after=texts)
@settings(max_examples=40, deadline=None)
def test_no_form_survives(encode: Any, value: str, before: str, after: str) -> None:
    """Whatever stands around it, an encoded secret is gone, and no form of it appears by joining what is left."""
    redactor = Redactor([value])
    cleaned = redactor.scrub(before + encode(value) + after)
    assert MASK in cleaned
    assert not any(form in cleaned for form in forms(value))
    assert not redactor.holds(cleaned)


@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
@given(value=secrets, before=st.binary(max_size=7), after=st.binary(max_size=7))
@settings(max_examples=100, deadline=None)
def test_base64_is_found_at_every_alignment(encode: Any, value: str, before: bytes, after: bytes) -> None:
    """`user:secret` in a Basic header, with anything before and after, in both alphabets, URL-encoded too."""
    text = encode(before + value.encode() + after).decode()
    redactor = Redactor([value])
    assert MASK in redactor.scrub(text)
    assert MASK in redactor.scrub(quote(text, safe=""))


@given(value=secrets, text=st.text(max_size=200))
@settings(max_examples=100, deadline=None)
def test_text_without_a_secret_stays_as_it_is(value: str, text: str) -> None:
    """Nothing else is touched, and scrubbing twice is scrubbing once."""
    redactor = Redactor([value])
    cleaned = redactor.scrub(text)
    assert redactor.scrub(cleaned) == cleaned
    assume(not redactor.holds(text))
    assert cleaned == text


documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=10,
)


@given(value=secrets, document=documents)
@settings(max_examples=100, deadline=None)
def test_a_document_is_scrubbed_in_keys_and_values(value: str, document: Any) -> None:
    """A planted secret is gone from the JSON text; a document without one comes back as the same object."""
    redactor = Redactor([value])
    planted = {"deep": [document, {f"key {value}": (f"Bearer {value}", 1)}], "n": None}
    cleaned = redactor.scrub_json(planted)
    for text in (json.dumps(cleaned), json.dumps(cleaned, ensure_ascii=False)):
        assert not redactor.holds(text) or redactor.holds(json.dumps(redactor.scrub_json(document)))
    assert cleaned["n"] is None
    assert cleaned["deep"][1] == {redactor.scrub(f"key {value}"): [redactor.scrub(f"Bearer {value}"), 1]}
    if not redactor.holds(json.dumps(document)) and not redactor.holds(json.dumps(document, ensure_ascii=False)):
        assert redactor.scrub_json(document) is document


def test_a_numeric_secret_is_found_in_numbers() -> None:
    """A PIN that a server sends back as a number is no exception; other numbers and booleans stay."""
    redactor = Redactor(["4711471147"])
    assert redactor.scrub_json({"pin": 4711471147, "n": 47, "yes": True}) == {"pin": MASK, "n": 47, "yes": True}


def test_a_secret_inside_another_is_taken_out_after_it() -> None:
    """The longest goes first, and what is left is searched again."""
    redactor = Redactor(["abcdef", "xx-abcdef-yy"])
    assert redactor.scrub("xx-abcdef-yy abcdef") == "*** ***"
    assert "***abc" not in Redactor(["***abc"]).scrub("***ab***abcc")


def test_a_redactor_tells_nothing() -> None:
    """Its repr counts, and it is not pickled."""
    redactor = Redactor([Secret(VALUE), VALUE])
    assert repr(redactor) == "Redactor(1 secrets)"
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(redactor)
    assert Redactor().scrub("anything") == "anything"


def test_scan_names_the_files_with_a_hit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the secret stands across the border of two chunks, encoded, or in a folder below."""
    monkeypatch.setattr("gonogo.model.secret._CHUNK", 64)
    (tmp_path / "deep").mkdir()
    (tmp_path / "clean.txt").write_text("nothing here " * 50, encoding="utf-8")
    (tmp_path / "border.txt").write_text("x" * 60 + VALUE + "y" * 100, encoding="utf-8")
    (tmp_path / "deep" / "b64.json").write_bytes(base64.b64encode(b"user:" + VALUE.encode()))
    (tmp_path / "deep" / "empty").touch()
    found = scan(tmp_path, Redactor([VALUE]))
    assert [path.relative_to(tmp_path).as_posix() for path in found] == ["border.txt", "deep/b64.json"]
    assert scan(tmp_path, Redactor()) == []
    assert scan(tmp_path / "nowhere", Redactor([VALUE])) == []
