"""OpenID Connect: signing in by what an identity provider says (OpenID Connect Core 1.0, as a relying party)."""
