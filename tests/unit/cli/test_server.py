"""Commands that need no server: a new sign-in link, and what the server believes of proxies."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from pathlib import Path

import uvicorn

from greenroom.bootstrap import build, uvicorn_options
from greenroom.settings import read_settings

COMMAND = [sys.executable, "-m", "greenroom.cli.main", "sign-in-link", "--port", "8123", "--data-dir"]


async def test_a_new_link_signs_the_owner_in_beside_a_running_server(tmp_path: Path) -> None:
    async with build(read_settings(data_dir=tmp_path)) as built:
        run = await asyncio.to_thread(subprocess.run, [*COMMAND, tmp_path], capture_output=True, text=True, check=True)
        said = run.stdout
        found = re.search(r"http://127\.0\.0\.1:8123/sign-in/([0-9a-z]{40})\n", said)
        assert found, said
        signed_in = await built.desk.access.sign_in(found[1])
        assert signed_in.principal == built.owner


def test_nobody_is_believed_about_a_callers_address_unless_named(tmp_path: Path) -> None:
    for given, believed in (("", False), ("10.0.0.7", True)):
        options = uvicorn_options(read_settings(data_dir=tmp_path, trusted_proxies=given or None))
        config = uvicorn.Config("greenroom:app", **options)
        assert config.proxy_headers is believed
        assert config.forwarded_allow_ips == given
