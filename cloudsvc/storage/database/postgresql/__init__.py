"""PostgreSQL: what it alone has, which are connections that are lost, locks, and others elsewhere who write."""
