"""The saved login: which server, which key, which project."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from greenroom.domain.errors import Invalid

DEFAULT_URL = "http://127.0.0.1:8700"


@dataclass(frozen=True, slots=True)
class Login:
    """Where commands go when they are not told otherwise. The key belongs to this URL and to no other."""

    url: str = DEFAULT_URL
    key: str | None = None
    project: str | None = None


def load_login(path: Path) -> Login:
    """Returns what was saved, or the defaults. Raises Invalid for a file that is not ours."""
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return Login()
    except OSError as wrong:
        raise Invalid("unreadable_login", f"{path}: {wrong.strerror}") from None
    try:
        saved = json.loads(text)
        return Login(str(saved["url"]), _text(saved.get("key")), _text(saved.get("project")))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Invalid("invalid_login", f"{path} is not a saved login; remove it and log in again") from None


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def save_login(path: Path, login: Login) -> None:
    """Writes the login, whole or not at all, so that only its owner can read it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    # The mode is set when the file is made: a key must not be readable for an instant.
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        json.dump(asdict(login), file, indent=2)
        file.write("\n")
    new.replace(path)


def choose_login(saved: Login, url: str | None, key: str | None) -> Login:
    """Returns the login that a command uses. The saved key and project go to the saved server only."""
    if url is None or url.rstrip("/") == saved.url.rstrip("/"):
        return Login(saved.url, key or saved.key, saved.project)
    return Login(url, key)
