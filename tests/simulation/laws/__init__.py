"""What must hold when a history has come to rest. The truth is the chronicle's: what the engine believes is judged.

Each law is a generator of sentences about what breaks it. The engine's own tables are asked only for what it claims:
which records it holds for one person, which losing values it kept, and why two values may differ (`claims`).
"""

from __future__ import annotations

from tests.simulation.laws import agreement, books, ends, told
from tests.simulation.laws.claims import Claims
from tests.simulation.stage import Stage

LAWS = (*agreement.LAWS, *ends.LAWS, *books.LAWS, *told.LAWS)


async def judge(stage: Stage) -> None:
    """Add every broken law to the stage's complaints."""
    claims = await Claims.of(stage)
    for law in LAWS:
        stage.complaints += [f"{law.__name__.strip('_')}: {text}" for text in law(claims)]
    stage.window_losses = len(claims.window_losses)
