"""A bite: what switches one rule off, the scenario that must then fail, and the words of the assertion that fails."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.scenarios.conftest import MakeStage
from tests.scenarios.rules_off import Off

NATIVE, RECOMMENDED = {"preset": "native"}, {"preset": "recommended"}


@dataclass(frozen=True, kw_only=True)
class Bite:
    """`off` switches the rule off; `scenario` must then fail with an assertion that says `says`."""

    number: str
    scenario: Callable[..., None]
    off: Off
    says: str
    given: dict[str, Any] = field(default_factory=dict)

    def bites(self, make_stage: MakeStage, patch: pytest.MonkeyPatch) -> None:
        """AssertionError when the scenario passes without its rule, or fails for another reason."""
        self.off(patch)
        with pytest.raises(AssertionError, match=re.escape(self.says)):
            self.scenario(make_stage, **self.given)


def each(bites: Sequence[Bite]) -> pytest.MarkDecorator:
    """Parametrizes a test by *bites*, named by their numbers."""
    return pytest.mark.parametrize("bite", bites, ids=[bite.number.replace(" ", "-") for bite in bites])
