"""Requests that the server makes itself: to webhooks, which anybody may have named, and to identity providers."""
