"""The site, of all applications and all layers, as the configuration has it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from inspect import getdoc
from typing import Any, Literal

from attrs import frozen
from twisted.internet.interfaces import IReactorTime
from twisted.web.resource import IResource

from cloudsvc import __version__
from cloudsvc.access.clients import Clients
from cloudsvc.access.credentials import BearerToken, KeyHeader
from cloudsvc.access.keys import KeyRing
from cloudsvc.access.throttling import Throttle
from cloudsvc.api.documentation import Documentation
from cloudsvc.extend import Application
from cloudsvc.observe.access_log import AccessLog
from cloudsvc.observe.lines import LogFormat
from cloudsvc.observe.logs import LogWriter
from cloudsvc.observe.metrics import Metrics
from cloudsvc.settings.home import Home
from cloudsvc.settings.model import Settings
from cloudsvc.web.bounds import ConnectionBounds, HeadBounds
from cloudsvc.web.connections import Connections
from cloudsvc.web.guards import Gate
from cloudsvc.web.layers import Layer
from cloudsvc.web.layers.cors import CrossOrigin, Sharing
from cloudsvc.web.layers.identification import Identification
from cloudsvc.web.layers.observation import Observation
from cloudsvc.web.layers.standard_headers import StandardHeaders
from cloudsvc.web.openapi import DescribedRoute, describe
from cloudsvc.web.operations import operation_of
from cloudsvc.web.resources import Missing, RouteResource, Tree
from cloudsvc.web.responses import Codec
from cloudsvc.web.site import Site
from cloudsvc.web.static_files import StaticFiles


@frozen(kw_only=True)
class Serving:
    """
    Makes the site of a server.

    :ivar home: what relative paths in ``settings`` begin at.
    :ivar writer: where the lines of the access log go.
    """

    settings: Settings
    home: Home
    clock: IReactorTime
    clients: Clients
    keys: KeyRing
    throttle: Throttle | None
    metrics: Metrics
    writer: LogWriter

    def make_site(self, applications: Sequence[Application[Any]]) -> Site:
        """Where requests are answered by ``applications``, and those to other paths by files, if there are any."""
        settings = self.settings
        gate = Gate(
            sources=(KeyHeader(self.keys), BearerToken(self.keys)),
            configured=self.keys.configured,
            throttle=self.throttle,
            metrics=_GuardMetrics(metrics=self.metrics),
            now=time.time,
        )
        json, bounds, http = settings.json_response, settings.connections, settings.http
        return Site(
            self._make_tree(applications),
            layers=self._make_layers(),
            gate=gate,
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
                    per_client=bounds.per_client,
                    header_seconds=bounds.header_seconds,
                    idle_seconds=bounds.idle_seconds,
                    body_bytes_per_second=bounds.body_bytes_per_second,
                    stall_seconds=bounds.stall_seconds,
                ),
                clock=self.clock,
                clients=self.clients,
            ),
            head_bounds=HeadBounds(
                line_bytes=http.line_bytes,
                total_bytes=http.header_bytes,
                fields=http.header_count,
                query_bytes=http.query_bytes,
            ),
            body_bytes=http.body_bytes,
            clock=self.clock,
        )

    def _make_layers(self) -> list[Layer]:
        """The one fixed order: the first to see a request is the first to complete its answer."""
        security, cors = self.settings.security, self.settings.cors
        logging = self.settings.logging
        access_log = AccessLog(self.writer, LogFormat(logging.format), time.time, logging.level)
        layers: list[Layer] = [
            Identification(self.clients),
            Observation(self.metrics.http, access_log),
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

    def _make_tree(self, applications: Sequence[Application[Any]]) -> Tree:
        mounts: dict[str, IResource] = {}
        for application in applications:
            mounts.update(dict.fromkeys(application.mounts, RouteResource(application)))
            if isinstance(application, Documentation):
                application.publish(describe_applications(applications, self.settings.json_response.media_type))
        directory = self.settings.static.directory
        return Tree(
            mounts=mounts,
            others=Missing() if directory is None else StaticFiles(self.home.resolve(directory)),
        )


def describe_applications(applications: Sequence[Application[Any]], media_type: str) -> dict[str, Any]:
    """The OpenAPI description of everything that ``applications`` answer, with messages of this ``media_type``."""
    routes = [
        DescribedRoute(tag=application.name, operation=operation_of(application.app.endpoints[rule.endpoint]))
        for application in applications
        for rule in application.app.url_map.iter_rules()
    ]
    return describe(
        routes,
        title="cloudsvc",
        version=__version__,
        summary="Your own cloud.",
        tags={application.name: (getdoc(application) or "").partition("\n\n")[0] for application in applications},
        media_type=media_type,
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
