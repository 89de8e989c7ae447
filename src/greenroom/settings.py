"""The only reader of the environment.

A setting comes from a flag, else from `GREENROOM_<NAME>`, else from `greenroom.toml` in the data folder, else
from its default.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from greenroom.domain.environments import MOST_ENVIRONMENTS
from greenroom.domain.errors import Fault, Invalid

PREFIX = "GREENROOM_"
FILE = "greenroom.toml"
DEFAULT_DATA_DIR = "greenroom-data"
NAMES = (
    "host",
    "port",
    "workers",
    "database_url",
    "bootstrap_key",
    "log_level",
    "secret_key",
    "former_secret_keys",
    "outbound_allow",
    "embeddings",
    "raw_retention_days",
    "knowledge_dir",
    "most_environments",
    "test_runs_kept",
    "trusted_proxies",
)
KEY_FILE = "secret.key"


@dataclass(frozen=True, slots=True)
class Settings:
    """How one server runs."""

    host: str
    port: int
    workers: int
    data_dir: Path
    database_url: str
    bootstrap_key: str | None = field(repr=False)
    log_level: str
    secret_key: str = field(repr=False)
    """What seals secrets and transcripts; '' until `keep_secret_key` made one."""
    former_secret_keys: tuple[str, ...] = field(repr=False)
    outbound_allow: str
    embeddings: str
    raw_retention_days: int
    """How long what users said is kept beside the masked transcripts."""
    knowledge_dir: Path | None
    """The folder that knowledge sources of type folder may read; None for none."""
    most_environments: int
    """Of one project."""
    trusted_proxies: str
    """Addresses of proxies whose word on a caller's address and scheme counts; '' believes nobody."""
    test_runs_kept: int
    """How many of a project's latest test runs are kept; each version's latest is kept beside them."""


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
        secret_key=str(pick("secret_key", "")),
        former_secret_keys=tuple(key.strip() for key in str(pick("former_secret_keys", "")).split(",") if key.strip()),
        outbound_allow=str(pick("outbound_allow", "")),
        embeddings=str(pick("embeddings", "auto")),
        raw_retention_days=_number("raw_retention_days", pick("raw_retention_days", 30), 0, 3_650),
        test_runs_kept=_number("test_runs_kept", pick("test_runs_kept", 200), 1, 100_000),
        trusted_proxies=str(pick("trusted_proxies", "")),
        knowledge_dir=Path(folder) if (folder := pick("knowledge_dir", None)) else None,
        most_environments=_number("most_environments", pick("most_environments", MOST_ENVIRONMENTS), 1, 1_000),
    )


def keep_secret_key(settings: Settings, fresh: str) -> str:
    """Returns the secret key: the one set, else the one kept in the data folder, else `fresh`, kept there from now on.

    Several servers over one database must be given the same key. Raises Invalid when the file cannot be read.
    """
    if settings.secret_key:
        return settings.secret_key
    path = settings.data_dir / KEY_FILE
    try:
        with path.open("x", encoding="ascii") as file:
            path.chmod(0o600)
            file.write(fresh + "\n")
            return fresh
    except FileExistsError:
        pass
    try:
        kept = path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as wrong:
        raise _invalid(str(path), f"cannot be read: {wrong}") from None
    if not kept:
        raise _invalid(str(path), "is empty: restore it from a backup; without it nothing sealed can be opened")
    return kept


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
        if isinstance(value, tuple):
            value = ",".join(value)
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
