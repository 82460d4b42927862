"""object_store: what a bucket holds, read by List, Get and Head alone; what is not whole is no evidence."""

from __future__ import annotations

import base64
import hashlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from xml.sax.saxutils import escape

import pytest

from gonogo.model.environment import Auth, AuthKind, BackEnd
from gonogo.model.errors import ConfigError
from gonogo.model.evidence import Cause, Seen, Unseen
from gonogo.probes.base import Vantage
from gonogo.probes.object_store import s3
from gonogo.probes.object_store.probe import ObjectStore, look

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
BODY = b"a dump of the database" * 100
SHA = hashlib.sha256(BODY).hexdigest()
DAILY = r"\A\d{8}\.dump\.gz\Z"


@dataclass
class Bucket:
    """Objects as S3 lists and serves them; `page` is how many a page holds."""

    fake: Any
    page: int = 1000
    objects: dict[str, tuple[bytes, datetime]] = field(default_factory=dict)
    headers: dict[str, dict[str, str]] = field(default_factory=dict)
    tokens: Callable[[int], str] = str

    def put(self, key: str, body: bytes = BODY, *, ago: timedelta = timedelta(minutes=1), **headers: str) -> None:
        self.objects[key] = (body, NOW - ago)
        self.headers[key] = {name.replace("_", "-"): text for name, text in headers.items()}
        self.fake.answers[f"/backups/{key}"] = lambda _: (200, self.objects[key][0], self._headers(key))

    def listed(self, call: Any) -> Any:
        keys = sorted(key for key in self.objects if key.startswith(call.query.get("prefix", "")))
        at = int(call.query.get("continuation-token", "0").split("-")[-1])
        rows = "".join(
            f"<Contents><Key>{escape(key)}</Key><Size>{len(self.objects[key][0])}</Size><ETag>&quot;e&quot;</ETag>"
            f"<LastModified>{self.objects[key][1]:%Y-%m-%dT%H:%M:%S.000Z}</LastModified></Contents>"
            for key in keys[at : at + self.page]
        )
        more = at + self.page < len(keys)
        token = f"<NextContinuationToken>{self.tokens(at + self.page)}</NextContinuationToken>" if more else ""
        return 200, xml(
            f"<ListBucketResult><IsTruncated>{str(more).lower()}</IsTruncated>{token}{rows}</ListBucketResult>"
        )

    def _headers(self, key: str) -> dict[str, str]:
        return {"Content-Type": "binary/octet-stream", "ETag": '"e"', **self.headers[key]}


def xml(text: str) -> bytes:
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}'.encode()


def error(code: str) -> bytes:
    return xml(f"<Error><Code>{code}</Code><Message>no</Message></Error>")


@pytest.fixture
def bucket(fake: Any) -> Bucket:
    made = Bucket(fake)
    fake.answers["/backups"] = made.listed
    return made


@pytest.fixture
def ask(fake: Any, vantage_of: Callable[..., Vantage]) -> Callable[..., Seen | Unseen]:
    made: dict[Any, Vantage] = {}

    def asking(
        *, kind: AuthKind = AuthKind.AWS, timeout: float = 30, began: datetime | None = None, **options: Any
    ) -> Any:
        names = {"region": "us-east-1", "access_key_id": "reader", "backups": "backups"}
        auth = Auth(kind=kind, secret="S3_KEY")
        back_end = BackEnd(address=fake.url, auth=auth, names=names, timeout=timedelta(seconds=timeout))
        if (kind, timeout) not in made:  # a client is slow to make
            made[kind, timeout] = vantage_of({"object_store": back_end}, secrets={"S3_KEY": "s3cr3t"}, now=NOW)
        vantage = made[kind, timeout]
        if began is not None:
            vantage.records = SimpleNamespace(incident=lambda: SimpleNamespace(began=began))  # type: ignore[assignment]
        return look(ObjectStore(**{"bucket": "backups", **options}), vantage).outcome

    return asking


def test_the_newest_of_several_pages(bucket: Bucket, ask: Callable[..., Any], fake: Any) -> None:
    """Every page is read; the newest is the one modified last; only GET is sent, signed, to that host."""
    bucket.page = 2
    for number in range(5):
        bucket.put(f"wal/{number}", b"x" * (number + 1), ago=timedelta(minutes=10 if number != 2 else 3))
    outcome = ask(prefix="wal/")
    assert isinstance(outcome, Seen)
    assert outcome.data["newest"] == {"key": "wal/2", "bytes": 3, "modified": "2026-11-20T08:57:00+00:00", "age_s": 180}
    assert (outcome.data["count"], outcome.data["bytes"]) == (5, 15)
    assert [call.method for call in fake.calls] == ["GET"] * 3
    assert all("Credential=reader/" in call.headers["authorization"] for call in fake.calls)


def test_by_key_an_old_dump_that_was_copied_again_is_not_the_newest(bucket: Bucket, ask: Callable[..., Any]) -> None:
    """The date in the name decides, and what does not match it is left out and counted."""
    bucket.put("daily/20261119.dump.gz", ago=timedelta(hours=7))
    bucket.put("daily/20261001.dump.gz", ago=timedelta(minutes=1))
    bucket.put("daily/manual.dump.gz", ago=timedelta(minutes=1))
    outcome = ask(prefix="daily/", match=DAILY, by="key")
    assert outcome.data["newest"]["key"] == "daily/20261119.dump.gz"
    assert (outcome.data["count"], outcome.data["others"]) == (2, 1)


def test_a_folder_of_a_console_is_no_object(bucket: Bucket, ask: Callable[..., Any]) -> None:
    """A key of 0 bytes that ends with a slash is nobody's backup, however young."""
    bucket.put("wal/", b"", ago=timedelta(seconds=1))
    assert ask(prefix="wal/").cause is Cause.NO_DATA
    bucket.put("wal/1", ago=timedelta(minutes=2))
    assert ask(prefix="wal/").data["newest"]["key"] == "wal/1"


def test_ages_may_count_from_the_incident(bucket: Bucket, ask: Callable[..., Any]) -> None:
    """What was archived after the incident began is left out: it was not there to recover from."""
    bucket.put("wal/1", ago=timedelta(hours=2, minutes=4))
    bucket.put("wal/2", ago=timedelta(minutes=2))
    outcome = ask(prefix="wal/", as_of="incident", began=NOW - timedelta(hours=2))
    assert (outcome.data["newest"]["key"], outcome.data["newest"]["age_s"]) == ("wal/1", 240)
    none = ask(prefix="wal/", as_of="incident", began=NOW - timedelta(hours=3))
    assert none.cause is Cause.NO_DATA


@pytest.mark.parametrize(
    ("metadata", "sidecar", "matches"),
    [
        ({"x_amz_meta_sha256": SHA}, None, True),
        ({}, f"{SHA}  20261120.dump.gz\n", True),
        ({"x_amz_checksum_sha256": base64.b64encode(bytes.fromhex(SHA)).decode()}, None, True),
        ({"x_amz_checksum_sha256": "AAAA-3", "x_amz_meta_sha256": SHA}, None, True),  # of parts: says nothing
        ({"x_amz_meta_sha256": SHA.upper()}, f"{SHA}\n", True),
        ({"x_amz_meta_sha256": SHA}, "0" * 64, False),
        ({"x_amz_meta_sha256": "0" * 64}, None, False),
        ({}, None, None),
    ],
)
def test_every_sha256_that_is_said_has_to_be_the_right_one(
    bucket: Bucket, ask: Callable[..., Any], metadata: dict[str, str], sidecar: str | None, matches: bool | None
) -> None:
    """Metadata, the store's own checksum of the whole and a sidecar; none at all is not known."""
    bucket.put("daily/20261120.dump.gz", **metadata)
    if sidecar is not None:
        bucket.put("daily/20261120.dump.gz.sha256", sidecar.encode())
    outcome = ask(prefix="daily/", match=DAILY, look="digest")
    assert isinstance(outcome, Seen), outcome
    assert (outcome.data["sha256"], outcome.data["matches"]) == (SHA, matches)


def test_an_empty_backup_never_matches(bucket: Bucket, ask: Callable[..., Any]) -> None:
    """0 bytes have a SHA-256, too."""
    bucket.put("daily/20261120.dump.gz", b"", x_amz_meta_sha256=hashlib.sha256(b"").hexdigest())
    outcome = ask(prefix="daily/", look="digest")
    assert (outcome.data["newest"]["bytes"], outcome.data["matches"]) == (0, False)


@pytest.mark.parametrize(
    ("change", "cause", "text"),
    [
        ({"max_bytes": 10}, Cause.PARTIAL, "above max_bytes 10"),
        ({"body": BODY[:-1]}, Cause.BROKEN, f"{len(BODY) - 1} of {len(BODY)} bytes"),
        ({"body": BODY + b"x"}, Cause.BROKEN, "more than the listed"),
        ({"answer": (412, error("PreconditionFailed"))}, Cause.PARTIAL, "changed while it was being read"),
        ({"sha": "no digest"}, Cause.BROKEN, "holds no SHA-256"),
    ],
)
def test_a_digest_of_another_object_is_none(
    bucket: Bucket, ask: Callable[..., Any], change: dict[str, Any], cause: Cause, text: str
) -> None:
    """Over the cap, cut, longer than listed, replaced under our hands, or with no digest beside it."""
    key = "daily/20261120.dump.gz"
    bucket.put(key, x_amz_meta_sha256=change.pop("sha", SHA))
    if "body" in change or "answer" in change:
        headers = {"x-amz-meta-sha256": SHA, "ETag": '"e"'}
        body, answer = change.pop("body", b""), change.pop("answer", None)
        bucket.fake.answers[f"/backups/{key}"] = lambda call: (
            answer if answer and call.method == "GET" else (200, body if call.method == "GET" else BODY, headers)
        )
    outcome = ask(prefix="daily/", look="digest", **change)
    assert isinstance(outcome, Unseen)
    assert (outcome.cause, text in outcome.detail) == (cause, True), outcome.detail


def test_growth_by_day(bucket: Bucket, ask: Callable[..., Any]) -> None:
    """Whole days of UTC before today; yesterday against the median of the days before; days without a byte."""
    for back, size in ((0, 9), (1, 60), (2, 20), (3, 0), (4, 20)):
        if size:
            bucket.put(f"archive/{back}", b"x" * size, ago=timedelta(days=back))
    outcome = ask(prefix="archive/", look="listing", days=4)
    assert [day["bytes"] for day in outcome.data["days"]] == [20, 0, 20, 60]
    assert outcome.data["days_empty"] == ["2026-11-17"]
    assert (outcome.data["today"]["bytes"], outcome.data["growth"]) == (9, 3)


def test_row44_a_lost_or_repeated_page_is_partial(bucket: Bucket, ask: Callable[..., Any], fake: Any) -> None:
    """A token that repeats, a token that is missing, a page that goes back, and more pages than allowed."""
    bucket.page = 2
    for number in range(6):
        bucket.put(f"wal/{number}")
    bucket.tokens = lambda _: "t-2"
    assert (ask().cause, "repeats" in ask().detail) == (Cause.PARTIAL, True)
    bucket.tokens = lambda _: ""
    assert (ask().cause, "has no token" in ask().detail) == (Cause.PARTIAL, True)
    bucket.tokens = lambda at: f"{at}-0"
    assert (ask().cause, "goes back" in ask().detail) == (Cause.PARTIAL, True)
    bucket.tokens = str
    few = ask(pages=2)
    assert (few.cause, "more than 2 pages" in few.detail) == (Cause.PARTIAL, True)


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        ((403, error("AccessDenied")), Cause.DENIED),
        ((403, error("SignatureDoesNotMatch")), Cause.DENIED),
        ((404, error("NoSuchBucket")), Cause.NO_DATA),
        ((503, error("SlowDown")), Cause.LIMITED),
        ((500, error("InternalError")), Cause.BROKEN),
        ((200, b"<html>login</html>"), Cause.NO_DATA),
        ((200, b"not xml <"), Cause.BROKEN),
        ((200, xml("<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>")), Cause.NO_DATA),
        ((200, xml("<ListBucketResult><Contents><Key>a</Key></Contents></ListBucketResult>")), Cause.BROKEN),
    ],
)
def test_what_is_no_listing_is_no_evidence(ask: Callable[..., Any], fake: Any, answer: Any, cause: Cause) -> None:
    """Refused, gone, limited, broken, empty: each by its cause, none of them good news."""
    fake.answers["/backups"] = answer
    outcome = ask()
    assert isinstance(outcome, Unseen)
    assert outcome.cause is cause, outcome.detail
    assert "s3cr3t" not in outcome.detail


def test_row19_a_redirect_leads_nowhere(ask: Callable[..., Any], fake: Any, bucket: Bucket) -> None:
    """A bucket of another region: its own host is not asked, since the environment does not name it."""
    moved = {"Location": "http://127.0.0.1:9/backups", "x-amz-bucket-region": "eu-west-1"}
    fake.answers["/backups"] = (301, error("PermanentRedirect"), moved)
    outcome = ask()
    assert outcome.cause is Cause.REFUSED, outcome.detail
    assert set(fake.paths()) == {"/backups"}


def test_row15_a_metadata_address_is_never_asked(vantage_of: Callable[..., Vantage]) -> None:
    """An endpoint that leads to one is refused, and says so."""
    names = {"region": "us-east-1", "access_key_id": "reader", "backups": "backups"}
    back_end = BackEnd(address="http://169.254.169.254", auth=Auth(kind=AuthKind.AWS, secret="K"), names=names)
    outcome = look(ObjectStore(bucket="backups"), vantage_of({"object_store": back_end}, secrets={"K": "x"})).outcome
    assert isinstance(outcome, Unseen)
    assert outcome.cause is Cause.REFUSED


def test_a_future_object_and_a_silent_store_are_no_evidence(bucket: Bucket, ask: Callable[..., Any], fake: Any) -> None:
    """Clocks that disagree make no age; a store that does not answer costs its deadline."""
    bucket.put("wal/1", ago=-timedelta(minutes=5))
    assert ask().cause is Cause.BROKEN
    over = threading.Event()
    fake.answers["/backups"] = lambda _: over.wait(60) and (200, b"")
    assert ask(timeout=0.2).cause is Cause.TIMEOUT
    over.set()


def test_only_reading_verbs_reach_the_wire(ask: Callable[..., Any], bucket: Bucket, fake: Any, vantage_of: Any) -> None:
    """A call that writes is refused by the client's own guard, before a byte is sent."""
    names = {"region": "us-east-1", "access_key_id": "reader", "backups": "backups"}
    back_end = BackEnd(address=fake.url, auth=Auth(kind=AuthKind.AWS, secret="K"), names=names)
    store = s3.Store(vantage_of({"object_store": back_end}, secrets={"K": "x"}))
    with pytest.raises(s3.Failure, match="PUT does not only read"):
        store.client.put_object(Bucket="backups", Key="a", Body=b"x")
    with pytest.raises(s3.Failure, match="DELETE does not only read"):
        store.client.delete_object(Bucket="backups", Key="a")
    assert fake.calls == []


def test_nothing_of_the_machine_is_read_unless_it_is_declared(
    bucket: Bucket, ask: Callable[..., Any], fake: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Row 17: proxies, profiles and keys of the process's variables are ignored; other kinds of auth are refused."""
    for name, value in {
        "HTTP_PROXY": "http://127.0.0.1:9",
        "AWS_PROFILE": "not-there",
        "AWS_ACCESS_KEY_ID": "machine",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_CA_BUNDLE": "/not/there",
    }.items():
        monkeypatch.setenv(name, value)
    bucket.put("wal/1")
    assert isinstance(ask(), Seen)
    assert "Credential=reader/" in fake.calls[0].headers["authorization"]
    with pytest.raises(ConfigError, match="auth is of kind aws, not bearer"):
        ask(kind=AuthKind.BEARER)


def test_the_machines_own_keys_have_to_be_declared(
    bucket: Bucket, fake: Any, vantage_of: Callable[..., Vantage], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`auth: {kind: aws}` without a secret is the machine's role or keys, and needs no secret of ours."""
    for name, value in {"AWS_ACCESS_KEY_ID": "machine", "AWS_SECRET_ACCESS_KEY": "its-own"}.items():
        monkeypatch.setenv(name, value)
    bucket.put("wal/1")
    names = {"region": "us-east-1", "backups": "backups"}
    back_end = BackEnd(address=fake.url, auth=Auth(kind=AuthKind.AWS), names=names)
    assert isinstance(
        look(ObjectStore(bucket="backups"), vantage_of({"object_store": back_end}, now=NOW)).outcome, Seen
    )
    assert "Credential=machine/" in fake.calls[0].headers["authorization"]


def test_names_that_are_missing_are_configuration_errors(ask: Callable[..., Any]) -> None:
    """An unknown bucket names those that there are; options out of range are refused."""
    with pytest.raises(
        ConfigError, match=r"names\.logs, a bucket, is missing \(names has region, access_key_id, backups\)"
    ):
        ask(bucket="logs")
    with pytest.raises(ConfigError, match="days is 1 to 400"):
        ObjectStore(bucket="backups", days=0)
    with pytest.raises(ConfigError, match="no regular expression"):
        ObjectStore(bucket="backups", match="(")
