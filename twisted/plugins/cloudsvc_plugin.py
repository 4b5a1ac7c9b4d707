"""Plugin of ``twistd`` and ``twist`` for the ``cloudsvc`` subcommand."""

from twisted.application.service import ServiceMaker

cloudsvc = ServiceMaker("cloudsvc", "cloudsvc.tap", "Your own cloud: an HTTPS server with an API.", "cloudsvc")
