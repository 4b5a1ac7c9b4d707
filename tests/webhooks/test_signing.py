"""Signatures, as Standard Webhooks has them."""

from __future__ import annotations

import time

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from cloudsvc.core.secrets import Secret
from cloudsvc.webhooks.signing import make_secret, sign


def test_the_example_of_the_convention() -> None:
    fields = sign(
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1_614_265_330,
        b'{"test": 2432232314}',
        [Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")],
    )
    assert fields == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_each_secret_verifies_what_was_signed_with_it() -> None:
    first, second, other = make_secret(), make_secret(), make_secret()
    content = '{"ü": 1}'.encode()
    fields = sign("msg_1", int(time.time()), content, [first, second])
    for secret in (first, second):
        assert Webhook(secret.reveal()).verify(content, fields) == {"ü": 1}
    with pytest.raises(WebhookVerificationError):
        Webhook(other.reveal()).verify(content, fields)
    for changed in ({"webhook-id": "msg_2"}, {"webhook-timestamp": str(int(time.time()) - 1)}):
        with pytest.raises(WebhookVerificationError):
            Webhook(first.reveal()).verify(content, {**fields, **changed})


def test_a_secret_is_as_long_as_the_convention_asks_for() -> None:
    secret = make_secret()
    assert secret.reveal().startswith("whsec_")
    assert len(secret.reveal()) == len("whsec_") + 44
    assert secret != make_secret()
    assert secret.reveal() not in repr(secret)
