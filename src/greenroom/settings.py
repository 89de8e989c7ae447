"""The only reader of the environment.

A setting comes from a flag, else from `GREENROOM_<NAME>`, else from `greenroom.toml` in the data folder, else
from its default.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from greenroom.domain.errors import Fault, Invalid

PREFIX = "GREENROOM_"
FILE = "greenroom.toml"
DEFAULT_DATA_DIR = "greenroom-data"
NAMES = ("host", "port", "workers", "database_url", "bootstrap_key", "log_level")


@dataclass(frozen=True, slots=True)
class Settings:
    """How one server runs."""

    host: str
    port: int
    workers: int
    data_dir: Path
    database_url: str
    bootstrap_key: str | None
    log_level: str


def read_settings(**flags: Any) -> Settings:
    """Returns the settings; flags that are None were not given. Raises Invalid `invalid_setting`."""
    data_dir = Path(flags.pop("data_dir", None) or os.environ.get(PREFIX + "DATA_DIR") or DEFAULT_DATA_DIR)
    file = _read_file(data_dir / FILE)

    def pick(name: str, default: Any) -> Any:
        if flags.get(name) is not None:
            return flags[name]
        return os.environ.get(PREFIX + name.upper()) or file.get(name, default)

    return Settings(
        host=str(pick("host", "127.0.0.1")),
        port=_number("port", pick("port", 8700), 0, 65_535),
        workers=_number("workers", pick("workers", 1), 1, 64),
        data_dir=data_dir,
        database_url=str(pick("database_url", f"sqlite:///{(data_dir / 'greenroom.db').absolute()}")),
        bootstrap_key=pick("bootstrap_key", None),
        log_level=str(pick("log_level", "warning")).lower(),
    )


def spare_cores() -> None:
    """Keeps matrix work to one thread, unless the operator says otherwise. Call before numpy is imported.

    Its matrices are small: more threads cost more than they bring and take the cores from callers.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def hand_down(settings: Settings) -> None:
    """Puts settings into this process's environment, where worker processes read them."""
    os.environ[PREFIX + "DATA_DIR"] = str(settings.data_dir)
    for name in NAMES:
        value = getattr(settings, name)
        if value is not None:
            os.environ[PREFIX + name.upper()] = str(value)


def _read_file(path: Path) -> Mapping[str, Any]:
    try:
        found = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as wrong:
        raise _invalid(str(path), f"cannot be read: {wrong}") from None
    unknown = sorted(set(found) - set(NAMES))
    if unknown:
        raise _invalid(str(path), f"has no such setting: {', '.join(unknown)}; settings are: {', '.join(NAMES)}")
    return found


def _number(name: str, value: Any, low: int, high: int) -> int:
    try:
        number = int(value)
    except (TypeError, ValueError):
        raise _invalid(name, f"must be a number, not '{value}'") from None
    if not low <= number <= high:
        raise _invalid(name, f"must be {low} to {high}, not {number}")
    return number


def _invalid(where: str, message: str) -> Invalid:
    return Invalid("invalid_setting", f"setting {where} {message}", errors=[Fault(where, message)])
