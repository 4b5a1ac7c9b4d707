"""nginx with a constant answer, one process, no access log: the ceiling."""

from __future__ import annotations

import os

from bench.peers.setup import BODY, HOST, Setup

CONFIG = """
daemon off;
master_process off;
pid {directory}/nginx.pid;
error_log {directory}/error.log;
events {{ worker_connections 8192; }}
http {{
    access_log off;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    keepalive_requests 1000000000;
    server {{
        listen {host}:{port} ssl;
        ssl_certificate {certificate};
        ssl_certificate_key {key};
        ssl_protocols TLSv1.3;
        location / {{ default_type application/json; return 200 '{body}'; }}
    }}
}}
"""


def main() -> None:
    """Become nginx."""
    setup = Setup.from_environment()
    config = setup.directory / "nginx.conf"
    config.write_text(CONFIG.format(host=HOST, body=BODY.decode(), **setup._asdict()))
    log = str(setup.directory / "error.log")
    os.execlp("nginx", "nginx", "-e", log, "-c", str(config))  # noqa: S606, S607 - nginx lies where the system has it


if __name__ == "__main__":
    main()
