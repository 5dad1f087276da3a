"""Settings by reference: "env:NAME", "file:PATH" and "stored" in the configuration, values only in memory.

Reads the environment it is given and the files it is told to; what is stored is opened by whoever holds the state
(`vault`). A resolved secret is never put into a message.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from syncline.errors import ConfigError
from syncline.ports import Manifest, Setting

_REFERENCE = ("env:", "file:")
STORED = "stored"
"""In place of a secret: it is sealed in the state."""

MOST_CHARACTERS = 100_000


def settings_of(
    name: str,
    given: Mapping[str, str | int | float | bool],
    manifest: Manifest,
    environ: Mapping[str, str],
    folder: Path = Path(),
) -> dict[str, str]:
    """The settings of connection *name* with references resolved and defaults applied; those in `stored_settings` are
    left out. Relative paths of references count from *folder*.

    Raises ConfigError, with every fault at once: SYN-140 an unknown setting, SYN-141 a required one missing, SYN-142 a
    secret written into the file, SYN-143 a reference that leads nowhere or to nothing, SYN-148 an http address of
    another machine.
    """
    faults = list(_unknown(name, given, manifest))
    out: dict[str, str] = {}
    stored = stored_settings(given, manifest)
    for setting in (one for one in manifest.settings if one.name not in stored):
        try:
            value = _value_of(name, setting, given.get(setting.name, setting.default), environ, folder)
        except ConfigError as fault:
            faults.append(fault)
        else:
            out |= {} if value is None else {setting.name: value}
    if faults:
        raise at_once(faults)
    return out


def stored_settings(given: Mapping[str, str | int | float | bool], manifest: Manifest) -> list[str]:
    """The secrets of a connection that the state keeps."""
    return [one.name for one in manifest.settings if one.is_secret and given.get(one.name) == STORED]


def at_once(faults: Sequence[ConfigError]) -> ConfigError:
    """Several faults as one error, a line each: nobody mends one to be shown the next. The first gives the code."""
    if len(faults) == 1:
        return faults[0]
    remedies = dict.fromkeys(fault.remedy for fault in faults if fault.remedy)
    return ConfigError("\n".join(fault.message for fault in faults), code=faults[0].code, remedy="\n  ".join(remedies))


def _unknown(name: str, given: Mapping[str, str | int | float | bool], manifest: Manifest) -> Iterator[ConfigError]:
    known = [setting.name for setting in manifest.settings]
    for key in given:
        if key != "type" and key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            yield ConfigError(
                f"Connection {name!r} has no setting {key!r}.",
                code="SYN-140",
                remedy=f"Did you mean {near[0]!r}?" if near else f"Known: {', '.join(known)}.",
            )


def _value_of(
    name: str, setting: Setting, value: str | int | float | bool | None, environ: Mapping[str, str], folder: Path
) -> str | None:
    """One setting's value; None if it is absent and may be."""
    if value is None:
        if setting.is_required:
            raise ConfigError(
                f"Connection {name!r} needs {setting.name!r} ({setting.label}).", code="SYN-141", remedy=setting.help
            )
        return None
    text = str(value)
    if setting.is_secret and not text.startswith(_REFERENCE):
        raise ConfigError(
            f"Connection {name!r}: {setting.name!r} is a secret and must not stand in the file.",
            code="SYN-142",
            remedy=f"Write {setting.name}: env:{name.upper()}_{setting.name.upper()} and set that variable, or write "
            f"{setting.name}: {STORED} and run `syncline secrets set {name} {setting.name}`.",
        )
    resolved = _resolved(name, setting.name, text, environ, folder)
    _refuse_open_road(name, setting.name, resolved)
    return resolved


_ON_THIS_MACHINE = ("127.0.0.1", "localhost", "::1")


def _refuse_open_road(connection: str, setting: str, text: str) -> None:
    """Secrets never travel in the clear: http is for this machine only."""
    if text.lower().startswith("http://") and urlsplit(text).hostname not in _ON_THIS_MACHINE:
        raise ConfigError(
            f"Connection {connection!r}: {setting!r} is an http address, and its secrets would travel in the clear.",
            code="SYN-148",
            remedy="Write https://; http is accepted for this machine (127.0.0.1, localhost) only.",
        )


def _resolved(connection: str, setting: str, text: str, environ: Mapping[str, str], folder: Path) -> str:
    """What *text* refers to, without the white space around it; *text* itself if it is no reference."""
    who = f"Connection {connection!r}: {setting!r} refers to"
    if text.startswith("env:"):
        variable = text.removeprefix("env:").strip()
        value = environ.get(variable, "").strip()
        if not value:
            state = "empty" if variable in environ else "not set"
            raise ConfigError(
                f"{who} the variable {variable}, which is {state}.", code="SYN-143", remedy=f"export {variable}=…"
            )
        return value
    if text.startswith("file:"):
        return _from_file(who, folder / text.removeprefix("file:").strip())
    return text


def _from_file(who: str, path: Path) -> str:
    try:
        with path.open(encoding="utf-8") as file:
            value = file.read(MOST_CHARACTERS + 1).strip()
    except OSError as error:
        raise ConfigError(f"{who} {path}, which cannot be read: {error.strerror}.", code="SYN-143") from error
    except UnicodeDecodeError:
        raise ConfigError(f"{who} {path}, which is not text.", code="SYN-143") from None
    if not value or len(value) > MOST_CHARACTERS:
        state = "too long for a secret" if value else "empty"
        raise ConfigError(f"{who} {path}, which is {state}.", code="SYN-143")
    return value
