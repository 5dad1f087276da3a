"""The demo command: two sandboxes, and a story in them that ends with the proof."""

from __future__ import annotations

import asyncio
from enum import StrEnum
from typing import Annotated

from cyclopts import Parameter, validators

from syncline.cli.output import console, print_json
from syncline.cli.screens.demo import Story
from syncline.cli.screens.lifecycle import LifeStory
from syncline.cli.session import NOT_GREEN, OK, Options, perform
from syncline.cli.stopping import Stop
from syncline.demo.life.narrator import LifeNarrator
from syncline.demo.life.outcome import LifeOutcome
from syncline.demo.life.play import play_life
from syncline.demo.narrator import Narrator
from syncline.demo.outcome import Outcome
from syncline.demo.play import play
from syncline.errors import ConfigError


class Chapter(StrEnum):
    """What the demo tells."""

    DAY = "day"  # thousands of people, a first copy and a day of edits
    LIFECYCLE = "lifecycle"  # five people, from their first record to the last


def demo(
    *,
    chapter: Chapter = Chapter.DAY,
    seed: int = 1,
    people: Annotated[
        int | None, Parameter(validator=validators.Number(gte=300, lte=5_000), show_default=False)
    ] = None,
    json: Annotated[bool, Parameter(negative=(), show_default=False)] = False,
) -> int:
    """Start a Salesforce org and a Marketo instance on this machine and play a story in them. Chapter *day*: 5,000
    people, misspelt on one side, are brought into agreement and live through a day of edits. Chapter *lifecycle*: five
    people are converted, merged, deleted, brought back, given other owners, forgotten. Each ends with the proof
    that both agree.

    Needs no account and leaves nothing behind: what it starts it stops, what it stores is gone at the end.

    Parameters
    ----------
    chapter
        The story to play.
    seed
        Another seed makes another demo: in the day other addresses, other accounts, another script; in the lifecycle
        other ids only.
    people
        Of the day only: take fewer people, 300 at least. A quicker look.
    json
        Print the measurements as one JSON object instead of the story.
    """
    stop = Stop()

    async def command() -> int:
        try:
            outcome = await _day(seed, people, json) if chapter is Chapter.DAY else await _lifecycle(seed, people, json)
        except asyncio.CancelledError:
            console(stderr=True).print("Stopped. Both sandboxes have ended and nothing is left of the demo.")
            return stop.exit_code
        if json:
            print_json(outcome.as_dict())
        return NOT_GREEN if outcome.broken_promises else OK

    return perform(Options(json=json), command, stop)


async def _day(seed: int, people: int | None, is_silent: bool) -> Outcome:
    if is_silent:
        return await play(seed, people, Narrator())
    with Story(console()) as story:
        return await play(seed, people, story)


async def _lifecycle(seed: int, people: int | None, is_silent: bool) -> LifeOutcome:
    if people is not None:
        raise ConfigError(
            "The lifecycle is the story of five people; --people belongs to the day.",
            code="SYN-156",
            remedy="Leave out --people, or take --chapter day.",
        )
    if is_silent:
        return await play_life(seed, LifeNarrator())
    with LifeStory(console()) as story:
        return await play_life(seed, story)
