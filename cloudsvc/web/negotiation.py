"""Content negotiation by media type (RFC 9110 section 12.5.1)."""

from __future__ import annotations

from collections.abc import Sequence

from cloudsvc.web.weights import read_weights


def choose_type(accept: str | None, offers: Sequence[str]) -> str:
    """
    The one of ``offers``, media types without parameters, that ``accept`` likes best: by its weight, then by how
    exactly it is named. The first one where nothing else is said, or where none is liked: an answer of another type
    serves a client better than a refusal.
    """
    ranges = read_weights(accept or "")
    best, best_rank = offers[0], (0.0, 0)
    for offer in offers:
        names = (offer, f"{offer.partition('/')[0]}/*", "*/*")
        named = next((place for place, name in enumerate(names) if name in ranges), None)
        if named is not None:
            rank = (ranges[names[named]], -named)
            if rank[0] > 0 and (best_rank[0] == 0 or rank > best_rank):
                best, best_rank = offer, rank
    return best
