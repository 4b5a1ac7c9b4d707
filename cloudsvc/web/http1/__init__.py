"""HTTP/1.1 (RFC 9112): the channel, requests, bodies and connections."""
