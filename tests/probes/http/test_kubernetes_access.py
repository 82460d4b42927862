"""The ways to a cluster: kubeconfig with its context, certificates and plugins, and the pod that this runs in."""

from __future__ import annotations

import base64
import json
import ssl
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from gonogo.model.environment import Auth, AuthKind, BackEnd, Environment, Guards
from gonogo.model.errors import ConfigError
from gonogo.model.evidence import Cause, Seen, Unseen
from gonogo.probes.base import Vantage
from gonogo.probes.deadline import Deadline
from gonogo.probes.failure import Failure
from gonogo.probes.kubernetes import access as kubernetes_access
from gonogo.probes.kubernetes import principal as kubernetes_principal
from gonogo.probes.kubernetes.access import access
from gonogo.probes.kubernetes.deployments import KubernetesDeployments, look
from gonogo.probes.kubernetes.principal import principal

POD_SPEC = {"containers": [{"name": "a", "image": "i:1"}]}
ONE = {"metadata": {"name": "a"}, "spec": {"replicas": 1, "template": {"spec": POD_SPEC}}}
LIST = json.dumps({"kind": "DeploymentList", "metadata": {}, "items": [ONE]}).encode()
TOKEN = "token-of-the-kubeconfig"
Make = Callable[..., Vantage]


@pytest.fixture
def vantage(tmp_path: Path) -> Iterator[Make]:
    (tmp_path / "environments").mkdir()
    made: list[Vantage] = []

    def make(
        address: str = "", hosts: tuple[str, ...] = ("127.0.0.1",), auth: Auth | None = None, **names: str
    ) -> Vantage:
        back_end = BackEnd(
            address=address,
            auth=auth or Auth(),
            timeout=timedelta(seconds=30),
            names={"production": "shop", **names},
        )
        environment = Environment(
            name="here", system="shop", describe="", back_ends={"kubernetes": back_end}, guards=Guards(hosts=hosts)
        )
        base = str(tmp_path / "environments")
        now = datetime.now(UTC)
        made.append(
            Vantage(
                environment=environment, release=None, now=now, t0=None, reveal=lambda _: "from-a-variable", base=base
            )
        )
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def kubeconfig(tmp_path: Path) -> Callable[..., str]:
    """Writes one; `cluster` and `user` are its parts."""

    def write(url: str, user: Any = None, **cluster: Any) -> str:
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "main",
            "contexts": [
                {"name": "main", "context": {"cluster": "c", "user": "u"}},
                {"name": "other", "context": {"cluster": "elsewhere", "user": "u"}},
            ],
            "clusters": [{"name": "c", "cluster": {"server": url, **cluster}}],
            "users": [{"name": "u", "user": user if user is not None else {"token": TOKEN}}],
        }
        path = tmp_path / "config"
        path.write_text(yaml.safe_dump(document), encoding="utf-8")
        return str(path)

    return write


def b64(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()


def seen(vantage: Vantage) -> None:
    outcome = look(KubernetesDeployments(), vantage).outcome
    assert isinstance(outcome, Seen), outcome


def test_a_kubeconfig_with_its_ca_and_a_token(
    serve: Any, tools: Any, certificates: Any, vantage: Make, kubeconfig: Any
) -> None:
    """The CA stands in the file; the token goes into the header."""
    served = serve(tools.answer(LIST), tls=certificates.contexts["good"])
    path = kubeconfig(served.url, **{"certificate-authority-data": b64(certificates.ca)})
    seen(vantage(kubeconfig=path))
    assert f"Authorization: Bearer {TOKEN}".encode() in served.heard[0]
    assert b"GET /apis/apps/v1/namespaces/shop/deployments?limit=500" in served.heard[0]


def test_a_kubeconfig_with_files_beside_it(  # noqa: PLR0917 - fixtures
    serve: Any, tools: Any, certificates: Any, vantage: Make, kubeconfig: Any, tmp_path: Path
) -> None:
    """Relative names start from the kubeconfig."""
    served = serve(tools.answer(LIST), tls=certificates.contexts["good"])
    (tmp_path / "ca.pem").write_bytes(certificates.ca.read_bytes())
    (tmp_path / "token").write_text(f"{TOKEN}\n", encoding="ascii")
    path = kubeconfig(served.url, {"tokenFile": "token"}, **{"certificate-authority": "ca.pem"})
    seen(vantage(kubeconfig=path))
    assert TOKEN.encode() in served.heard[0]


def test_a_server_that_wants_a_client_certificate(
    serve: Any, tools: Any, certificates: Any, vantage: Make, kubeconfig: Any
) -> None:
    """The one of the kubeconfig is shown; without one there is no connection."""
    folder = certificates.ca.parent
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "good.pem")
    context.load_verify_locations(certificates.ca)
    context.verify_mode = ssl.CERT_REQUIRED
    served = serve(tools.answer(LIST), tls=context)
    authority = {"certificate-authority-data": b64(certificates.ca)}
    pair = {"client-certificate-data": b64(folder / "soon.pem"), "client-key-data": b64(folder / "soon.pem")}
    seen(vantage(kubeconfig=kubeconfig(served.url, pair, **authority)))
    outcome = look(KubernetesDeployments(), vantage(kubeconfig=kubeconfig(served.url, {}, **authority))).outcome
    assert isinstance(outcome, Unseen)
    assert outcome.cause is Cause.UNREACHABLE


def test_a_certificate_that_the_kubeconfigs_ca_has_not_signed(
    serve: Any, tools: Any, certificates: Any, vantage: Make, kubeconfig: Any
) -> None:
    """Never a look without verification."""
    served = serve(tools.answer(LIST), tls=certificates.contexts["self-signed"])
    path = kubeconfig(served.url, **{"certificate-authority-data": b64(certificates.ca)})
    outcome = look(KubernetesDeployments(), vantage(kubeconfig=path)).outcome
    assert isinstance(outcome, Unseen)
    assert "certificate chain" in outcome.detail
    assert served.heard == []


def test_the_server_of_a_kubeconfig_has_to_be_among_the_hosts(
    serve: Any, tools: Any, vantage: Make, kubeconfig: Any
) -> None:
    """guards.hosts names it, or nothing is sent."""
    served = serve(tools.answer(LIST))
    outcome = look(KubernetesDeployments(), vantage(hosts=(), kubeconfig=kubeconfig(served.url))).outcome
    assert isinstance(outcome, Unseen)
    assert (outcome.cause, "127.0.0.1 is not a host of here" in outcome.detail) == (Cause.REFUSED, True)
    assert served.heard == []


@pytest.mark.parametrize(
    ("url", "words"),
    [("http://kim:hunter2@api.example", "api.example is not https"), ("https://[kim", "no URL")],
)
def test_a_server_that_is_not_asked_is_told_without_its_password(
    vantage: Make, kubeconfig: Any, url: str, words: str
) -> None:
    """A URL may hold one."""
    with pytest.raises((Failure, ConfigError)) as caught:
        access(vantage(kubeconfig=kubeconfig(url)), Deadline(timedelta(seconds=9)))
    assert words in str(caught.value)
    assert "hunter2" not in str(caught.value)


def plugin(text: str, *, command: str = sys.executable, version: str = "v1") -> Any:
    return {"exec": {"apiVersion": f"client.authentication.k8s.io/{version}", "command": command, "args": ["-c", text]}}


TELLS = f"""import json, os, sys
info = json.loads(os.environ["KUBERNETES_EXEC_INFO"])
assert sys.stdin.read() == "" and info["spec"]["interactive"] is False
print(json.dumps({{**info, "status": {{"token": "{TOKEN}"}}}}))"""


def test_a_plugin_that_the_environment_names(serve: Any, tools: Any, vantage: Make, kubeconfig: Any) -> None:
    """It is run without a shell, and its token is used."""
    served = serve(tools.answer(LIST))
    path = kubeconfig(served.url, plugin(TELLS))
    seen(vantage(kubeconfig=path, exec=sys.executable))
    assert f"Bearer {TOKEN}".encode() in served.heard[0]


@pytest.mark.parametrize(("minutes", "runs"), [(30, 1), (0.5, 3), (None, 1)])
def test_what_a_plugin_gave_serves_until_it_ends(
    vantage: Make, kubeconfig: Any, tmp_path: Path, minutes: float | None, runs: int
) -> None:
    """Once a run; one that ends within a minute is asked for anew."""
    until = (datetime.now(UTC) + timedelta(minutes=minutes)).isoformat() if minutes else None
    status = {"token": TOKEN, **({"expirationTimestamp": until} if until else {})}
    text = f"open({str(tmp_path / 'runs')!r}, 'a').write('x'); print({json.dumps({'status': status})!r})"
    here = vantage(kubeconfig=kubeconfig("https://127.0.0.1:1", plugin(text)), exec=sys.executable)
    for _ in range(3):
        assert access(here, Deadline(timedelta(seconds=9))).headers == {"Authorization": f"Bearer {TOKEN}"}
    assert (tmp_path / "runs").read_text(encoding="utf-8") == "x" * runs


def test_a_server_that_repeats_the_token(serve: Any, tools: Any, vantage: Make, kubeconfig: Any) -> None:
    """It does not stand in what is said of the refusal."""
    body = json.dumps({"kind": "Status", "message": f"no user for {TOKEN} here"}).encode()
    served = serve(tools.answer(body, status="401 Unauthorized"))
    outcome = look(KubernetesDeployments(), vantage(kubeconfig=kubeconfig(served.url))).outcome
    assert isinstance(outcome, Unseen)
    assert (TOKEN in outcome.detail, "no user for *** here" in outcome.detail) == (False, True)


@pytest.mark.parametrize("allowed", [{}, {"exec": "aws"}])
def test_a_plugin_that_nobody_named_is_not_run(vantage: Make, kubeconfig: Any, tmp_path: Path, allowed: Any) -> None:
    """A kubeconfig may name any program."""
    mark = tmp_path / "ran"
    path = kubeconfig("https://127.0.0.1:1", plugin(f"open({str(mark)!r}, 'w')"))
    with pytest.raises(ConfigError, match=r"names\.exec"):
        access(vantage(kubeconfig=path, **allowed), Deadline(timedelta(seconds=30)))
    assert not mark.exists()


@pytest.mark.parametrize(
    ("text", "cause", "words"),
    [
        ("import sys; print('the-secret'); sys.exit(3)", Cause.DENIED, "exit status 3"),
        ("print('the-secret')", Cause.DENIED, "no ExecCredential"),
        ("print('{\"status\": 1}')", Cause.DENIED, "no ExecCredential"),
        ("import time; time.sleep(60)", Cause.TIMEOUT, "0.4 s"),
    ],
)
def test_a_plugin_that_fails(vantage: Make, kubeconfig: Any, text: str, cause: Cause, words: str) -> None:
    """What it printed is told to nobody, and it has the time of the look."""
    path = kubeconfig("https://127.0.0.1:1", plugin(text))
    with pytest.raises(Failure) as failure:
        access(
            vantage(kubeconfig=path, exec=sys.executable), Deadline(timedelta(seconds=0.4 if "sleep" in text else 30))
        )
    assert failure.value.cause is cause
    assert words in failure.value.detail
    assert "the-secret" not in failure.value.detail


@pytest.mark.parametrize(
    ("user", "cluster", "names", "words"),
    [
        (None, {"insecure-skip-tls-verify": True}, {}, "insecure-skip-tls-verify is refused"),
        (None, {"proxy-url": "http://127.0.0.1:9"}, {}, "proxy-url is refused"),
        (None, {"certificate-authority-data": "%%"}, {}, "certificate-authority does not read"),
        ({"client-key": "not-there.pem"}, {}, {}, "client-key does not read"),
        ({"username": "admin", "password": "x"}, {}, {}, "basic authentication"),
        ({"token": "two\nlines"}, {}, {"context": "nowhere"}, "has no context 'nowhere'; it has main, other"),
        (None, {}, {"context": "other"}, "has no cluster 'elsewhere'; it has c"),
        ({"exec": {"args": []}}, {}, {}, "names no command"),
        (plugin("", version="v1alpha1"), {}, {"exec": sys.executable}, "v1alpha1"),
        (None, {}, {"in_cluster": "true"}, "one is meant"),
        (None, {}, {"in_cluster": "maybe"}, "names.in_cluster is 'true' or 'false', not 'maybe'"),
    ],
)
def test_what_a_kubeconfig_may_not_say(  # noqa: PLR0917 - fixtures
    vantage: Make, kubeconfig: Any, user: Any, cluster: Any, names: Any, words: str
) -> None:
    """One line with the reason; nothing is sent."""
    path = kubeconfig("https://127.0.0.1:1", user, **cluster)
    with pytest.raises(ConfigError) as error:
        access(vantage(kubeconfig=path, **names), Deadline(timedelta(seconds=30)))
    assert words in str(error.value)
    assert TOKEN not in str(error.value)


def test_no_way_at_all_and_two_of_them(vantage: Make, tmp_path: Path) -> None:
    """The address is missing; a file that is not there; an address beside a kubeconfig."""
    deadline = Deadline(timedelta(seconds=30))
    with pytest.raises(ConfigError, match="the address is missing"):
        access(vantage(), deadline)
    with pytest.raises(ConfigError, match="No such file"):
        access(vantage(kubeconfig=str(tmp_path / "nothing")), deadline)
    (tmp_path / "config").write_text("token: [", encoding="utf-8")
    with pytest.raises(ConfigError, match="is not YAML"):
        access(vantage(kubeconfig=str(tmp_path / "config")), deadline)
    with pytest.raises(ConfigError, match="leave address and auth out"):
        access(vantage("https://127.0.0.1:1", kubeconfig="x"), deadline)


def test_in_a_pod(  # noqa: PLR0917 - fixtures
    serve: Any, tools: Any, certificates: Any, vantage: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Token and CA of the service account, read anew for each look; the address from the variables of a pod."""
    served = serve(tools.answer(LIST), tls=certificates.contexts["good"])
    monkeypatch.setattr(kubernetes_access, "POD_FOLDER", tmp_path)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(served.port))
    here = vantage(in_cluster="true")
    with pytest.raises(ConfigError, match="no service account"):
        look(KubernetesDeployments(), here)
    (tmp_path / "ca.crt").write_bytes(certificates.ca.read_bytes())
    for token in ("first-token", "renewed-token"):
        (tmp_path / "token").write_text(token, encoding="ascii")
        seen(here)
    assert [
        f"Bearer {token}".encode() in heard
        for token, heard in zip(("first-token", "renewed-token"), served.heard, strict=True)
    ] == [True, True]


def test_outside_a_pod(vantage: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """in_cluster says where this would have to run."""
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(ConfigError, match="this is no pod"):
        access(vantage(in_cluster="true"), Deadline(timedelta(seconds=30)))


def test_no_credential_shows(vantage: Make, kubeconfig: Any) -> None:
    """In no text of what was read."""
    found = access(vantage(kubeconfig=kubeconfig("https://127.0.0.1:1")), Deadline(timedelta(seconds=30)))
    assert TOKEN not in repr(found)
    by_variable = vantage("https://127.0.0.1:1", auth=Auth(kind=AuthKind.BEARER, secret="VARIABLE"))
    assert "from-a-variable" not in repr(access(by_variable, Deadline(timedelta(seconds=30))))
    assert json.dumps(found.headers) == json.dumps({"Authorization": f"Bearer {TOKEN}"})


def test_who_one_is_by_a_kubeconfig(vantage: Make, kubeconfig: Any) -> None:
    """Its user and context by name; a plugin is not run to say so, and no token is told."""
    path = kubeconfig("https://127.0.0.1:1")
    assert principal(vantage(kubeconfig=path)) == "user u of context main in config"
    assert principal(vantage(kubeconfig=path, context="other")) == "user u of context other in config"
    plugin = kubeconfig("https://127.0.0.1:1", {"exec": {"command": "/nowhere/plugin"}})
    assert principal(vantage(kubeconfig=plugin)) == "user u of context main in config"
    nobody = kubeconfig("https://127.0.0.1:1", {"auth-provider": {"name": "gone"}})
    assert principal(vantage(kubeconfig=nobody)) == "user u of context main in config, who has no credentials there"
    with pytest.raises(ConfigError, match="config has no context 'gone'; it has main, other"):
        principal(vantage(kubeconfig=path, context="gone"))
    assert principal(vantage("https://127.0.0.1:1")) is None


def test_who_one_is_in_a_pod(vantage: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The service account that the token names; of a token that tells nothing, nothing is guessed and nothing told."""
    monkeypatch.setattr(kubernetes_principal, "POD_FOLDER", tmp_path)
    here = vantage(in_cluster="true")
    assert principal(here) == "the service account of this pod"
    for subject, said in (
        ("system:serviceaccount:ops:gonogo", "service account ops/gonogo of this pod"),
        ("somebody", "the service account of this pod"),
    ):
        claims = base64.urlsafe_b64encode(json.dumps({"sub": subject}).encode()).decode().rstrip("=")
        (tmp_path / "token").write_text(f"head.{claims}.signature", encoding="ascii")
        assert principal(here) == said
    for broken in ("opaque", "a.!!!.c", "a.W10.c"):
        (tmp_path / "token").write_text(broken, encoding="ascii")
        assert principal(here) == "the service account of this pod"
