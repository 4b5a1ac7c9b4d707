"""Site assembly: all applications and all layers, as the configuration has them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from inspect import getdoc
from pathlib import Path
from typing import Any, Literal

from attrs import frozen
from twisted.internet.interfaces import IReactorTime
from twisted.web.resource import IResource

from cloudsvc import __version__
from cloudsvc.access.clients import Clients
from cloudsvc.access.credentials import CredentialSource
from cloudsvc.access.throttling import Throttle
from cloudsvc.api.documentation import Documentation
from cloudsvc.extend import Application, ThreadRunner
from cloudsvc.identity.link_format import hide_links_in
from cloudsvc.observe.access_log import AccessLog
from cloudsvc.observe.lines import LogFormat
from cloudsvc.observe.logs import LogWriter
from cloudsvc.observe.metrics import Metrics
from cloudsvc.server.mounted import MountedApplication
from cloudsvc.settings.home import Home
from cloudsvc.settings.model import Settings
from cloudsvc.web.authentication import Authenticator
from cloudsvc.web.http1.bounds import ConnectionBounds, HeadBounds
from cloudsvc.web.http1.connections import Connections
from cloudsvc.web.http1.elsewhere import Elsewhere
from cloudsvc.web.layers import Layer
from cloudsvc.web.layers.cors import CrossOrigin, Sharing
from cloudsvc.web.layers.identification import Identification
from cloudsvc.web.layers.observation import Observation
from cloudsvc.web.layers.standard_headers import StandardHeaders
from cloudsvc.web.mounts import list_routes, locate_route
from cloudsvc.web.openapi.description import DescribedRoute, describe
from cloudsvc.web.rate_limits import RateLimits
from cloudsvc.web.recording import Recorder
from cloudsvc.web.resources import Missing, Signpost, Tree, plant
from cloudsvc.web.responses import Codec, HeaderList
from cloudsvc.web.site import Site
from cloudsvc.web.static_files import Pages, StaticFiles


@frozen(kw_only=True)
class Serving:
    """
    Makes the site of a server.

    :ivar home: what relative paths in ``settings`` begin at.
    :ivar sources: of credentials, in the order in which they are asked.
    :ivar writer: where the lines of the access log go.
    :ivar threads: read large files of pages.
    :ivar worker: the number of this process among several, if it is one of several.
    :ivar most_connections: how many the system leaves room for, whatever is configured.
    :ivar elsewhere: connections of other workers.
    :ivar recorder: is told what was changed and what was refused, if there is an audit.
    """

    settings: Settings
    home: Home
    clock: IReactorTime
    clients: Clients
    sources: Sequence[CredentialSource]
    throttle: Throttle | None
    metrics: Metrics
    writer: LogWriter
    threads: ThreadRunner
    most_connections: int
    elsewhere: Elsewhere
    worker: int | None
    recorder: Recorder | None

    def make_site(self, applications: Sequence[MountedApplication]) -> Site:
        """Where requests are answered by ``applications``, and those to other paths by files, if there are any."""
        settings = self.settings
        guarded = _GuardMetrics(metrics=self.metrics)
        rate_limits = RateLimits(throttle=self.throttle, subject=settings.rate_limit.by, metrics=guarded, now=time.time)
        json, bounds, http = settings.json_response, settings.connections, settings.http
        return Site(
            self._make_tree(applications),
            layers=self._make_layers(),
            authenticator=Authenticator(sources=self.sources, rate_limits=rate_limits, metrics=guarded),
            rate_limits=rate_limits,
            codec=Codec.configured(
                now=time.time,
                ensure_ascii=json.ensure_ascii,
                allow_nan=json.allow_nan,
                indent=json.indent,
                media_type=json.media_type,
            ),
            connections=Connections(
                bounds=ConnectionBounds(
                    total=bounds.total,
                    of_process=self.most_connections,
                    per_client=bounds.per_client,
                    header_seconds=bounds.header_seconds,
                    idle_seconds=bounds.idle_seconds,
                    body_bytes_per_second=bounds.body_bytes_per_second,
                    stall_seconds=bounds.stall_seconds,
                ),
                clock=self.clock,
                clients=self.clients,
                elsewhere=self.elsewhere,
            ),
            head_bounds=HeadBounds(
                line_bytes=http.line_bytes,
                total_bytes=http.header_bytes,
                fields=http.header_count,
                query_bytes=http.query_bytes,
            ),
            body_bytes=http.body_bytes,
            clock=self.clock,
            recorder=self.recorder,
        )

    def _make_layers(self) -> list[Layer]:
        """The one fixed order: the first to see a request is the first to complete its answer."""
        security, cors = self.settings.security, self.settings.cors
        logging = self.settings.logging
        access_log = AccessLog(
            self.writer,
            LogFormat(logging.format),
            time.time,
            logging.level,
            node=self.settings.node.name,
            worker=self.worker,
        )
        layers: list[Layer] = [
            Identification(self.clients),
            Observation(self.metrics.http, access_log, hide_links_in),
            StandardHeaders(
                hsts_max_age=security.hsts_max_age,
                content_security_policy=security.content_security_policy,
                now=time.time,
            ),
        ]
        if cors.enabled:
            sharing = Sharing(
                origins=cors.allow_origins,
                credentials=cors.allow_credentials,
                methods=cors.allow_methods,
                headers=cors.allow_headers,
                expose=cors.expose_headers,
                max_age=cors.max_age,
            )
            layers.append(CrossOrigin(sharing))
        return layers

    def _make_tree(self, mounted: Sequence[MountedApplication]) -> Tree:
        applications = [each.application for each in mounted]
        others: IResource = Missing()
        for application in applications:
            if isinstance(application, Documentation):
                application.publish(
                    describe_applications(applications, self.settings.json_response.media_type, self.sources)
                )
                others = Signpost(b"./api/docs")
        directory = self.settings.static.directory
        if directory is not None:
            others = StaticFiles(self._make_pages(self.home.resolve(directory)))
        return plant({each.resource: each.application.mounts for each in mounted}, others)

    def _make_pages(self, root: Path) -> Pages:
        static = self.settings.static
        kept: HeaderList = ((b"Cache-Control", static.cache_control.encode("ascii")),)
        if static.content_security_policy is not None:
            kept += ((b"Content-Security-Policy", static.content_security_policy.encode("ascii")),)
        return Pages(root=root, kept=kept, threads=self.threads, clock=self.clock, now=time.time)


def describe_applications(
    applications: Sequence[Application[Any]], media_type: str, sources: Sequence[CredentialSource]
) -> dict[str, Any]:
    """
    The OpenAPI description of everything that ``applications`` answer, with messages of this ``media_type``, to whoever
    has a credential of one of ``sources``.
    """
    routes = [
        DescribedRoute(
            tag=application.name,
            path=locate_route(rule.rule, application.mounts) or rule.rule,
            operation=operation,
            errors={} if application.error_renderer is None else application.error_renderer.produces,
        )
        for application in applications
        for rule, operation in list_routes(application.route_types)
    ]
    return describe(
        routes,
        title="cloudsvc",
        version=__version__,
        summary="Your own cloud.",
        tags={application.name: (getdoc(application) or "").partition("\n\n")[0] for application in applications},
        media_type=media_type,
        security={source.name: source.scheme for source in sources if source.scheme},
        refinements=[application.refine for application in applications],
    )


@frozen(kw_only=True)
class _GuardMetrics:
    """Counts for the guards in the instruments that belong to them."""

    metrics: Metrics

    def authenticated(self) -> None:
        self.metrics.auth.success.inc()

    def unauthenticated(self, reason: Literal["missing", "invalid", "error"]) -> None:
        self.metrics.auth.failure[reason].inc()

    def throttled(self, pattern: str) -> None:
        self.metrics.limits.exceeded(pattern)
