"""Public interface of the audit for front ends that show it. Nothing has to be done to be in it: every route is."""

from __future__ import annotations

from cloudsvc.audit.entries import Entry, Outcome, Wanted
from cloudsvc.audit.reading import AuditReader

__all__ = ["AuditReader", "Entry", "Outcome", "Wanted"]
