"""The `syncline` command: its sub-commands, and nothing else."""

from __future__ import annotations

import sys
from importlib.metadata import version

from cyclopts import App

from syncline.cli import (
    actions,
    agreement,
    demo,
    erase,
    identity,
    inbox,
    look,
    moving,
    plans,
    run,
    schedule,
    secrets,
    setup,
    undo,
    work,
)

app = App(
    name="syncline",
    help="Keeps people in Salesforce and Marketo in agreement.",
    version=lambda: version("syncline"),
)

app.command(setup.init)
app.command(setup.check)
app.command(plans.plan)
app.command(plans.approve)
app.command(plans.apply)
app.command(run.run)
app.command(work.up)
app.command(work.worker)
app.command(work.workers)
app.command(work.runs)
app.command(schedule.schedule)
app.command(schedule.pause)
app.command(schedule.resume)
app.command(run.push)
app.command(actions.owner)
app.command(actions.task)
app.command(actions.convert)
app.command(actions.delete)
app.command(undo.undo)
app.command(run.enable)
app.command(run.disable)
app.command(look.status)
app.command(look.explain)
app.command(look.verify)
app.command(agreement.agreement)
app.command(inbox.conflicts)
app.command(inbox.errors)
app.command(inbox.holds)
app.command(inbox.retry)
app.command(identity.resolve)
app.command(inbox.thaw)
app.command(erase.erase)
app.command(moving.backup)
app.command(moving.restore)
app.command(moving.migrate)
app.command(secrets.app)
app.command(setup.schema)
app.command(demo.demo)
app.register_install_completion_command()


def main() -> None:
    """Entry point of the console script; a command's return value is the exit code."""
    app(sys.argv[1:])


if __name__ == "__main__":
    main()
