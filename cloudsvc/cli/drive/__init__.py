"""Commands that look after the drive. What they need is loaded when one of them runs."""
