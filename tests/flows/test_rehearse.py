"""What is told of a rehearsed environment that is kept up by hand."""

from __future__ import annotations

import pytest

from gonogo.flows.rehearse import exports
from gonogo.flows.started import Started

SECRETS = {"SHOP_TOKEN": "made-up", "SHOP_PASSWORD": "it's $HOME", "SHOP_ODD": "two\nlines", "SHOP ODD": "x"}


def _up(**addresses: str) -> Started:
    return Started(addresses=addresses, declares={}, secrets=SECRETS, pid=1)


def test_what_other_tools_need_is_told() -> None:
    """As a shell takes it; what no line can hold is left out."""
    here = _up(api="http://localhost:1/x", postgres="127.0.0.1:2", six="[::1]:3", signoffs="/tmp/signoffs.jsonl")
    assert exports(here) == ("export SHOP_TOKEN=made-up", "export SHOP_PASSWORD='it'\"'\"'s $HOME'")


@pytest.mark.parametrize("address", ["https://api.shop.example", "10.0.0.7:5432", "db.internal:5432", "", "http://[::"])
def test_no_secret_of_another_machine_is_told(address: str) -> None:
    """What is not all on this machine may be somebody's system: nothing is told of it."""
    assert exports(_up(api="http://127.0.0.1:1", other=address)) == ()
