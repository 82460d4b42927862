"""Commands in texts for people: what is known stands in them, what is not stays asked for."""

from __future__ import annotations

import pytest

from gonogo.model.commands import with_known
from gonogo.model.environment import Environment, Release

HERE = Environment(name="shop-prod", system="shop", describe="")
REHEARSED = Environment(name="shop-local", system="shop", describe="", incident="address:incident")
RELEASE = Release(version="v1.2.3", commit="c0ffee", image="shop:v1.2.3")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("`rollout apply --env NAME --to 100 --yes NAME`", "`rollout apply --env shop-prod --to 100 --yes shop-prod`"),
        ("signoff x --env NAME --release VERSION --by NAME", "signoff x --env shop-prod --release v1.2.3 --by NAME"),
        ("gonogo recovery notice --incident FILE", "gonogo recovery notice --incident reports/incident.yaml"),
        ("NAME the --env NAMES", "NAME the --env NAMES"),
    ],
)
def test_what_is_known_stands_in_a_command(text: str, said: str) -> None:
    """After its option and nowhere else: a text may speak of a NAME."""
    assert with_known(text, HERE, RELEASE) == said


def test_what_is_not_known_stays() -> None:
    """A release that was not given; the incident of a rehearsal, which is no file that anybody could name."""
    assert with_known("--release VERSION", HERE) == "--release VERSION"
    assert with_known("--incident FILE --env NAME", REHEARSED) == "--incident FILE --env shop-local"
