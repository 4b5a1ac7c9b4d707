"""The composition root: the only place where all the parts meet."""

from __future__ import annotations

import time
from collections.abc import Sequence
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any

from attrs import define, field
from twisted.application.internet import TimerService
from twisted.application.service import IService
from twisted.internet.interfaces import IListeningPort
from twisted.logger import Logger, LogLevel

from cloudsvc.access.clients import UNIX, Clients
from cloudsvc.access.credentials import BearerToken, CredentialSource, KeyHeader
from cloudsvc.access.issued import IssuedCredentials
from cloudsvc.access.keychain import Keychain
from cloudsvc.access.reloading import ReloadingKeys, StoredHash
from cloudsvc.access.throttling import RateLimitStore, Throttle, check_authorities, find_engine, open_store
from cloudsvc.api.documentation import Documentation
from cloudsvc.api.system import System, SystemSettings
from cloudsvc.core.descriptors import DescriptorLimit, can_open_files, raise_limit
from cloudsvc.core.draining import Draining
from cloudsvc.core.errors import OperatorError
from cloudsvc.core.rates import parse_rate
from cloudsvc.core.reactors import IReactor
from cloudsvc.core.services import Services
from cloudsvc.core.threads import WorkerThreads
from cloudsvc.extend import Application, NoSettings, Tools
from cloudsvc.listen.endpoints import listen
from cloudsvc.listen.inheriting import InheritedPort, inherit
from cloudsvc.observe.checks import (
    check_certificate,
    check_descriptors,
    check_disk,
    check_limits_storage,
    check_reactor_lag,
    check_token,
    check_workers,
)
from cloudsvc.observe.health import Health
from cloudsvc.observe.lag import LagSampler
from cloudsvc.observe.lines import LogFormat
from cloudsvc.observe.logs import LogObserver, LogWriter
from cloudsvc.observe.metrics import Exposition, Metrics
from cloudsvc.server.engine_metrics import make_meter
from cloudsvc.server.engines import make_engines
from cloudsvc.server.extensions import collect_sources, make_application
from cloudsvc.server.garbage import GarbageCollection
from cloudsvc.server.membership import Membership
from cloudsvc.server.mounted import MountedApplication, OpenedProvider
from cloudsvc.server.parts import choose_endpoints, locate_certificate, name_process, open_targets, uses_our_tls
from cloudsvc.server.provider import Foundation, Provider
from cloudsvc.server.running import Running
from cloudsvc.server.service import CloudService, Parts
from cloudsvc.server.site import Serving
from cloudsvc.server.supervisor import Manager, Notifier
from cloudsvc.settings.loading import TOKEN_VARIABLE, Loaded, read_token_hash
from cloudsvc.storage.database.lanes import READER_THREADS
from cloudsvc.tls.reloading import ReloadingCertificate, Renewal
from cloudsvc.web.http1.elsewhere import Nowhere
from cloudsvc.web.site import Site

if TYPE_CHECKING:
    from cloudsvc.server.auditing import Auditing

_THREADS = 10
"""For blocking work of all kinds. What computes for long belongs in a process of its own."""

_STORAGE_THREADS = 4
"""For asking the rate-limit store, which may hang without holding up other work."""

_DAY = 24 * 60 * 60 * 1_000_000
"""In microseconds."""

_log = Logger("cloudsvc.service")


def build_service(
    loaded: Loaded,
    *,
    reactor: IReactor,
    endpoints: Sequence[str] = (),
    owns_console: bool = True,
    membership: Membership | None = None,
) -> CloudService:
    """
    The server that ``loaded`` describes, bound to its addresses; nothing runs yet.

    :param reactor: any full reactor.
    :param endpoints: endpoint descriptions instead of the configured ones.
    :param owns_console: whether to log to standard output.
    :param membership: where it is one worker of several, which accept from sockets that are bound already.
    :raises OperatorError: something is wrong; nothing stays bound.
    """
    assembly = _Assembly(loaded=loaded, reactor=reactor, owns_console=owns_console, membership=membership)
    return assembly.assemble(choose_endpoints(loaded, endpoints))


@define(kw_only=True)
class _Assembly:
    """What the steps of the assembly share. Each step makes one group of parts from the configuration."""

    loaded: Loaded
    reactor: IReactor
    owns_console: bool
    membership: Membership | None
    metrics: Metrics = field(factory=Metrics)
    lent_threads: list[WorkerThreads] = field(factory=list)
    opened: dict[type, object] = field(factory=dict)
    draining: Draining = field(factory=Draining)
    descriptors: DescriptorLimit = field(factory=raise_limit)
    inherited: Sequence[InheritedPort] = ()
    threads: WorkerThreads = field(init=False)
    clients: Clients = field(init=False)
    keys: ReloadingKeys = field(init=False)
    issued: IssuedCredentials = field(init=False)
    keychain: Keychain = field(init=False)
    running: Running = field(factory=Running)
    auditing: Auditing | None = field(init=False)

    @threads.default
    def _make_threads(self) -> WorkerThreads:
        return self._lend_threads(_THREADS, "cloudsvc")

    @clients.default
    def _make_clients(self) -> Clients:
        trusted = self.loaded.settings.proxies.trusted
        return Clients(
            trusted=tuple(ip_network(each) for each in trusted if each != UNIX),
            unix=UNIX in trusted,
        )

    @keys.default
    def _make_keys(self) -> ReloadingKeys:
        return ReloadingKeys(
            self._read_hash(),
            read=self._read_hash,
            clock=self.reactor,
            threads=self.threads,
            report=self.metrics.auth.token_configured.set,
        )

    @issued.default
    def _make_issued(self) -> IssuedCredentials:
        return IssuedCredentials(self.reactor.seconds)

    @keychain.default
    def _make_keychain(self) -> Keychain:
        return Keychain(self.keys, self.issued)

    @auditing.default
    def _make_auditing(self) -> Auditing | None:
        settings = self.loaded.settings.audit
        if not settings.enabled:
            return None
        # Who has no audit need not wait for its import.
        from cloudsvc.server.auditing import Auditing  # noqa: PLC0415  # as said

        engines = make_engines(self.loaded.settings, self.loaded.home)
        return Auditing(
            data=self.loaded.home.data,
            engines=engines,
            reactor=self.reactor,
            writer=self._lend_threads(1, "audit"),
            readers=self._lend_threads(READER_THREADS, "audit"),
            threads=self.threads,
            file=None if settings.file is None else self.loaded.home.resolve(settings.file),
            keep=settings.days * _DAY if settings.days else None,
            meter=make_meter(engines, self.metrics.instruments_for("audit")),
        )

    def _read_hash(self) -> StoredHash:
        """What the environment says holds as long as this process; otherwise what the file says now."""
        loaded = self.loaded
        origin = loaded.origins[TOKEN_VARIABLE]
        in_file = read_token_hash(loaded.home)
        if not origin.startswith("environment"):
            return StoredHash(value=in_file, origin=str(loaded.home.env_file))
        other = in_file if in_file != loaded.token_hash else None
        return StoredHash(value=loaded.token_hash, origin=origin, overridden=other)

    def assemble(self, descriptions: Sequence[str]) -> CloudService:
        """Everything, in the order in which parts need each other."""
        settings = self.loaded.settings
        throttle, store = self._make_throttle()
        providers, extensions = self._make_extensions(throttle)
        certificate = self._make_certificate() if uses_our_tls(descriptions) else None
        notifier = self.membership or Notifier.from_environment()
        self._report_bounds()
        lag = LagSampler(self.reactor, self.metrics.reactor_lag.observe)
        provided = [source for each in providers for source in each.credential_sources()]
        sources = (*collect_sources(extensions), KeyHeader(self.keychain), BearerToken(self.keychain), *provided)
        health = self._make_health([*providers, *extensions], sources, certificate, throttle, lag)
        applications = [MountedApplication.of(each) for each in (*self._make_core(health), *extensions)]
        writer = LogWriter(
            open_targets(self.loaded, owns_console=self.owns_console), self.reactor, self.metrics.log_lines_dropped.inc
        )
        try:
            site = self._make_serving(sources, throttle, writer).make_site(applications)
            ports = self._listen(descriptions, site, certificate)
        except OperatorError:
            writer.close()
            raise
        if certificate is not None:
            self.metrics.certificate.not_after.set_function(lambda: certificate.not_after)
        self.running.watch(site.connections)
        self.metrics.connections.watch(site.connections.__len__, site.connections.refused)
        service = CloudService(
            Parts(
                reactor=self.reactor,
                ports=ports,
                connections=site.connections,
                draining=self.draining,
                startables=[
                    *filter(None, [self.auditing]),
                    *(OpenedProvider(provider=each, opened=self.opened) for each in providers),
                    *applications,
                ],
                certificate=certificate,
                store=store,
                keys=self.keys,
                helpers=[GarbageCollection(), *self._watch(notifier), lag, self.keys, *filter(None, [certificate])],
                health=health,
                threads=self.lent_threads,
                writer=writer,
                observer=LogObserver(
                    writer,
                    LogFormat(settings.logging.format),
                    self.reactor.callFromThread,
                    settings.logging.level,
                    name_process(settings, self.membership.number if self.membership else None),
                ),
                notifier=notifier,
                drain_seconds=settings.server.drain_seconds,
                unready_seconds=settings.server.unready_seconds,
            )
        )
        if self.membership is not None:
            self.membership.watch(self.inherited, service.retire)
            self.membership.count_by(self.metrics)
        return service

    def _listen(
        self, descriptions: Sequence[str], site: Site, certificate: ReloadingCertificate | None
    ) -> Sequence[IListeningPort]:
        member = self.membership
        if member is None:
            return listen(self.reactor, descriptions, site, certificate)
        orders = member.orders
        self.inherited = inherit(
            self.reactor, descriptions, site, certificate, sockets=orders.sockets, place=orders.number - 1
        )
        return self.inherited

    def _make_certificate(self) -> ReloadingCertificate:
        settings = self.loaded.settings.certificate
        renewal = Renewal(days_valid=settings.days_valid, before_days=settings.renew_before_days)
        return ReloadingCertificate(
            locate_certificate(self.loaded),
            clock=self.reactor,
            wall_clock=time.time,
            threads=self.threads,
            renewal=renewal if settings.renew else None,
            names=settings.names,
            count_load=lambda result: self.metrics.certificate.reloads[result].inc(),
        )

    def _make_throttle(self) -> tuple[Throttle | None, RateLimitStore]:
        settings = self.loaded.settings.rate_limit
        ca_file = None if settings.ca_file is None else self.loaded.home.resolve(settings.ca_file)
        try:
            if ca_file is not None:
                check_authorities(ca_file)
        except ValueError as problem:
            raise OperatorError([f"config.rate_limit.ca_file: {problem}"]) from None
        try:
            store = open_store(
                settings.storage_uri,
                settings.strategy,
                time.time,
                self._lend_threads(_STORAGE_THREADS, "rate limits"),
                open_windows=self.membership.open_windows if self.membership else None,
                ca_file=ca_file,
                note=self.metrics.limits.note_storage,
            )
        except ValueError as problem:
            raise OperatorError([f"config.rate_limit.storage_uri: {problem}"]) from None
        if not settings.enabled:
            return None, store
        rates = {
            "api": parse_rate(settings.rate_limit),
            "transfer": parse_rate(settings.transfer_limit),
            "failure": parse_rate(settings.failure_limit),
        }
        return Throttle(store, rates, settings.on_storage_failure, self.metrics.limits.storage_failures.inc), store

    def _make_health(
        self,
        checked: Sequence[Application[Any] | Provider[Any]],
        sources: Sequence[CredentialSource],
        certificate: ReloadingCertificate | None,
        throttle: Throttle | None,
        lag: LagSampler,
    ) -> Health:
        settings, home = self.loaded.settings.health, self.loaded.home
        checks = [
            check_token(lambda: self.keys.configured, gets_in=lambda: any(each.configured for each in sources)),
            check_disk(
                [
                    home.root,
                    home.config_file.parent,
                    home.resolve(self.loaded.settings.logging.directory),
                    home.resolve(self.loaded.settings.certificate.directory),
                ],
                self.threads,
                trees=[home.data],
                free_bytes=settings.free_disk_bytes,
            ),
            check_descriptors(can_open_files),
            check_reactor_lag(lambda: lag.worst, seconds=settings.reactor_lag_seconds),
        ]
        if certificate is not None:
            checks.append(
                check_certificate(
                    lambda: certificate.not_after,
                    time.time,
                    days=settings.certificate_days,
                    has_problem=lambda: certificate.problem is not None,
                )
            )
        if self.auditing is not None:
            checks.extend(self.auditing.checks())
        if (member := self.membership) is not None:
            checks.append(check_workers(member.workers, member.count_ready))
        limits = self.loaded.settings.rate_limit
        engine = find_engine(limits.storage_uri)
        if throttle is not None and engine is not None:
            is_needed = limits.on_storage_failure == "refuse"
            checks.append(check_limits_storage(engine, throttle.answers, is_needed=is_needed))
        for each in checked:
            checks.extend(each.checks())
        return Health(checks, self.reactor, self.metrics.health_checked, timeout=settings.timeout_seconds)

    def _make_core(self, health: Health) -> list[Application[Any]]:
        settings = self.loaded.settings
        system = System(
            SystemSettings(metrics_require_key=settings.metrics.require_key),
            self._lend(System.name),
            health=health,
            expose=self._expose if self.membership is None else self.membership.expose,
        )
        core: list[Application[Any]] = [system]
        if self.auditing is not None:
            from cloudsvc.api.audit import AuditApplication  # noqa: PLC0415  # as above

            tools = self._lend(AuditApplication.name)
            core.append(AuditApplication(NoSettings(), tools, find_reader=self.auditing.find_reader))
        if settings.documentation.enabled:
            core.append(Documentation(NoSettings(), self._lend(Documentation.name)))
        return core

    async def _expose(self) -> Exposition:
        return self.metrics.expose()

    def _make_extensions(self, throttle: Throttle | None) -> tuple[list[Provider[Any]], list[Application[Any]]]:
        found, providers = self.loaded.applications, self.loaded.providers
        for name in {*found, *(each.name for each in providers)}:
            directory = self.loaded.home.data / name
            try:
                directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            except OSError as problem:
                raise OperatorError([f"{directory} cannot be made: {problem.strerror}"]) from None
        sections = self.loaded.sections
        foundation = Foundation(
            reactor=self.reactor,
            home=self.loaded.home.root,
            engines=make_engines(self.loaded.settings, self.loaded.home),
            keys=self.issued,
            keychain=self.keychain,
            throttle=throttle,
            running=self.running,
            names=tuple(self.loaded.settings.certificate.names),
        )
        return (
            [kind(sections[kind.section], self._lend(kind.name, kind.needs), foundation) for kind in providers],
            [
                make_application(kind, sections[kind.section], self._lend(kind.name, kind.needs))
                for kind in found.values()
            ],
        )

    def _make_serving(
        self, sources: Sequence[CredentialSource], throttle: Throttle | None, writer: LogWriter
    ) -> Serving:
        return Serving(
            settings=self.loaded.settings,
            home=self.loaded.home,
            clock=self.reactor,
            clients=self.clients,
            sources=sources,
            throttle=throttle,
            metrics=self.metrics,
            writer=writer,
            threads=self.threads,
            most_connections=self.descriptors.connections,
            elsewhere=self.membership.open_counts() if self.membership else Nowhere(),
            worker=self.membership.number if self.membership else None,
            recorder=self.auditing,
        )

    def _report_bounds(self) -> None:
        """Say how many connections there may be, which not the configuration alone decides."""
        limit, total = self.descriptors, self.loaded.settings.connections.total
        room = limit.connections * self.loaded.settings.server.workers
        raised = f", raised from {limit.before}" if limit.now > limit.before else ""
        _log.emit(
            LogLevel.info if room >= total else LogLevel.warn,
            "at most {most} connections are open at a time: connections.total is {total}, and the limit of open files "
            "(RLIMIT_NOFILE) {limit}{raised}",
            most=min(total, room),
            total=total,
            limit=limit.now,
            raised=raised,
        )

    def _watch(self, manager: Manager) -> list[IService]:
        """Tells whoever wants to know that the reactor still turns, twice as often as it asks for."""
        if not manager.patience:
            return []
        timer = TimerService(manager.patience / 2, manager.alive)
        timer.clock = self.reactor
        return [timer]

    def _lend_threads(self, most: int, name: str) -> WorkerThreads:
        threads = WorkerThreads(reactor=self.reactor, most=most, name=name)
        self.lent_threads.append(threads)
        return threads

    def _lend(self, name: str, needs: tuple[type, ...] = ()) -> Tools:
        return Tools(
            clock=self.reactor,
            now=time.time,
            threads=self.threads,
            make_threads=lambda most: self._lend_threads(most, name),
            processes=self.reactor,
            instruments=self.metrics.instruments_for(name),
            data=self.loaded.home.data / name,
            draining=self.draining,
            services=Services(needs=needs, opened=self.opened),
        )
