"""nginx with the files of a folder, one process, sendfile, no access log."""

from __future__ import annotations

import os

from bench.peers.setup import BODY, HOST, Setup

CONFIG = """
daemon off;
master_process off;
pid {directory}/nginx.pid;
error_log {directory}/error.log;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    server {{
        listen {host}:{port} ssl;
        ssl_certificate {certificate};
        ssl_certificate_key {key};
        ssl_protocols TLSv1.3;
        location = /api/login {{ default_type application/json; return 200 '{body}'; }}
        location / {{ root {directory}/files; default_type application/octet-stream; }}
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
