"""Commands that run or keep a server: the only ones that build it instead of speaking to one."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Annotated

import typer

Host = Annotated[str | None, typer.Option("--host", help="Address to listen on; default 127.0.0.1.")]
Port = Annotated[int | None, typer.Option("--port", min=0, max=65535, help="Port to listen on; default 8700.")]
DataDir = Annotated[
    Path | None,
    typer.Option("--data-dir", help="Folder of the embedded database and greenroom.toml; default ./greenroom-data."),
]
Workers = Annotated[int | None, typer.Option("--workers", min=1, help="Processes; more than one needs PostgreSQL.")]


def _load_bootstrap() -> ModuleType:
    from greenroom.settings import spare_cores

    spare_cores()
    from greenroom import bootstrap

    return bootstrap


def serve(host: Host = None, port: Port = None, data_dir: DataDir = None, workers: Workers = None) -> None:
    """Starts the server. What is not given comes from GREENROOM_* variables, then from a file."""
    bootstrap = _load_bootstrap()

    bootstrap.serve(host=host, port=port, data_dir=data_dir, workers=workers)


def demo(host: Host = None, port: Port = None, data_dir: DataDir = None) -> None:
    """Starts the server with a demo project. Prints a one-time sign-in link."""
    bootstrap = _load_bootstrap()

    bootstrap.demo(host=host, port=port, data_dir=data_dir)


def sign_in_link(host: Host = None, port: Port = None, data_dir: DataDir = None) -> None:
    """Prints a link that signs the owner in once. The server may run meanwhile; it also replaces a lost password."""
    bootstrap = _load_bootstrap()

    bootstrap.sign_in_link(host=host, port=port, data_dir=data_dir)


def migrate(data_dir: DataDir = None) -> None:
    """Brings the database to this program's schema. Safe to repeat."""
    bootstrap = _load_bootstrap()

    bootstrap.migrate(data_dir=data_dir)


def backup(
    target: Annotated[Path, typer.Argument(help="File to write.")],
    data_dir: DataDir = None,
) -> None:
    """Writes a consistent copy of everything. The server may run meanwhile."""
    bootstrap = _load_bootstrap()

    bootstrap.backup(target=target, data_dir=data_dir)


def restore(
    source: Annotated[Path, typer.Argument(help="File that `backup` wrote.")],
    data_dir: DataDir = None,
) -> None:
    """Puts a backup into an empty data folder or database."""
    bootstrap = _load_bootstrap()

    bootstrap.restore(source=source, data_dir=data_dir)
