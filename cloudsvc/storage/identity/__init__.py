"""Stores of users, groups and keys."""
