"""What the test's own process shares with those it forks. `acting` is theirs alone: it changes what `wiring` builds."""

from __future__ import annotations

from syncline.demo.sandboxes import Control, Sandboxes

LEASE_SECONDS = 2.0


def sandboxes_at(urls: list[str]) -> Sandboxes:
    salesforce, marketo = (Control(name, url) for name, url in zip(("salesforce", "marketo"), urls, strict=True))
    return Sandboxes(salesforce, marketo, {})
