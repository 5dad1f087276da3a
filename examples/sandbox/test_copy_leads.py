"""How `copy_leads` is tested: against sandboxes that pytest starts, with data, time and failures as each test wants.

`pip install ./sandbox pytest`, from the root of a clone, brings the fixtures; `pytest` in this folder, or in a copy of
it, runs the tests.
"""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from copy_leads import System, copy_leads

from syncline_sandbox.testing import Running, marketo_instance, salesforce_org

NEVER = "2000-01-01T00:00:00Z"
SMITH = {"LastName": "Smith", "Company": "Acme", "Email": "smith@example.com"}


def system(sandbox: Running) -> System:
    return System(sandbox.url, sandbox.credentials["client_id"], sandbox.credentials["client_secret"])


def companies(marketo: Running) -> list[str]:
    """What Marketo holds about Smith."""
    wanted = {"field": "email", "values": ["smith@example.com"], "fields": ["company"]}
    return [person["company"] for person in marketo.control("POST", "people/read", wanted)]


@pytest.mark.sandbox_seed("demo")
def test_every_lead_of_a_larger_world_is_copied(salesforce_sandbox: Running, marketo_sandbox: Running) -> None:
    assert copy_leads(system(salesforce_sandbox), system(marketo_sandbox), NEVER) == 300


def test_only_what_changed_since(salesforce_sandbox: Running, marketo_sandbox: Running) -> None:
    salesforce_sandbox.freeze(datetime(2026, 3, 1, tzinfo=UTC))
    salesforce_sandbox.control("POST", "seed", {"Lead": [SMITH, {**SMITH, "Email": "other@example.com"}]})
    noon = salesforce_sandbox.advance(12 * 3600).strftime("%Y-%m-%dT%H:%M:%SZ")
    salesforce_sandbox.advance(60)
    salesforce_sandbox.control("POST", "seed", {"Lead": [{**SMITH, "Company": "Beta"}]})
    assert copy_leads(system(salesforce_sandbox), system(marketo_sandbox), noon) == 1
    assert companies(marketo_sandbox) == ["Beta"]


@pytest.mark.parametrize("fault", ["lost_reply", "half_body", "html_page", "rate_limit", "expired_token"])
def test_a_write_that_goes_wrong_is_sent_again_and_makes_nobody_twice(
    fault: str, salesforce_sandbox: Running, marketo_sandbox: Running
) -> None:
    salesforce_sandbox.control("POST", "seed", {"Lead": [SMITH]})
    marketo_sandbox.fault(fault, match="^POST /rest/v1/leads.json")
    copy_leads(system(salesforce_sandbox), system(marketo_sandbox), NEVER)
    assert companies(marketo_sandbox) == ["Acme"]
    assert [entry["faults"] for entry in marketo_sandbox.requests() if "leads.json" in entry["path"]] == [[fault], []]


def test_a_service_that_stays_away_is_told() -> None:
    """The same without fixtures, for other test frameworks."""
    with salesforce_org({"salesforce": [{"seed": {"Lead": [SMITH]}}]}) as salesforce, marketo_instance() as marketo:
        marketo.fault("http_status", match="leads.json", times=None, parameters={"status": 503})
        with pytest.raises(RuntimeError, match="503"):
            copy_leads(system(salesforce), system(marketo), NEVER)
