"""How bytes arrive: endpoint strings, the certificate (made, loaded, reloaded) and the probe that checks both."""
