"""Requests that the server makes itself, to addresses that somebody else has named."""
