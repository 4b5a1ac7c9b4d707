"""HTTP API of users, groups and keys."""

from __future__ import annotations

from cloudsvc.api.identity.application import IdentityApplication

__all__ = ["IdentityApplication"]
