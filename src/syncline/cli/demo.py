"""The demo command: two sandboxes, ten thousand misspelt people, a day of life."""

from __future__ import annotations

import asyncio
from typing import Annotated

from cyclopts import Parameter, validators

from syncline.cli.output import console, print_json
from syncline.cli.screens.demo import Story
from syncline.cli.session import NOT_GREEN, OK, Options, perform
from syncline.cli.stopping import Stop
from syncline.demo.narrator import Narrator
from syncline.demo.play import play


def demo(
    *,
    seed: int = 1,
    people: Annotated[
        int | None, Parameter(validator=validators.Number(gte=300, lte=5_000), show_default=False)
    ] = None,
    json: Annotated[bool, Parameter(negative=(), show_default=False)] = False,
) -> int:
    """Start a Salesforce org and a Marketo instance on this machine, fill them with the same 5,000 people, misspelt on
    one side, bring them into agreement through a day of life, and prove that they agree.

    Needs no account and leaves nothing behind: what it starts it stops, what it stores is gone at the end.

    Parameters
    ----------
    seed
        Another seed makes another demo of the same people: other addresses, other accounts, another day.
    people
        Take fewer people, 300 at least: a quicker look.
    json
        Print the measurements as one JSON object instead of the story.
    """
    stop = Stop()

    async def command() -> int:
        try:
            if json:
                outcome = await play(seed, people, Narrator())
                print_json(outcome.as_dict())
            else:
                with Story(console()) as story:
                    outcome = await play(seed, people, story)
        except asyncio.CancelledError:
            console(stderr=True).print("Stopped. Both sandboxes have ended and nothing is left of the demo.")
            return stop.exit_code
        return NOT_GREEN if outcome.broken_promises else OK

    return perform(Options(json=json), command, stop)
