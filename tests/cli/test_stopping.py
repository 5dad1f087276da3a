"""How a run ends before its time: signals, passing trouble in a loop, a bug of ours."""

from __future__ import annotations

import asyncio
import os
import signal
from concurrent.futures import ThreadPoolExecutor

import pytest

from syncline.cli import session
from syncline.cli.run import disable, enable, run
from syncline.cli.session import OK, Options, perform
from syncline.cli.stopping import Stop
from syncline.engine.world import Progress
from syncline.errors import StopRequested
from tests.support.ground import Ground


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("signals", [1, 2])
def test_a_signal_ends_a_command(
    number: signal.Signals, code: int, signals: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first waits for a safe point, the second for nothing; both handlers are gone afterwards."""
    stop = Stop(finishes_batch=True)
    reached = []

    async def command() -> int:
        for _ in range(signals):
            os.kill(os.getpid(), number)
            for _ in range(5):  # the loop hears of a signal through a pipe
                await asyncio.sleep(0)
        reached.append("batch")
        stop.check()
        reached.append("after")
        return OK

    assert perform(Options(), command, stop) == code
    assert reached == (["batch"] if signals == 1 else [])
    assert "the next run continues" in capsys.readouterr().err
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_while_a_run_only_reads_the_first_signal_ends_it() -> None:
    stop = Stop(finishes_batch=True)
    show = session.Watching(Options(), stop)._show

    async def command(phases: list[str]) -> int:
        for phase in phases:
            show(Progress(phase, "crm.Lead", 0))
        os.kill(os.getpid(), signal.SIGINT)
        for _ in range(5):
            await asyncio.sleep(0)
        return OK

    assert perform(Options(), lambda: command(["observe"]), stop) == 130
    stop.by = None
    assert perform(Options(), lambda: command(["observe", "match"]), stop) == OK


def test_a_command_that_only_looks_ends_at_the_first_signal() -> None:
    async def command() -> int:
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.sleep(60)
        return OK

    assert perform(Options(), command) == 130


def test_a_signal_between_two_batches_loses_nothing(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    ground.syncline("init", "--create-fields")
    show = session.Watching._show
    writes = []

    def interrupting(watching: session.Watching, step: Progress) -> None:
        if step.phase == "write":
            writes.append(step)
            raise StopRequested
        show(watching, step)

    with monkeypatch.context() as patch:
        patch.setattr(session.Watching, "_show", interrupting)
        stopped = ground.syncline("run")
    assert (stopped.code, len(writes)) == (130, 1)
    assert "stopped by a signal" in ground.syncline("status").out
    ground.assert_recovers()


def test_sigterm_while_a_service_reads_is_its_ordinary_end(synced: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    show = session.Watching._show

    def interrupting(watching: session.Watching, step: Progress) -> None:
        show(watching, step)
        if step.phase == "observe":
            os.kill(os.getpid(), signal.SIGTERM)

    with monkeypatch.context() as patch:
        patch.setattr(session.Watching, "_show", interrupting)
        assert synced.syncline("run", "--every", "5m").code == 0
    assert "stopped by a signal" in synced.syncline("status").out
    synced.assert_recovers()


def _after_each_pause(monkeypatch: pytest.MonkeyPatch, *acts: object) -> list[float]:
    """Pauses take no time; after each the next of *acts* is called, and after the last SIGTERM comes."""
    pauses: list[float] = []

    async def pause(stop: Stop, seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) <= len(acts):
            act = acts[len(pauses) - 1]
            assert callable(act)
            act()
        else:
            stop.by = signal.SIGTERM
        stop.check()

    monkeypatch.setattr(Stop, "pause", pause)
    return pauses


def test_passing_trouble_is_shown_and_tried_again(synced: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    synced.instance("faults", {"name": "quota", "match": "/rest/v1/", "times": None})

    def pass_time() -> None:  # a day that was called over is asked about again after some minutes
        synced.served.clock.advance(300)

    def get_well() -> None:
        synced.faults_over()
        pass_time()

    pauses = _after_each_pause(monkeypatch, pass_time, get_well, pass_time)
    said = synced.syncline("run", "--every", "5m", "--json")
    assert said.code == 0  # SIGTERM is how a service ends
    assert pauses == [300.0] * 4
    codes = [line.count("SYN-330") for line in said.out.splitlines()]
    assert codes == [1, 1, 0, 0]
    synced.assert_recovers()


def test_what_a_person_must_put_right_ends_the_loop(synced: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses = _after_each_pause(monkeypatch, lambda: monkeypatch.setenv("CRM_SECRET", "changed"))
    assert synced.syncline("run", "--every", "30s").code == 4
    assert pauses == [30.0]
    monkeypatch.setenv("CRM_SECRET", "sandbox-secret")
    pauses = _after_each_pause(monkeypatch, lambda: (synced.folder / "syncline.yaml").write_text("syncs: ["))
    assert synced.syncline("run", "--every", "30s").code == 3
    synced.assert_recovers()


def test_the_state_is_free_during_the_pause(synced: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    said = []
    _after_each_pause(
        monkeypatch,
        lambda: said.append(_in_a_thread(synced, "disable")),
        lambda: said.append(_in_a_thread(synced, "enable")),
    )
    looped = synced.syncline("run", "--every", "5m", "--json")
    assert said == [0, 0]
    assert ['"state": "disabled"' in line for line in looped.out.splitlines() if line[0] == "{"] == [False, True, False]


def _in_a_thread(ground: Ground, command: str) -> int:
    """A second command meanwhile, on a loop of its own."""
    act = {"disable": disable, "enable": enable}[command]
    options = Options(config=ground.folder / "syncline.yaml", json=False)
    with ThreadPoolExecutor(1) as other:
        return other.submit(act, options=options).result()


def test_an_unforeseen_error_is_a_bug_of_ours_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(_: object) -> None:
        raise KeyError("hunter2")

    monkeypatch.setattr(session, "load_project", broken)
    for as_json in (False, True):
        assert run(options=Options(json=as_json)) == 70
        out, err = capsys.readouterr()
        assert "SYN-900" in out + err
        assert "KeyError" in out + err
        assert "hunter2" not in out + err
