"""TLS: the certificate authority, certificates and their files, renewal and reloading."""
