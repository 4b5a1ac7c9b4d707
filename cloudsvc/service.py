"""The composition root: the only place where all the parts meet."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from ipaddress import ip_network
from typing import Any

from attrs import define, field
from twisted.application.internet import TimerService
from twisted.application.service import IService
from twisted.python.threadpool import ThreadPool

from cloudsvc.access.clients import UNIX, Clients
from cloudsvc.access.keys import KeyRing
from cloudsvc.access.throttling import Throttle, Windows, open_windows
from cloudsvc.api.documentation import Documentation
from cloudsvc.api.system import System, SystemSettings
from cloudsvc.applications import find_applications, make_application
from cloudsvc.core.errors import StartFault
from cloudsvc.core.rates import parse_rate
from cloudsvc.core.reactors import IReactor
from cloudsvc.core.threads import PoolRunner
from cloudsvc.extend import Application, NoSettings, Tools
from cloudsvc.lifecycle import CloudService, Parts
from cloudsvc.listen.endpoints import PREFIX, compose_description, listen
from cloudsvc.listen.files import CertificateFiles
from cloudsvc.listen.reloading import ReloadingCertificate, Renewal
from cloudsvc.observe.checks import check_certificate, check_disk, check_limits_storage, check_reactor_lag, check_token
from cloudsvc.observe.files import RotatingFile, Stream, Target
from cloudsvc.observe.health import Health
from cloudsvc.observe.lag import LagSampler
from cloudsvc.observe.lines import LogFormat
from cloudsvc.observe.logs import LogObserver, LogWriter
from cloudsvc.observe.metrics import Metrics
from cloudsvc.serving import Serving
from cloudsvc.settings.loading import Loaded
from cloudsvc.settings.model import ServerSettings
from cloudsvc.supervisor import Notifier

_THREADS = 10
"""For blocking work of all kinds. What computes for long belongs in a process of its own."""

_STORAGE_THREADS = 4
"""For asking the storage of the rate limits, which may hang without holding up other work."""


def build_service(
    loaded: Loaded, *, reactor: IReactor, endpoints: Sequence[str] = (), owns_console: bool = True
) -> CloudService:
    """
    The server that ``loaded`` describes, bound to its addresses; nothing runs yet.

    :param reactor: any full reactor.
    :param endpoints: endpoint descriptions instead of the configured ones.
    :param owns_console: whether to log to standard output.
    :raises StartFault: something is wrong; nothing stays bound.
    """
    return _Assembly(loaded=loaded, reactor=reactor, owns_console=owns_console).assemble(endpoints)


@define(kw_only=True)
class _Assembly:
    """What the steps of the assembly share. Each step makes one group of parts from the configuration."""

    loaded: Loaded
    reactor: IReactor
    owns_console: bool
    metrics: Metrics = field(factory=Metrics)
    pool: ThreadPool = field(factory=lambda: ThreadPool(minthreads=0, maxthreads=_THREADS, name="cloudsvc"))
    storage_pool: ThreadPool = field(
        factory=lambda: ThreadPool(minthreads=0, maxthreads=_STORAGE_THREADS, name="rate limits")
    )
    lent_pools: list[ThreadPool] = field(factory=list)
    threads: PoolRunner = field(init=False)
    clients: Clients = field(init=False)
    keys: KeyRing = field(init=False)

    @threads.default
    def _make_threads(self) -> PoolRunner:
        return PoolRunner(self.reactor, self.pool)

    @clients.default
    def _make_clients(self) -> Clients:
        trusted = self.loaded.settings.proxies.trusted
        return Clients(
            trusted=tuple(ip_network(each) for each in trusted if each != UNIX),
            unix=UNIX in trusted,
        )

    @keys.default
    def _make_keys(self) -> KeyRing:
        return KeyRing(owner_hash=self.loaded.token_hash)

    def assemble(self, endpoints: Sequence[str]) -> CloudService:
        """Everything, in the order in which parts need each other."""
        settings = self.loaded.settings
        descriptions = endpoints or settings.server.endpoints or _default_endpoint(settings.server)
        self.metrics.auth.token_configured.set(self.keys.configured)
        extensions = self._make_extensions()
        certificate = self._make_certificate() if any(_uses_our_tls(each) for each in descriptions) else None
        throttle, windows = self._make_throttle()
        notifier = Notifier.from_environment()
        lag = LagSampler(self.reactor, self.metrics.reactor_lag.observe)
        health = self._make_health(extensions, certificate, throttle, lag)
        applications = [*self._make_core(health), *extensions]
        writer = LogWriter(self._open_targets(), self.reactor, self.metrics.log_lines_dropped.inc)
        try:
            site = self._make_serving(throttle, writer).make_site(applications)
            ports = listen(self.reactor, descriptions, site, certificate)
        except StartFault:
            writer.close()
            raise
        if certificate is not None:
            self.metrics.certificate.not_after.set_function(lambda: certificate.not_after)
        self.metrics.connections.watch(site.connections.__len__, site.connections.refused)
        return CloudService(
            Parts(
                reactor=self.reactor,
                ports=ports,
                connections=site.connections,
                applications=applications,
                certificate=certificate,
                windows=windows,
                helpers=[*self._watch(notifier), lag, *([] if certificate is None else [certificate])],
                health=health,
                pools=(self.pool, self.storage_pool, *self.lent_pools),
                writer=writer,
                observer=LogObserver(
                    writer,
                    LogFormat(settings.logging.format),
                    self.reactor.callFromThread,
                    settings.logging.level,
                ),
                notifier=notifier,
                drain_seconds=settings.server.drain_seconds,
            )
        )

    def _open_targets(self) -> tuple[Target, ...]:
        logging = self.loaded.settings.logging
        path = self.loaded.home.resolve(logging.directory, "server.log")
        file = RotatingFile.open(path, max_bytes=logging.max_bytes, backups=logging.backups)
        if logging.console and self.owns_console:
            return (Stream(sys.stdout.fileno(), "standard output"), file)
        return (file,)

    def _make_certificate(self) -> ReloadingCertificate:
        settings = self.loaded.settings.certificate
        home = self.loaded.home
        directory = home.resolve(settings.directory)
        files = CertificateFiles.locate(directory, directory / settings.ssl_keyfile, directory / settings.ssl_certfile)
        renewal = Renewal(days_valid=settings.days_valid, before_days=settings.renew_before_days)
        return ReloadingCertificate(
            files,
            clock=self.reactor,
            wall_clock=time.time,
            threads=self.threads,
            renewal=renewal if settings.renew else None,
            count_load=lambda result: self.metrics.certificate.reloads[result].inc(),
        )

    def _make_throttle(self) -> tuple[Throttle | None, Windows]:
        settings = self.loaded.settings.rate_limit
        try:
            windows = open_windows(
                settings.storage_uri, settings.strategy, time.time, PoolRunner(self.reactor, self.storage_pool)
            )
        except ValueError as problem:
            raise StartFault([f"config.rate_limit.storage_uri: {problem}"]) from None
        if not settings.enabled:
            return None, windows
        rates = {
            "api": parse_rate(settings.rate_limit),
            "transfer": parse_rate(settings.transfer_limit),
            "failure": parse_rate(settings.failure_limit),
        }
        return Throttle(windows, rates, settings.on_storage_failure, self.metrics.limits.storage_failures.inc), windows

    def _make_health(
        self,
        extensions: Sequence[Application[Any]],
        certificate: ReloadingCertificate | None,
        throttle: Throttle | None,
        lag: LagSampler,
    ) -> Health:
        settings = self.loaded.settings.health
        checks = [
            check_token(lambda: self.keys.configured),
            check_disk(self.loaded.home.root, self.threads, free_bytes=settings.free_disk_bytes),
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
        if throttle is not None:
            checks.append(check_limits_storage(throttle.answers))
        for extension in extensions:
            checks.extend(extension.checks())
        return Health(checks, self.reactor, self.metrics.health_checked, timeout=settings.timeout_seconds)

    def _make_core(self, health: Health) -> list[Application[Any]]:
        settings = self.loaded.settings
        system = System(
            SystemSettings(metrics_require_key=settings.metrics.require_key),
            self._lend(System),
            health=health,
            metrics=self.metrics,
        )
        documentation = Documentation(NoSettings(), self._lend(Documentation))
        return [system, documentation] if settings.documentation.enabled else [system]

    def _make_extensions(self) -> list[Application[Any]]:
        found = find_applications(self.loaded.settings.applications)
        for name in found:
            directory = self.loaded.home.data / name
            try:
                directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            except OSError as problem:
                raise StartFault([f"{directory} cannot be made: {problem.strerror}"]) from None
        sections = self.loaded.sections
        return [make_application(kind, sections[kind.section], self._lend(kind)) for kind in found.values()]

    def _make_serving(self, throttle: Throttle | None, writer: LogWriter) -> Serving:
        return Serving(
            settings=self.loaded.settings,
            home=self.loaded.home,
            clock=self.reactor,
            clients=self.clients,
            keys=self.keys,
            throttle=throttle,
            metrics=self.metrics,
            writer=writer,
        )

    def _watch(self, notifier: Notifier) -> list[IService]:
        """Tells systemd, where it wants to know, that the reactor still turns, twice as often as it asks for."""
        if not notifier.patience:
            return []
        timer = TimerService(notifier.patience / 2, notifier.alive)
        timer.clock = self.reactor
        return [timer]

    def _lend(self, kind: type[Application[Any]]) -> Tools:
        def make_threads(most: int) -> PoolRunner:
            pool = ThreadPool(minthreads=0, maxthreads=most, name=kind.name)
            self.lent_pools.append(pool)
            return PoolRunner(self.reactor, pool)

        return Tools(
            clock=self.reactor,
            now=time.time,
            threads=self.threads,
            make_threads=make_threads,
            processes=self.reactor,
            instruments=self.metrics.instruments_for(kind.name),
            data=self.loaded.home.data / kind.name,
        )


def _default_endpoint(server: ServerSettings) -> tuple[str, ...]:
    return (compose_description(server.host, server.port),)


def _uses_our_tls(description: str) -> bool:
    return f"{PREFIX}:" in description
