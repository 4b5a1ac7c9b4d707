"""Origins of requests: whether the page that sends one is this server's own (RFC 6454; Fetch Metadata)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cloudsvc.web.errors import HTTPError

if TYPE_CHECKING:
    from cloudsvc.web.http1.request import Request

_OURS: Final = (b"same-origin", b"none")
"""What ``Sec-Fetch-Site`` says of our own pages, and of what no page has sent."""

_TLS_PORT: Final = b":443"


def check_same_origin(request: Request) -> None:
    """
    See that a request comes from a page of this server, as browsers say and pages cannot forge.

    ``Sec-Fetch-Site`` decides where it is sent, or else ``Origin``, which has to be ``https`` and what ``Host`` says: a
    browser keeps our cookies from whatever is not TLS, in front of proxies as well, and these have to leave ``Host`` as
    it was sent.

    :raises HTTPError: 403, it does not, or nobody can tell.
    """
    headers = request.requestHeaders
    sites, origins, hosts = (headers.getRawHeaders(name, ()) for name in (b"sec-fetch-site", b"origin", b"host"))
    if sites:
        is_ours = len(sites) == 1 and sites[0] in _OURS
    else:
        is_ours = len(origins) == len(hosts) == 1 and origins[0] == b"https://" + _strip(hosts[0])
    if not is_ours:
        raise HTTPError(
            403,
            "cross_origin",
            "With a session, only pages of this server change anything: send Sec-Fetch-Site or Origin, as browsers do,"
            " or a key.",
        )


def _strip(host: bytes) -> bytes:
    """``host`` as an origin has it: in lower case, without the port that goes without saying."""
    return host.lower().removesuffix(_TLS_PORT)
