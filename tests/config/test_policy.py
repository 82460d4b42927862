"""Policy files of `gonogo ratelimit` and what is wrong with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from gonogo.config.policy import load_policy
from gonogo.model.errors import ConfigError
from gonogo.model.ratelimit import Algorithm


def test_the_path_is_that_of_the_url_unless_it_is_named(tmp_path: Path) -> None:
    """A policy of another path is not held against this one."""
    file = tmp_path / "policy.yaml"
    file.write_text("algorithm: fixed_window\nlimit: 3\nwindow: 1m\n", encoding="utf-8")
    policy = load_policy(file, "/chat")
    assert (policy.path, policy.algorithm, policy.limit) == ("/chat", Algorithm.FIXED_WINDOW, 3)
    file.write_text("path: /tell\nalgorithm: fixed_window\nlimit: 3\nwindow: 1m\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="path is '/tell', and '/chat' is asked for"):
        load_policy(file, "/chat")


def test_a_limit_below_one_is_one_plain_line(tmp_path: Path) -> None:
    """File, line and what is wanted, without the name of a key that the whole file has not."""
    file = tmp_path / "policy.yaml"
    file.write_text("algorithm: token_bucket\nlimit: -3\nwindow: 1m\n", encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_policy(file, "/chat")
    assert str(caught.value).endswith("policy.yaml:1:1: a policy of token_bucket needs limit >= 1 and window > 0")
