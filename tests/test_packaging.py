"""The locks against pyproject.toml, and what the commit hook lets through."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
NAMES = ("requirements.lock", "requirements-envoy.lock", "requirements-schemas.lock")
LOCKS = {name: (ROOT / name).read_text(encoding="utf-8") for name in NAMES}
PIN = re.compile(r"^([a-z0-9.-]+)==(\S+)", flags=re.MULTILINE)
PINS = dict(PIN.findall("\n".join(LOCKS.values())))


def declared() -> Iterator[Requirement]:
    """Everything that the extra `rehearsal` and the groups `dev`, `envoy` and `schemas` come to."""
    extras = PROJECT["project"]["optional-dependencies"]
    texts = [*PROJECT["project"]["dependencies"], *(text for extra in extras.values() for text in extra)]
    for group in PROJECT["dependency-groups"].values():
        texts += [text for text in group if isinstance(text, str)]
    yield from (made for made in map(Requirement, texts) if made.name != "gonogo")


@pytest.mark.parametrize("wanted", list(declared()), ids=str)
def test_the_lock_pins_what_is_declared(wanted: Requirement) -> None:
    """Each declared dependency is pinned to a version that it allows."""
    assert wanted.specifier.contains(PINS[canonicalize_name(wanted.name)])


@pytest.mark.parametrize("name", LOCKS)
def test_the_lock_names_no_place(name: str) -> None:
    """Hashes and versions only: where packages come from is the installer's business."""
    lines = [line for line in LOCKS[name].splitlines() if not line.startswith("    --hash=sha256:")]
    assert all(map(PIN.match, lines))
    assert not re.search(r"://|^-|\.(org|com|io)\b", "\n".join(lines), flags=re.MULTILINE)


def test_the_locks_agree() -> None:
    """What two of them pin, they pin alike: they go into one environment."""
    main = set(PIN.findall(LOCKS["requirements.lock"]))
    others = {pin for name, text in LOCKS.items() if name != "requirements.lock" for pin in PIN.findall(text)}
    shared = {name for name, _ in main} & {name for name, _ in others}
    assert {pin for pin in others if pin[0] in shared} <= main


Commit = Callable[[str, str], "subprocess.CompletedProcess[str]"]


@pytest.fixture
def commit(tmp_path: Path) -> Commit:
    """A repository with our hook; call it with a file's name and text to commit it."""
    if shutil.which("git") is None or shutil.which("bash") is None:
        pytest.skip("needs git and bash")
    clean = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    more = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}

    def git(*words: str) -> subprocess.CompletedProcess[str]:
        who = ["-c", "user.name=a", "-c", "user.email=a@b.example", "-c", f"core.hooksPath={ROOT / 'hooks'}"]
        options: dict[str, Any] = {"cwd": tmp_path, "env": clean | more, "capture_output": True, "encoding": "utf-8"}
        return subprocess.run(["git", *who, *words], **options, check=False, timeout=60)

    assert git("init", "-q").returncode == 0

    def commit(name: str, text: str) -> subprocess.CompletedProcess[str]:
        (tmp_path / name).write_text(text, encoding="utf-8")
        git("add", name)
        return git("commit", "-q", "-m", "x")

    return commit


def test_the_hook_lets_a_plain_change_through(commit: Commit) -> None:
    """Text without anything that looks like a secret is committed."""
    done = commit("notes.md", "auth: {kind: bearer, secret: GONOGO_SLACK_TOKEN}\n")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "secret",
    [
        "-----BEGIN " + "RSA PRIVATE KEY-----",
        "AKIA" + "ABCDEFGHIJKLMNOP",
        "xox" + "b-123456789012-abcdefghij",
        "ghp_" + "a1B2" * 9,
        "https://hooks.slack" + ".com/services/T000/B000/abcdef",
    ],
)
def test_the_hook_refuses_a_secret(commit: Commit, secret: str) -> None:
    """The file is named, the secret is not repeated, nothing is committed."""
    done = commit("settings.yaml", f"key: {secret}\n")
    assert done.returncode == 1
    assert "settings.yaml adds what looks like a secret" in done.stderr
    assert secret not in done.stderr + done.stdout


def test_the_hook_refuses_a_big_file(commit: Commit) -> None:
    """One byte over 1 MiB is too much, 1 MiB is not."""
    assert commit("fits.txt", "x" * 1024 * 1024).returncode == 0
    done = commit("big.txt", "x" * (1024 * 1024 + 1))
    assert done.returncode == 1
    assert "big.txt has 1048577 bytes" in done.stderr
