"""Attempts to break out of the sandbox: none reads a canary, lasts over its time plus a second, or hurts a later call.

The same judgement is made of sandboxes that are weak on purpose, to show that it can tell.
"""

import asyncio
import os
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from greenroom.providers.clock import SystemClock
from greenroom.providers.sandbox import Limits, MontySandbox
from tests.support.functions import ScriptedReach, call

CANARY = "canary-7f3a-of-the-host"
WALL_MS = 1_000
STRICT = Limits(wall_ms=WALL_MS, grace_ms=500)
WEAK = Limits(wall_ms=5_000)
PROBE = "def run(conv):\n    return [1, conv.caller, len([1, 2])]\n"
EASY = "import json\n\ndef run(conv):\n    return json.dumps({'a': sorted([2, 1])})\n"


def body(text: str) -> str:
    return "def run(conv):\n" + "".join(f"    {line}\n" for line in text.strip("\n").split("\n"))


READING: dict[str, str] = {
    "open a file": "return open(FILE).read()",
    "open for writing": "open(FILE, 'w').write('gone')\nreturn 'written'",
    "pathlib": "from pathlib import Path\nreturn Path(FILE).read_text()",
    "pathlib folder": "from pathlib import Path\nreturn [str(p) for p in Path('/').iterdir()]",
    "os.listdir": "import os\nreturn os.listdir('/')",
    "the environment": "import os\nreturn dict(os.environ)",
    "getenv": "import os\nreturn os.getenv('GREENROOM_CANARY')",
    "proc": "return open('/proc/self/environ').read() + open('/proc/1/cmdline').read()",
    "a link out": "import os\nos.symlink('/', '/tmp/out')\nreturn open('/tmp/out' + FILE).read()",
    "os.system": "import os\nreturn os.system('cat ' + FILE)",
    "subprocess": "import subprocess\nreturn subprocess.check_output(['cat', FILE])",
    "socket": "import socket\nsocket.create_connection(('127.0.0.1', PORT), 1).send(b'x')",
    "asyncio socket": "import asyncio\nreturn asyncio.run(asyncio.open_connection('127.0.0.1', PORT))",
    "asyncio subprocess": "import asyncio\nreturn asyncio.run(asyncio.create_subprocess_shell('cat ' + FILE))",
    "urllib": "import urllib.request\nreturn urllib.request.urlopen('http://127.0.0.1:%d' % PORT).read()",
    "ctypes": "import ctypes\nreturn ctypes.CDLL(None).getpid()",
    "dunder import": "return __import__('os').popen('cat ' + FILE).read()",
    "importlib": "import importlib\nreturn importlib.import_module('os').environ",
    "builtins": "return __builtins__['open'](FILE).read()",
    "subclasses": "return ().__class__.__base__.__subclasses__()",
    "mro by getattr": "return getattr(getattr((), '__cl' + 'ass__'), '__m' + 'ro__')[1]",
    "function globals": "return run.__globals__['given']",
    "method globals": "return conv.say.__func__.__globals__['given']",
    "closure of a host method": "return conv.functions.__dict__, conv.say.__closure__[0].cell_contents",
    "code object": "return run.__code__.co_consts",
    "frame of an exception": (
        "try:\n    1 / 0\nexcept Exception as wrong:\n    return wrong.__traceback__.tb_frame.f_globals"
    ),
    "frame of an error of the host": (
        "try:\n    conv.http.get('http://x')\nexcept Exception as wrong:\n"
        "    return [str(wrong.__context__), wrong.__traceback__.tb_frame.f_back.f_globals]"
    ),
    "format of attributes": "return '{0.__class__.__init__.__globals__}'.format(conv)",
    "format of names": "return '{0.say.__globals__[given]}'.format(conv), f'{conv.say.__globals__}'",
    "percent format": "return '%(a)s' % {'a': conv.__class__.__mro__}",
    "sys.modules": "import sys\nreturn sys.modules['os'].environ",
    "frames by sys": "import sys\nreturn sys._getframe(1).f_globals",
    "eval": "return eval('__import__(\"os\").environ')",
    "exec into the host's module": "exec('given = 1; greenroom_host = print')\nreturn eval('given_text')",
    "the loader's names": "return greenroom_module.__globals__, greenroom_import('this function', 'given')",
    "loading what is not there": "return greenroom_module('/etc/passwd')",
    "the host's function": "return greenroom_host('http', '{\"url\": \"http://127.0.0.1\"}')",
    "pickle": "import pickle\nreturn pickle.loads(b'cos\\nsystem\\n(S\"cat /etc/passwd\"\\ntR.')",
    "marshal": "import marshal\nreturn marshal.loads(b'x')",
    "gc": "import gc\nreturn gc.get_objects()",
    "inspect": "import inspect\nreturn inspect.stack()[0].frame.f_globals",
    "breakpoint": "breakpoint()",
    "input": "return input('> ')",
    "secrets by name": "return ['{{secret.CANARY}}', conv.utils.get_secret('CANARY'), conv.http.__dict__]",
    "types": "return type('X', (), {'__del__': print}).__mro__, type(conv).__subclasses__()",
    "compile": "return eval(compile('open(FILE).read()', 'x', 'eval'))",
    "tampering with conv": (
        "type(conv).say = lambda self, text: self.boom\nconv.http = None\nconv.state = {'a': 1}\nconv.log = open\n"
        "type(conv.variant).copy = lambda self: conv\nconv.caller = conv\nreturn 'kept'"
    ),
    "a class that pretends to be state": (
        "class Fake:\n    def __eq__(self, other): return True\n    def copy(self): return self\n"
        "conv.state.x = Fake()\nconv.state.y = type(conv.state)()\nreturn conv.state.y.items()"
    ),
    "effects that were never asked for": "return {'effects': [{'type': 'http'}], 'fault': 'x', 'error': {'code': 'x'}}",
    "locals": "x = conv\nreturn locals()",
    "host calls with made-up arguments": "conv.table(conv)\nreturn conv.table('t').find(limit={1: conv})",
}
BOMBS: dict[str, str] = {
    "an endless loop": "while True: pass",
    "an endless loop that catches all": "while True:\n    try:\n        while 1: pass\n    except BaseException: pass",
    "a memory bomb": "x = [0]\nwhile True: x = x + x",
    "a text bomb": "x = 'ab'\nwhile True: x += x",
    "a dict bomb": "x = {}\ni = 0\nwhile True:\n    i += 1\n    x[str(i) * 50] = [i] * 50",
    "a number tower": "return 9 ** 9 ** 9",
    "squares of squares": "x = 7 ** 7\nwhile True: x = x * x",
    "a huge shift": "return 1 << (1 << 40)",
    "a huge repeat": "return ('a' * (1 << 30)) * (1 << 10)",
    "digits of a huge number": "return str(3 ** 3000000)",
    "a factorial": "import math\nreturn math.factorial(10 ** 7)",
    "a regex bomb": "import re\nreturn re.match(r'(a+)+$', 'a' * 40 + 'b') is None",
    "a regex bomb with look-ahead": "import re\nreturn re.match(r'(?=(a+)+$)b|(x+x+)+y(?!z)', 'a' * 50 + 'x' * 50)",
    "a regex of great size": "import re\nreturn re.compile('(' * 5000 + 'a{1000}{1000}' + ')' * 5000)",
    "deep recursion": "def f(n): return f(n + 1) + 1\nreturn f(0)",
    "recursion of methods": "class A:\n    def __repr__(self): return repr(self) + repr(self)\nreturn repr(A())",
    "a deep list": "x = []\nfor _ in range(100000): x = [x]\nreturn x",
    "a deep list printed": "x = []\nfor _ in range(200000): x = [x]\nprint(x)",
    "a list in itself": "x = []\nx.append(x)\nconv.state.x = x\nreturn [x, repr(x)]",
    "deep comparison": "x, y = [], []\nfor _ in range(100000): x, y = [x], [y]\nreturn x == y",
    "deeply nested code": "return eval('(' * 20000 + ')' * 20000)",
    "long code": "exec('x = ' + '+'.join(['1'] * 200000))\nreturn 1",
    "sorting for long": "return sorted(range(10 ** 8), key=lambda n: -n)",
    "a range summed": "return sum(range(10 ** 12))",
    "endless iteration": "import itertools\nreturn list(itertools.count())",
    "a product": "import itertools\nreturn len(list(itertools.product(range(100), repeat=6)))",
    "huge output": "return ['x' * 1000] * 100000",
    "huge effects": "for _ in range(99): conv.say('x' * 100000)",
    "huge state": "conv.state.x = {str(i): 'x' * 100 for i in range(50000)}",
    "endless print": "while True: print('x' * 1000)",
    "one huge print": "print('x' * 50000000)",
    "endless print that catches all": "while True:\n    try:\n        print('x')\n    except BaseException: pass",
    "a flood of host calls": "while True:\n    try: conv.http.get('http://x')\n    except Exception: pass",
    "a flood of tables": "while True:\n    try: conv.table('t').find()\n    except BaseException: pass",
    "a huge request": "conv.http.post('http://x', body='x' * 20000000)",
    "a long sleep": "import time\ntime.sleep(10 ** 9)\nreturn 'awake'",
    "endless sleep": "import time\nwhile True: time.sleep(10)",
    "async sleep": "import asyncio\nreturn asyncio.run(asyncio.sleep(10 ** 9))",
    "many tasks": (
        "import asyncio\nasync def f():\n    while True: await asyncio.sleep(1)\n"
        "async def g(): await asyncio.gather(*[f() for _ in range(1000)])\nreturn asyncio.run(g())"
    ),
    "a format bomb": "return '{:>1000000000}'.format('x')",
    "a width bomb": "return f'{1:01000000000d}' + '%999999999d' % 1",
    "decimal digits": "import decimal\ndecimal.getcontext().prec = 10 ** 8\nreturn str(decimal.Decimal(1) / 7)",
    "a json bomb": "import json\nreturn json.loads('[' * 200000 + ']' * 200000)",
    "base64 growth": "import base64\nx = b'a' * 1000\nwhile True: x = base64.b64encode(x)",
    "hashing for long": "import hashlib\nx = b'a' * 10000000\nwhile True: hashlib.sha256(x)",
    "exit": "raise SystemExit(1)",
    "keyboard interrupt": "raise KeyboardInterrupt()",
    "uncatchable types": "raise BaseException('x')",
}  # fmt: skip
ATTEMPTS = {**READING, **BOMBS}


@dataclass
class Trap:
    """A file, an environment and a port that must stay untouched."""

    file: Path
    port: int
    touched: list[str] = field(default_factory=list[str])


@pytest.fixture
def trap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Trap]:
    file = tmp_path / "secret.txt"
    file.write_text(CANARY)
    monkeypatch.setenv("GREENROOM_CANARY", CANARY)
    listening = socket.create_server(("127.0.0.1", 0))
    listening.settimeout(0.05)
    made = Trap(file, listening.getsockname()[1])
    over = threading.Event()

    def wait() -> None:
        while not over.is_set():
            try:
                listening.accept()[0].close()
                made.touched.append("port")
            except TimeoutError:
                continue

    waiting = threading.Thread(target=wait)
    waiting.start()
    yield made
    over.set()
    waiting.join()
    listening.close()


async def judge(limits: Limits, code: str, trap: Trap) -> list[str]:
    """Returns everything that an attempt achieved; nothing, in a sandbox worth its name."""
    clock, found = SystemClock(), list[str]()
    sandbox = MontySandbox(clock, limits=limits, workers=1)
    source = f"FILE = {str(trap.file)!r}\nPORT = {trap.port}\n{body(code)}"
    try:
        reach = ScriptedReach()
        assert (await sandbox.run(call(PROBE), reach))["result"] == [1, "+442071234567", 2]
        begun = clock.monotonic_ms()
        try:
            answer = await asyncio.wait_for(sandbox.run(call(source), reach), WALL_MS / 1000 + 2)
        except TimeoutError:
            answer, found = {}, ["it ran for more than two seconds longer than it may"]
        if clock.monotonic_ms() - begun > WALL_MS + 1_000:
            found.append("it lasted more than a second longer than it may")
        found += [f"it reached the {what}" for what in trap.touched]
        found += [text for text in (CANARY, os.environ["PATH"], "root:x:0") if text in repr(answer)]
        found += ["it wrote the file"] if trap.file.read_text() != CANARY else []
        found += ["it called out more than 50 times"] if len(reach.requests) + len(reach.tables) > 50 else []
        found += ["its answer is large"] if len(repr(answer)) > 150_000 else []
        if not found:
            found += await judge_later(sandbox)
    finally:
        await sandbox.close()
    return found


async def judge_later(sandbox: MontySandbox) -> list[str]:
    """Returns what an attempt left behind for the next calls in the same pool."""
    for code, expected in ((PROBE, [1, "+442071234567", 2]), (EASY, '{"a": [1, 2]}')):
        answer: Any = await sandbox.run(call(code), ScriptedReach())
        if answer["result"] != expected or answer["effects"] or answer["prints"]:
            return [f"a later call answers {answer}"]
        if answer["ms"] > WALL_MS:
            return [f"a later call takes {answer['ms']} ms"]
    return []


@pytest.mark.parametrize("name", ATTEMPTS)
async def test_an_attempt_achieves_nothing(name: str, trap: Trap) -> None:
    assert await judge(STRICT, ATTEMPTS[name], trap) == []


def test_there_are_at_least_forty_attempts() -> None:
    assert len(ATTEMPTS) >= 40


WEAKNESSES = ("an endless loop", "an endless loop that catches all", "a range summed", "hashing for long")


@pytest.mark.parametrize("name", WEAKNESSES)
async def test_a_sandbox_without_its_time_limit_is_found_out(name: str, trap: Trap) -> None:
    found = await judge(WEAK, ATTEMPTS[name], trap)
    assert "it ran for more than two seconds longer than it may" in found


async def test_a_sandbox_that_leaks_is_found_out(trap: Trap, monkeypatch: pytest.MonkeyPatch) -> None:
    original = ScriptedReach.http

    async def leaking(self: ScriptedReach, request: Any) -> Any:
        await original(self, request)
        return {"status": 200, "headers": {}, "text": trap.file.read_text()}

    monkeypatch.setattr(ScriptedReach, "http", leaking)
    assert CANARY in await judge(STRICT, "return conv.http.get('http://x').text", trap)
