"""Settings by reference, and the roads secrets may travel."""

from __future__ import annotations

import pytest

from syncline.connectors.settings import settings_of
from syncline.errors import ConfigError
from syncline.ports import Manifest, Setting

MANIFEST = Manifest(
    name="made-up",
    label="Made up",
    settings=(
        Setting(name="url", label="Address", help=""),
        Setting(name="secret", label="Secret", help="", is_secret=True, is_required=False),
    ),
    object_types=(),
)


@pytest.mark.parametrize(
    "url", ["https://acme.example", "http://127.0.0.1:8810", "http://localhost:1", "http://[::1]:9"]
)
def test_https_anywhere_and_http_on_this_machine_are_accepted(url: str) -> None:
    assert settings_of("crm", {"url": url}, MANIFEST, {})["url"] == url


@pytest.mark.parametrize(
    "url", ["http://acme.example", "http://10.0.0.5:8810", "HTTP://acme.example", "http://127.0.0.1.evil.example"]
)
def test_http_to_another_machine_is_refused(url: str) -> None:
    with pytest.raises(ConfigError) as refused:
        settings_of("crm", {"url": "env:ADDRESS"}, MANIFEST, {"ADDRESS": url})
    assert refused.value.code == "SYN-148"


def test_every_fault_of_a_connection_is_told_at_once() -> None:
    given: dict[str, str | int | float | bool] = {"ulr": "https://x.example", "secret": "plain"}
    with pytest.raises(ConfigError) as refused:
        settings_of("crm", given, MANIFEST, {})
    assert refused.value.code == "SYN-140"
    lines = refused.value.message.splitlines()
    assert len(lines) == 3
    assert "'ulr'" in lines[0]
    assert "needs 'url'" in lines[1]
    assert "is a secret" in lines[2]
