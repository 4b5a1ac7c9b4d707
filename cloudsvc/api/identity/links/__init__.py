"""Routes of links: to manage them, and for whoever visits by them."""
