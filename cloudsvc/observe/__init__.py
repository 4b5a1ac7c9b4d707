"""Observability: logs, metrics, health checks."""
