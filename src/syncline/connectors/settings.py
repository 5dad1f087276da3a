"""Settings by reference: "env:NAME" and "file:PATH" in the configuration, values only in memory.

Reads the environment it is given and the files it is told to. A resolved secret is never put into a
message.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path

from syncline.errors import ConfigError
from syncline.ports import Manifest

_REFERENCE = ("env:", "file:")


def settings_of(
    name: str, given: Mapping[str, str | int | bool], manifest: Manifest, environ: Mapping[str, str]
) -> dict[str, str]:
    """The settings of connection *name* with references resolved and defaults applied.

    Raises ConfigError: SYN-140 an unknown setting, SYN-141 a required one missing, SYN-142 a secret written into the
    file, SYN-143 a reference that leads nowhere.
    """
    known = {setting.name: setting for setting in manifest.settings}
    for key in given:
        if key != "type" and key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            raise ConfigError(
                f"Connection {name!r} has no setting {key!r}.",
                code="SYN-140",
                remedy=f"Did you mean {near[0]!r}?" if near else f"Known: {', '.join(known)}.",
            )
    out: dict[str, str] = {}
    for setting in manifest.settings:
        value = given.get(setting.name, setting.default)
        if value is None:
            if setting.is_required:
                raise ConfigError(
                    f"Connection {name!r} needs {setting.name!r} ({setting.label}).",
                    code="SYN-141",
                    remedy=setting.help,
                )
            continue
        text = str(value)
        if setting.is_secret and not text.startswith(_REFERENCE):
            raise ConfigError(
                f"Connection {name!r}: {setting.name!r} is a secret and must not stand in the file.",
                code="SYN-142",
                remedy=f"Write {setting.name}: env:{name.upper()}_{setting.name.upper()} and set that variable.",
            )
        out[setting.name] = _resolved(name, setting.name, text, environ)
    return out


def _resolved(connection: str, setting: str, text: str, environ: Mapping[str, str]) -> str:
    if text.startswith("env:"):
        variable = text.removeprefix("env:")
        if variable not in environ:
            raise ConfigError(
                f"Connection {connection!r}: {setting!r} refers to the variable {variable}, which is not set.",
                code="SYN-143",
                remedy=f"export {variable}=…",
            )
        return environ[variable]
    if text.startswith("file:"):
        path = Path(text.removeprefix("file:"))
        try:
            return path.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise ConfigError(
                f"Connection {connection!r}: {setting!r} refers to {path}, which cannot be read: {error.strerror}.",
                code="SYN-143",
            ) from error
    return text
