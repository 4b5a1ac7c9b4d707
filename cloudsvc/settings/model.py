"""
Settings model: keys, types, defaults, ranges and meaning.

This module is the only source of all of that. Validation, the JSON Schema for editors, the default ``config.json``
and ``docs/configuration.md`` are made from it.
"""

from __future__ import annotations

from functools import partial
from typing import Annotated, Literal

from attrs import field, frozen
from msgspec import Meta

from cloudsvc.core.endpoints import check_description
from cloudsvc.core.secrets import Secret
from cloudsvc.core.structuring import Check
from cloudsvc.settings.checks import (
    check_address,
    check_bucket,
    check_database,
    check_endpoint,
    check_host,
    check_network,
    check_origin,
    check_rate,
    check_storage,
    storage_scheme,
)

# In Python ``$`` also matches before a last line feed, which would split a header.
_END = r"$(?!\n)"
_HEADER_VALUE = r"^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?" + _END
_HEADER_NAME = r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+" + _END
_NODE_NAME = r"^[A-Za-z0-9._-]{1,253}" + _END
_MEDIA_TYPE = r"^[a-z]+/[a-z0-9.+-]+(; ?[a-z]+=[a-z0-9-]+)?" + _END

Rate = Annotated[str, Check(check_rate)]
Origin = Annotated[str, Check(check_origin)]
Network = Annotated[str, Check(check_network)]
Endpoint = Annotated[str, Check(check_description), Meta(min_length=1)]
Host = Annotated[str, Check(check_host), Meta(min_length=1)]
Text = Annotated[str, Meta(min_length=1)]
HeaderName = Annotated[str, Meta(pattern=_HEADER_NAME)]


@frozen(kw_only=True)
class ServerSettings:
    """Where the server listens, and how it stops."""

    host: Annotated[
        str,
        Check(check_address),
        Meta(
            min_length=1,
            description="Address to listen on. `0.0.0.0` is every IPv4 address, `::` every address of either kind.",
        ),
    ] = "0.0.0.0"  # noqa: S104 - a server is for others to reach
    port: Annotated[int, Meta(ge=0, le=65535, description="Port to listen on. 0 takes a free one.")] = 443
    endpoints: Annotated[
        tuple[Endpoint, ...], Meta(description="Twisted endpoint descriptions that replace `host` and `port`.")
    ] = ()
    workers: Annotated[
        int,
        Meta(
            ge=1,
            le=64,
            description="Processes that answer requests. With more than one there is one more, which starts and "
            "replaces them; about as many as the machine has processors are of use.",
        ),
    ] = 1
    drain_seconds: Annotated[
        float, Meta(ge=0, le=3600, description="How long running requests may take to finish when the server stops.")
    ] = 30
    unready_seconds: Annotated[
        float,
        Meta(
            ge=0,
            le=3600,
            description="How long the server goes on answering before it stops, while `/api/health/ready` says 503: "
            "longer than a load balancer in front takes to notice.",
        ),
    ] = 0


@frozen(kw_only=True)
class NodeSettings:
    """This server among others that serve the same drive."""

    name: Annotated[
        Annotated[str, Meta(pattern=_NODE_NAME)] | None,
        Meta(
            description="What each line of the log ends with, as `node=`, so that those of several servers can be "
            "gathered. `null` adds nothing."
        ),
    ] = None


@frozen(kw_only=True)
class ConnectionSettings:
    """How many connections there may be, and how slow."""

    total: Annotated[
        int,
        Meta(
            ge=1,
            le=1000000,
            description="Connections open at a time; fewer where the limit of open files asks for it.",
        ),
    ] = 10_000
    per_client: Annotated[
        int,
        Meta(
            ge=1, le=1000000, description="Connections that one client (an IPv4 address or an IPv6 /64) may have open."
        ),
    ] = 256
    header_seconds: Annotated[
        float,
        Meta(gt=0, le=3600, description="How long a client may take until the headers of a request are complete."),
    ] = 10
    idle_seconds: Annotated[
        float, Meta(gt=0, le=86400, description="How long a connection may stay open between two requests.")
    ] = 75
    body_bytes_per_second: Annotated[
        int,
        Meta(
            ge=0,
            le=1073741824,
            description="The rate below which is cut off who sends a body or takes an answer. 0 allows any.",
        ),
    ] = 1024
    stall_seconds: Annotated[
        float, Meta(gt=0, le=86400, description="How long a client may take nothing of an answer that is ready.")
    ] = 60


@frozen(kw_only=True)
class HTTPSettings:
    """How large a request may be. What is larger is refused."""

    # Where every byte is escaped, the longest path of the drive takes 12,288 characters of a URL.
    line_bytes: Annotated[
        int, Meta(ge=256, le=1048576, description="Length of the request line and of each header line.")
    ] = 16_384
    header_bytes: Annotated[int, Meta(ge=1024, le=16777216, description="Length of all headers together.")] = 32_768
    header_count: Annotated[int, Meta(ge=8, le=10000, description="Number of headers.")] = 100
    query_bytes: Annotated[int, Meta(ge=0, le=1048576, description="Length of the query string.")] = 14_336
    body_bytes: Annotated[
        int, Meta(ge=0, le=1073741824, description="Length of a JSON body. Uploads have bounds of their own.")
    ] = 1_048_576


@frozen(kw_only=True)
class SecuritySettings:
    """Headers that every answer carries."""

    hsts_max_age: Annotated[
        int, Meta(ge=0, le=63072000, description="Seconds for which browsers use HTTPS only (RFC 6797).")
    ] = 31_536_000
    content_security_policy: Annotated[
        str, Meta(pattern=_HEADER_VALUE, description="Policy of answers that have none of their own.")
    ] = "default-src 'self'"


@frozen(kw_only=True)
class CORSSettings:
    """Which other sites may use the API from a browser."""

    enabled: Annotated[bool, Meta(description="Whether to answer cross-origin requests at all.")] = False
    allow_origins: Annotated[
        tuple[Origin, ...],
        Meta(description="Origins that may, such as `https://app.example.org`. `*` is every origin."),
    ] = ()
    allow_credentials: Annotated[
        bool, Meta(description="Whether browsers may send cookies and keep credentials. Not together with `*`.")
    ] = field(default=False)
    allow_methods: Annotated[tuple[HeaderName, ...], Meta(description="Methods that other sites may use.")] = (
        "GET",
        "POST",
        "PUT",
        "PATCH",
        "DELETE",
    )
    allow_headers: Annotated[tuple[HeaderName, ...], Meta(description="Request headers that other sites may send.")] = (
        "Authorization",
        "Content-Type",
        "X-API-Key",
    )
    expose_headers: Annotated[
        tuple[HeaderName, ...], Meta(description="Response headers that other sites may read.")
    ] = ()
    max_age: Annotated[int, Meta(ge=0, le=86400, description="Seconds for which browsers remember these rules.")] = 600

    @allow_credentials.validator
    def _names_origins(self, _: object, allow_credentials: bool) -> None:  # noqa: FBT001 - attrs calls it so
        if allow_credentials and "*" in self.allow_origins:
            raise ValueError(
                "allow_credentials with the origin '*' would let any site act as its visitors; "
                "name the origins in allow_origins, or set allow_credentials to false"
            )


@frozen(kw_only=True)
class RateLimitSettings:
    """
    How often a client may call.

    Up to `failure_limit` each wrong key is answered with 401. Beyond it no key of that client is evaluated until the
    window ends, neither wrong nor right: each is answered with 429 and a `Retry-After`, which tells a guesser nothing.
    While the guessing goes on, half of each further window is kept for keys that come back after the wait they were
    given, so that who holds the right key gets in even from behind the address of a guesser; one that came back and was
    wrong gets no other place for an hour. A connection goes on with the key that was accepted on it, as long as no
    wrong one is shown there.
    """

    enabled: Annotated[bool, Meta(description="Whether to count at all.")] = True
    rate_limit: Annotated[Rate, Meta(description="Requests of one client to one route.")] = "100/minute"
    transfer_limit: Annotated[Rate, Meta(description="Downloads, uploads and thumbnails of one client.")] = (
        "6000/minute"
    )
    failure_limit: Annotated[
        Rate, Meta(description="Keys of one client that are evaluated while they turn out wrong, over all routes.")
    ] = "10/minute"
    by: Annotated[
        Literal["client", "principal"],
        Meta(
            description="Whose requests `rate_limit` and `transfer_limit` count together: those from one address, or "
            "those of one holder of keys, from whatever address. Where no key is needed, it is always the address."
        ),
    ] = "client"
    strategy: Annotated[
        Literal["fixed-window", "moving-window"],
        Meta(description="How to count. A moving window has no bursts at its edges and costs more memory."),
    ] = field(default="fixed-window")
    storage_uri: Annotated[
        Secret | None,
        Check(check_storage),
        Meta(
            description="Where to count: `memory://`, `redis://host:6379/0`, `memcached://host:11211`. "
            "Several servers may share one. `rediss://` is Redis over TLS, verified."
        ),
    ] = field(factory=partial(Secret, "memory://"))
    ca_file: Annotated[
        Text | None,
        Meta(
            description="File with certificates of the authorities that may have signed that of a `rediss://` storage, "
            "beside those that everybody trusts."
        ),
    ] = None
    on_storage_failure: Annotated[
        Literal["allow", "refuse"], Meta(description="What happens to requests while the storage is unavailable.")
    ] = "allow"

    @strategy.validator
    def _can_be_counted(self, _: object, strategy: str) -> None:
        if strategy == "moving-window" and storage_scheme(self.storage_uri) == "memcached":
            raise ValueError(
                "Memcached cannot count a moving window; set strategy to 'fixed-window', "
                "or storage_uri to memory:// or redis://"
            )


@frozen(kw_only=True)
class DatabaseSettings:
    """Where names, versions and what has happened are kept. Files themselves are kept where `blobs` says."""

    url: Annotated[
        Secret | None,
        Check(check_database),
        Meta(
            description="`postgresql://user:password@host/name?sslmode=verify-full` of a database of its own, version "
            "15 or later. `null` is SQLite, in the home."
        ),
    ] = None


@frozen(kw_only=True)
class BlobSettings:
    """Where the bytes of files are kept."""

    url: Annotated[
        str | None,
        Check(check_bucket),
        Meta(
            description="`s3://bucket/prefix` in a store that speaks the protocol of S3. `null` is a directory in the "
            "home."
        ),
    ] = None
    endpoint: Annotated[
        str | None,
        Check(check_endpoint),
        Meta(description="Where the store is, such as `https://s3.example.org`. `null` is AWS in `region`."),
    ] = None
    region: Annotated[Text, Meta(description="As the store calls it. Many that are not AWS take any.")] = "us-east-1"
    path_style: Annotated[
        bool,
        Meta(
            description="Whether the bucket is named in the path instead of the host, as most that are not AWS want it."
        ),
    ] = False
    access_key: Annotated[
        Secret | None,
        Meta(
            description="Id of the credentials. `null` takes what AWS's own tools would: `AWS_ACCESS_KEY_ID`, "
            "`~/.aws`, or the role of this machine."
        ),
    ] = None
    secret_key: Annotated[Secret | None, Meta(description="Secret that belongs to `access_key`.")] = field(default=None)
    session_token: Annotated[Secret | None, Meta(description="Of credentials that are temporary.")] = None
    ca_file: Annotated[
        Text | None,
        Meta(
            description="File with certificates of the authorities that may have signed the store's, instead of those "
            "that everybody trusts."
        ),
    ] = None

    @secret_key.validator
    def _goes_with_access_key(self, _: object, secret_key: Secret | None) -> None:
        if (secret_key is None) != (self.access_key is None):
            raise ValueError("access_key and secret_key belong together; set both or neither")


@frozen(kw_only=True)
class CertificateSettings:
    """The certificate, and how it is made."""

    directory: Annotated[
        str, Meta(min_length=1, description="Directory of the files below and of the private certificate authority.")
    ] = "certs"
    ssl_keyfile: Annotated[str, Meta(min_length=1, description="File of the private key, in `directory`.")] = "key.pem"
    ssl_certfile: Annotated[
        str,
        Meta(
            min_length=1, description="File of the certificate and of those that lead to its authority, in `directory`."
        ),
    ] = "cert.pem"
    days_valid: Annotated[
        int,
        Meta(ge=1, le=825, description="Days for which a new certificate is valid. Some clients refuse more than 825."),
    ] = 365
    names: Annotated[
        tuple[Host, ...], Meta(min_length=1, description="Host names and addresses that the certificate is for.")
    ] = ("localhost", "127.0.0.1", "::1")
    renew: Annotated[bool, Meta(description="Whether the server renews the certificate that it has made itself.")] = (
        True
    )
    renew_before_days: Annotated[int, Meta(ge=1, le=825, description="Days before its end at which it does so.")] = 30


@frozen(kw_only=True)
class JSONResponseSettings:
    """How JSON answers are written."""

    ensure_ascii: Annotated[bool, Meta(description="Whether to escape everything beyond ASCII.")] = False
    allow_nan: Annotated[
        bool,
        Meta(description="Whether NaN and infinity may be written, which is not JSON. Otherwise each is `null`."),
    ] = False
    indent: Annotated[
        Annotated[int, Meta(ge=0, le=16)] | None, Meta(description="Spaces of indentation. `null` writes one line.")
    ] = None
    media_type: Annotated[str, Meta(pattern=_MEDIA_TYPE, description="Content type of JSON answers.")] = (
        "application/json"
    )


@frozen(kw_only=True)
class LoggingSettings:
    """What is logged, and where."""

    level: Annotated[
        Literal["debug", "info", "warn", "error", "critical"],
        Meta(description="What is less important is not logged. Each request is a line of `info`."),
    ] = "info"
    format: Annotated[Literal["text", "json"], Meta(description="Lines for people, or JSON for programs.")] = "text"
    console: Annotated[bool, Meta(description="Whether to log to the console as well.")] = True
    directory: Annotated[str, Meta(min_length=1, description="Directory of `server.log`.")] = "logs"
    max_bytes: Annotated[int, Meta(ge=4096, le=1073741824, description="Length at which a new file begins.")] = (
        10_485_760
    )
    backups: Annotated[int, Meta(ge=0, le=1000, description="Number of older files to keep.")] = 5


@frozen(kw_only=True)
class MetricsSettings:
    """Who may read `/api/metrics`."""

    require_key: Annotated[bool, Meta(description="Whether it takes a key.")] = False


@frozen(kw_only=True)
class ProxySettings:
    """Proxies in front of the server."""

    trusted: Annotated[
        tuple[Network, ...],
        Meta(description="Networks whose `X-Forwarded-For` and `X-Request-ID` are believed: `10.0.0.0/8`, `unix`."),
    ] = ()


@frozen(kw_only=True)
class StaticSettings:
    """Files that are served at `/`."""

    directory: Annotated[
        Text | None,
        Meta(
            description="Directory of the files, apart from what is private: configuration, certificates, logs, data. "
            "`null` serves none."
        ),
    ] = None
    content_security_policy: Annotated[
        Annotated[str, Meta(pattern=_HEADER_VALUE)] | None,
        Meta(
            description="Policy of these files, in place of the one of `security`, which all other answers keep. "
            "`null` has that one for them too."
        ),
    ] = None
    cache_control: Annotated[
        str,
        Meta(
            pattern=_HEADER_VALUE,
            description="How browsers and caches keep these files. `no-cache` asks each time whether they changed.",
        ),
    ] = "no-cache"


@frozen(kw_only=True)
class HealthSettings:
    """When the server calls itself degraded."""

    certificate_days: Annotated[
        int, Meta(ge=0, le=825, description="When the certificate is valid for fewer days.")
    ] = 14
    free_disk_bytes: Annotated[int, Meta(ge=0, description="When a disk that is written to has less room.")] = (
        104_857_600
    )
    reactor_lag_seconds: Annotated[float, Meta(gt=0, le=60, description="When the event loop is later than this.")] = 1
    timeout_seconds: Annotated[float, Meta(gt=0, le=60, description="When a check takes longer than this.")] = 5


@frozen(kw_only=True)
class DocumentationSettings:
    """The interactive documentation at `/api/docs`."""

    enabled: Annotated[bool, Meta(description="Whether it is served, and `/api/openapi.json` with it.")] = True


@frozen(kw_only=True)
class AuditSettings:
    """The audit: who changed what, and who was refused."""

    enabled: Annotated[
        bool,
        Meta(
            description="Whether each change has an entry in the audit before it is answered. While none can be "
            "written, nothing can be changed."
        ),
    ] = False
    days: Annotated[int, Meta(ge=0, le=36_500, description="For how long entries are kept. 0 is for ever.")] = 365
    file: Annotated[
        Text | None,
        Meta(
            description="File to which each entry is copied as a line of JSON, such as `logs/audit.jsonl`. It grows "
            "until something else moves it away. `null` copies none."
        ),
    ] = None


@frozen(kw_only=True)
class Settings:
    """The whole configuration, but for the sections of applications."""

    server: ServerSettings = field(factory=ServerSettings)
    node: NodeSettings = field(factory=NodeSettings)
    connections: ConnectionSettings = field(factory=ConnectionSettings)
    http: HTTPSettings = field(factory=HTTPSettings)
    security: SecuritySettings = field(factory=SecuritySettings)
    cors: CORSSettings = field(factory=CORSSettings)
    rate_limit: RateLimitSettings = field(factory=RateLimitSettings)
    database: DatabaseSettings = field(factory=DatabaseSettings)
    blobs: BlobSettings = field(factory=BlobSettings)
    certificate: CertificateSettings = field(factory=CertificateSettings)
    json_response: JSONResponseSettings = field(factory=JSONResponseSettings)
    logging: LoggingSettings = field(factory=LoggingSettings)
    metrics: MetricsSettings = field(factory=MetricsSettings)
    proxies: ProxySettings = field(factory=ProxySettings)
    static: StaticSettings = field(factory=StaticSettings)
    health: HealthSettings = field(factory=HealthSettings)
    documentation: DocumentationSettings = field(factory=DocumentationSettings)
    audit: AuditSettings = field(factory=AuditSettings)
    applications: Annotated[
        tuple[Text, ...],
        Meta(description="Applications to load: names that installed packages offer, or `module:Class`."),
    ] = ("drive", "identity")
