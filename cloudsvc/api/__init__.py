"""The server's own routes: one module, one Klein app per area, made of what :mod:`cloudsvc.extend` gives anyone."""
