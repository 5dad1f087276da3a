"""What rolling verification claims: how many pairs agreed when they were last looked at, and how old that is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console

from syncline.cli.screens.common import some
from syncline.engine.agreement import Looked

NOT_COVERED = "Records in no pair are not covered: `syncline verify` reads both systems whole."


def agreement_words(told: Mapping[str, Any]) -> list[str]:
    """The claim (`agreement_as_dict`) in sentences, as markup."""
    if not told["pairs"] and not told["oldest_look_seconds_ago"]:
        what = "No pair has been looked at anew yet" if told["links"] else "There is no pair yet"
        return [f"{what} (`syncline agreement --look`)."]
    share, pairs = told["percent"], f"{told['pairs']:,} {'pair' if told['pairs'] == 1 else 'pairs'}"
    colour = "green" if told["agreeing"] == told["pairs"] else "yellow"
    if told["oldest_look_seconds_ago"] is not None:
        age = f", the oldest look {ago(told['oldest_look_seconds_ago'])}"
    else:
        age = f"; {told['links']:,} there are, and the first round is not over"
    out = [f"[{colour}]{share} %[/] of {pairs} agreed when last looked at{age}."]
    if told["explained"]:
        out.append(f"{some(told['explained'], 'pair')} differed for a known reason (`syncline explain`).")
    if told["differing"]:
        out.append(f"[yellow]{some(told['differing'], 'pair')} differed[/] and went to the next plan.")
    return out


def ago(seconds: float) -> str:
    """How long ago, in the largest unit that leaves two."""
    for unit, size in (("days", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit} ago"
    return f"{seconds:.0f} s ago"


def agreement_screen(out: Console, told: Mapping[str, Any]) -> None:
    for words in agreement_words(told):
        out.print(words, soft_wrap=True)
    out.print(f"[dim]{NOT_COVERED}[/]", soft_wrap=True)


def looked_screen(out: Console, looked: Looked) -> None:
    """What one look found."""
    if not looked.buckets:
        out.print(f"Nothing was looked at: the next pairs take {looked.needed} calls (--calls).")
        return
    corrected = f"; {some(looked.corrected, 'record')} had changed unnoticed" if looked.corrected else ""
    out.print(
        f"Looked at {some(looked.pairs, 'pair')} in {some(looked.calls, 'API call')}: {looked.agreeing} agree, "
        f"{looked.explained} differ for a known reason, {looked.differing} differ{corrected}.",
        soft_wrap=True,
    )
    if looked.differing:
        out.print("→ The next plan takes them up: `syncline plan`, then `syncline run`.")
