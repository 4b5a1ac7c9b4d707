"""Access control: API keys, client addresses behind proxies, rate limits."""
