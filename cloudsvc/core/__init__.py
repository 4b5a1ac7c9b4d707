"""Foundations that every room may use: errors, actors, secrets, time. Imports nothing of cloudsvc."""
