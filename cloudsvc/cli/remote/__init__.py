"""Commands that ask a server over HTTPS. What they need is loaded when one of them runs."""
