"""The console script's first step: an interrupt while the libraries load ends as any other does."""

from __future__ import annotations

import sys


def main() -> None:
    """Load the command line and run it; 130 when interrupted before it is there."""
    try:
        from syncline.cli.main import main as run  # loading takes a second: it belongs inside
    except KeyboardInterrupt:
        sys.exit(130)
    run()
