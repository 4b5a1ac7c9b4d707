"""Commands of users, groups and keys."""
