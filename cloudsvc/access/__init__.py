"""Who may do how much: keys, clients behind proxies, throttling."""
