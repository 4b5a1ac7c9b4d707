"""Bounds of webhooks."""

from __future__ import annotations

from typing import Final

MAX_WEBHOOKS: Final = 1_000
"""Of everybody. For each there is a follower of the changes in the process that delivers."""

MAX_OWN_WEBHOOKS: Final = 20
"""Of one user, or of one program, or of the owner."""

MAX_ATTEMPTS: Final = 50
"""The last ones of a webhook that are remembered."""

MAX_FLIGHTS: Final = 32
"""Messages on their way at once, of all webhooks; one of each."""

MAX_OWN_FLIGHTS: Final = 4
"""Of these, messages to webhooks of one maker."""

MAX_TESTS: Final = 4
"""Test messages on their way at once, in one process: whoever asks for one waits for the answer."""

MAX_OVERLAP: Final = 30 * 24 * 60 * 60
"""Seconds for which a former secret goes on signing beside its successor."""

FAILING_SECONDS: Final = 5 * 24 * 60 * 60
"""Seconds without a success after which a webhook is given up."""
