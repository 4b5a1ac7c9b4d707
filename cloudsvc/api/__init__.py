"""The server's own routes: one module and one Klein app per area, made with :mod:`cloudsvc.extend` alone."""
