"""
HTTP server: channel and request, the body as a stream, layers around the tree, guards on routes, errors.

Knows what every HTTP application needs and nothing of any particular one.
"""
