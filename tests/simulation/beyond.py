"""Planted defects that no history of the simulation can find, each with the reason.

Lives here: the reasons. What is found is in `found.json`.
"""

from __future__ import annotations

_POLLED = "by nature not: polling finds what the stream left out, only later, and every history ends with polls"

BEYOND: dict[str, str] = {
    "a gap ignored": _POLLED,
    "a stream's position before its effects": _POLLED,
    "a lost row is not missed": "an alarm is off: nothing is lost by that alone, and a history plants one defect only",
    "one spelling for both sides": "neither system spells what is written there its own way in a history",
    "alias not followed": "the next step follows the next heir: it only takes longer, and steps end every history",
    "an erased person comes back": "nobody is erased in a history",
    "empty side believed": "who is out of sight loses sight and not life: nothing follows, and verification finds them",
    "two writes in flight": "the state refuses a second one by itself: whoever tries ends before anything is sent",
    "a look that cannot be ordered lets a write go": "one vendor compares, the other tells of every change it made: "
    "what is written over is logged",
    "a fresh contact says no": "a blank without a base is filled and consent has a rule of its own; no other field of "
    "a history has a default that is a value",
}
