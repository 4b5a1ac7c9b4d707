"""Webhooks: what happens in the drive is posted to other programs, by the convention of Standard Webhooks."""
