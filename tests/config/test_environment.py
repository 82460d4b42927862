"""Environment files with their bases into the model; addresses and secrets filled in."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gonogo.config.addresses import is_loopback
from gonogo.config.environment import environment_names, load_environment, resolve_addresses
from gonogo.config.raw import environment_from_raw, environment_to_raw, overlaid
from gonogo.config.secrets import Secrets, check_secrets, wanted_secrets
from gonogo.model.environment import Environment
from gonogo.model.errors import ConfigError, Origin, SafetyRefusal

REPOSITORY = Path(__file__).parents[2]

BASE = """\
system: ion
describe: What all share
objectives:
  chat_p95: {below: 2, unit: s, min_samples: 20}
  errors: {at_most: 0.01, unit: ratio}
sides:
  stable: {url: 'https://ion.example'}
"""
TOP = """\
name: top
describe: The upper one
extends: base.yaml
objectives:
  chat_p95:
    below: 3
sides:
  canary: {url: 'https://canary.ion.example', auth: {kind: bearer, secret: GONOGO_TEST_TOKEN}}
"""
STARTED = """\
name: local
system: ion
describe: d
guards: {live: false}
start: {command: [python, x]}
signoffs: 'address:signoffs'
waivers: 'address:waivers'
sides:
  stable: {url: 'address:stable'}
  canary: {url: 'address:canary'}
back_ends:
  cloud_run: {address: 'address:cloud-run', plaintext: true}
  metrics_csv: {address: 'address:csv'}
"""
ADDRESSES = {
    "stable": "http://127.0.0.1:8000",
    "canary": "http://127.0.0.1:8001",
    "cloud-run": "127.0.0.1:9000",
    "csv": "/tmp/metrics.csv",
    "signoffs": "/tmp/signoffs.jsonl",
    "waivers": "/tmp/waivers.yaml",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "environments"
    made.mkdir()
    write(made, base=BASE, top=TOP, local=STARTED)
    return made


def write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")


def refuse(name: str, folder: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        load_environment(name, folder)
    return str(caught.value)


def test_a_file_stands_over_its_base_key_by_key(folder: Path) -> None:
    """Keys of the base stay unless the file has them, and each value remembers the file it came from."""
    made = load_environment("top", folder)
    assert made.describe == "The upper one"
    assert set(made.sides) == {"stable", "canary"}
    chat, errors = made.objectives["chat_p95"], made.objectives["errors"]
    assert (chat.limit, chat.min_samples) == (3, 20)
    assert str(chat.origin) == "environments/top.yaml:5:3"
    assert str(errors.origin) == "environments/base.yaml:5:11"
    assert str(made.origin) == "environments/top.yaml:1:1"


def test_an_error_in_a_base_names_the_base(folder: Path) -> None:
    """The line that is wrong is the line that is named, also under two comparators from two files."""
    write(folder, base=BASE.replace("unit: ratio", "unit: ratios"))
    assert refuse("top", folder).startswith("environments/base.yaml:5:33: objectives.errors.unit cannot be 'ratios'")
    write(folder, base=BASE, top=TOP.replace("below: 3", "at_most: 3"))
    assert refuse("top", folder) == (
        "environments/top.yaml:6:14: objectives.chat_p95 has several comparators: below (environments/base.yaml:4:21)"
        " and at_most (environments/top.yaml:6:14); keep one"
    )


def test_an_unknown_environment_gets_the_nearest_name(folder: Path) -> None:
    """A base is no environment: it has no name."""
    assert environment_names(folder) == ("local", "top")
    assert refuse("tpo", folder) == "there is no environment 'tpo'; did you mean 'top'? (environments/ has local, top)"
    assert "base" not in refuse("nothing", folder)
    for name in ("../top", "top.yaml", "", "/etc/passwd", "top/../top", "x\ny"):
        assert "there is no environment" in refuse(name, folder)


def test_a_file_is_called_what_it_says_it_is(folder: Path) -> None:
    """A copied file with the old name in it is noticed."""
    write(folder, copy=TOP)
    assert refuse("copy", folder) == "environments/copy.yaml:1:7: name is 'top' in a file that is called copy.yaml"


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("../base.yaml", "extends names a file inside the environments folder, without .."),
        ("/etc/hosts", "extends names a file inside the environments folder, without .."),
        ("bsae.yaml", "extends names no file of the environments folder: 'bsae.yaml'; did you mean 'base.yaml'?"),
        ("top.yaml", "extends goes in a circle: top.yaml again"),
        ("link.yaml", "leads out of the environments folder (a symbolic link)"),
        ("[base.yaml]", "extends wants a text, not a list"),
    ],
)
def test_row_76_extends_stays_inside_the_folder(folder: Path, asked: str, said: str) -> None:
    """Paths with .., absolute paths, circles and symbolic links that lead out are refused."""
    (folder.parent / "outside.yaml").write_text(BASE, encoding="utf-8")
    (folder / "link.yaml").symlink_to(folder.parent / "outside.yaml")
    write(folder, top=TOP.replace("base.yaml", asked))
    assert refuse("top", folder) == f"environments/top.yaml:3:10: {said}"


def test_row_76_an_environment_that_is_a_link_out_is_refused(folder: Path) -> None:
    """The file itself has to lie in the folder, too."""
    outside = folder.parent / "outside.yaml"
    outside.write_text(TOP.replace("name: top", "name: out"), encoding="utf-8")
    (folder / "out.yaml").symlink_to(outside)
    assert refuse("out", folder) == "environments/out.yaml: leads out of the environments folder (a symbolic link)"


def test_a_chain_of_bases_has_an_end(folder: Path) -> None:
    """Five files are read, a sixth is refused; a circle is found at once."""
    for n in range(1, 6):
        write(folder, **{f"e{n}": f"name: e{n}\nextends: {f'e{n + 1}' if n < 5 else 'base'}.yaml\n"})
    assert load_environment("e2", folder).objectives["errors"].limit == 0.01
    assert refuse("e1", folder).endswith("extends goes through more than 5 files")
    write(folder, a="name: a\nextends: b.yaml\n", b="name: b\nextends: a.yaml\n")
    assert "extends goes in a circle: a.yaml again" in refuse("a", folder)


def test_a_ca_bundle_has_to_be_there(folder: Path) -> None:
    """A missing bundle is found before the first request."""
    write(folder, top=TOP.replace("auth:", "ca: ca.pem, auth:"))
    assert "sides.canary.ca: there is no file 'ca.pem'" in refuse("top", folder)
    (folder / "ca.pem").write_text("x", encoding="utf-8")
    assert load_environment("top", folder).sides["canary"].ca == "ca.pem"


def test_addresses_are_filled_in_from_the_ready_line(folder: Path) -> None:
    """Every address:NAME of sides, back ends, sign-offs and waivers is replaced."""
    made = resolve_addresses(load_environment("local", folder), ADDRESSES)
    assert made.sides["canary"].url == "http://127.0.0.1:8001"
    assert made.back_ends["cloud_run"].address == "127.0.0.1:9000"
    assert (made.signoffs, made.waivers) == ("/tmp/signoffs.jsonl", "/tmp/waivers.yaml")
    assert "address:" not in json.dumps(environment_to_raw(made))


def test_an_address_that_was_not_given_is_refused(folder: Path) -> None:
    """The nearest given name is offered."""
    given = {("canry" if name == "canary" else name): address for name, address in ADDRESSES.items()}
    with pytest.raises(ConfigError, match=r"sides\.canary\.url wants the address 'canary'.*did you mean 'canry'"):
        resolve_addresses(load_environment("local", folder), given)


def test_what_was_filled_in_is_guarded_as_well(folder: Path) -> None:
    """A ready line cannot bring in a plaintext host elsewhere, user information or one side twice."""
    environment = load_environment("local", folder)
    for name, address in (("cloud-run", "run.example:443"), ("stable", "http://ops:pw@127.0.0.1:8000")):
        with pytest.raises(SafetyRefusal):
            resolve_addresses(environment, ADDRESSES | {name: address})
    with pytest.raises(ConfigError, match="the same url"):
        resolve_addresses(environment, ADDRESSES | {"stable": "http://127.0.0.1:8001/"})
    write(folder, local=STARTED.replace("live: false", "live: true"))
    with pytest.raises(SafetyRefusal, match="is http, and local is a live environment"):
        resolve_addresses(load_environment("local", folder), ADDRESSES | {"stable": "http://10.0.0.5:80"})


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "127.0.0.1", "127.8.8.8", "::1"])
def test_loopback_is_this_machine(host: str) -> None:
    """Names and addresses of this machine."""
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["", "localhost.example", "127.0.0.1.example", "10.0.0.1", "::", "2130706433"])
def test_nothing_else_is_loopback(host: str) -> None:
    """Look-alikes are not this machine."""
    assert not is_loopback(host)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "is not set"),
        ("", "is empty"),
        (" \t", "is blank"),
        ("${TOKEN}", "holds an unfilled ${...}"),
        ("abc\n", "white space or a line break"),
    ],
)
def test_row_69_a_secret_that_is_not_there_stops_the_run(
    folder: Path, monkeypatch: pytest.MonkeyPatch, value: str | None, said: str
) -> None:
    """The variable is named with the line that wants it; no value is printed."""
    if value is None:
        monkeypatch.delenv("GONOGO_TEST_TOKEN", raising=False)
    else:
        monkeypatch.setenv("GONOGO_TEST_TOKEN", value)
    with pytest.raises(ConfigError) as caught:
        check_secrets(load_environment("top", folder))
    assert str(caught.value).startswith("environments/top.yaml:8:53: the variable GONOGO_TEST_TOKEN ")
    assert said in str(caught.value)
    assert "abc" not in str(caught.value)


def test_secrets_that_are_not_set_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not one variable a run; what only a change needs is not asked for."""
    environment = load_environment("factory-prod", REPOSITORY / "environments")
    for name in wanted_secrets(environment):
        monkeypatch.delenv(name, raising=False)
    wanted = tuple(wanted_secrets(environment, looking=True))
    with pytest.raises(ConfigError) as caught:
        check_secrets(environment)
    assert f"the variables {', '.join(wanted)} are not set" in str(caught.value)
    assert "OPERATOR" not in str(caught.value)
    with pytest.raises(ConfigError, match="variables GONOGO_REDIS_PASSWORD, GONOGO_GRAFANA_TOKEN are"):
        check_secrets(environment, {"redis", "grafana"})  # what the run asks, and no more
    for name in wanted[1:]:
        monkeypatch.setenv(name, f"value-of-{name}")
    with pytest.raises(ConfigError, match=f"the variable {wanted[0]} is not set"):
        check_secrets(environment)


def test_a_secret_comes_from_the_ready_line_first(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A started environment brings its own secrets; they show up nowhere in the object's text."""
    monkeypatch.setenv("GONOGO_TEST_TOKEN", "from-outside")
    environment = load_environment("top", folder)
    secrets = Secrets(environment, {"GONOGO_TEST_TOKEN": "from-start"})
    assert secrets.reveal("GONOGO_TEST_TOKEN") == "from-start"
    assert secrets.values() == ("from-start",)
    assert Secrets(environment).reveal("GONOGO_TEST_TOKEN") == "from-outside"
    assert "from" not in repr(secrets)


def test_who_only_looks_needs_no_secret_of_a_change(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a rollout alone asks has a token that a checklist does without; one that is set is kept out of files."""
    environment = load_environment("factory-prod", REPOSITORY / "environments")
    own = ("GONOGO_KUBERNETES_OPERATOR_TOKEN", "GONOGO_FACTORY_OPERATOR_TOKEN")
    for name in wanted_secrets(environment):
        monkeypatch.setenv(name, f"value-of-{name}")
    for name in own:
        monkeypatch.delenv(name)
    check_secrets(environment)
    secrets = Secrets(environment)
    assert not any(name in value for name in own for value in secrets.values())
    with pytest.raises(ConfigError, match=f"the variable {own[0]} is not set"):
        secrets.reveal(own[0])
    monkeypatch.setenv(own[0], "an-operators-token")
    assert "an-operators-token" in secrets.values()


@pytest.mark.parametrize("name", environment_names(REPOSITORY / "environments"))
def test_the_environments_of_this_repository_load_and_come_back_from_json(name: str) -> None:
    """environment_to_raw and environment_from_raw lose nothing, through JSON."""
    made = load_environment(name, REPOSITORY / "environments")
    assert made.name == name
    again = environment_from_raw(json.loads(json.dumps(environment_to_raw(made))))
    assert again == made
    assert [side.auth.origin for side in again.sides.values()] == [side.auth.origin for side in made.sides.values()]
    assert made.origin == Origin(file=f"environments/{name}.yaml", line=made.origin.line, column=1)


def test_a_minimal_environment_is_live(folder: Path) -> None:
    """What does not say otherwise is a live system, without profiles and actions."""
    write(folder, mini="name: mini\nsystem: ion\ndescribe: d\n")
    made = load_environment("mini", folder)
    assert made == Environment(
        name="mini", system="ion", describe="d", origin=Origin(file="environments/mini.yaml", line=1, column=1)
    )
    assert made.guards.live
    assert made.guards.actions == ()


def test_a_part_is_merged_over_an_environment(folder: Path) -> None:
    """What a started environment declares of itself stands over its file; rules hold for it, blanks are allowed."""
    environment = load_environment("top", folder)
    assert overlaid(environment, {}) is environment
    first = {"name": "On call", "reach": "", "hours": "always"}
    made = overlaid(environment, {"contacts": {"first": first}, "objectives": {"chat_p95": {"below": 5}}})
    assert made.contacts.first is not None
    assert made.contacts.first.reach == ""
    assert (made.objectives["chat_p95"].limit, made.objectives["chat_p95"].min_samples) == (5, 20)
    assert made.sides == environment.sides
    for part in (
        {"contact": {}},
        {"objectives": {"chat_p95": {"at_most": 1}}},
        {"objectives": {"errors": {"at_most": 5}}},
    ):
        with pytest.raises(ConfigError, match=r"^environments/top\.yaml:"):
            overlaid(environment, part)
