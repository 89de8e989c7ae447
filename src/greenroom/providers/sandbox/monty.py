"""The sandbox: runs one call in a Monty worker, a process of its own without files, network, environment or clock."""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from greenroom.domain.asks import Answer, failed
from greenroom.domain.errors import Fault, Unavailable
from greenroom.ports import Clock, Reach
from greenroom.providers.sandbox.calls import HostCalls, TooManyCalls, find_zone
from greenroom.providers.sandbox.checking import Checker
from greenroom.providers.sandbox.confinement import confined
from greenroom.providers.sandbox.effects import collect, read_result
from greenroom.providers.sandbox.limits import Limits
from greenroom.providers.sandbox.programs import MAIN, NotRunnable, Program, given_text, inside_code, prepare
from greenroom.providers.sandbox.workers import Busy, Workers

if TYPE_CHECKING:
    from pydantic_monty import Monty, MontyError, MontySession, OSPolicy

DEFAULT_LIMITS = Limits()
_FAULTS = {
    "result": "it returned or kept something that is no JSON: {}",
    "output": "its result and effects are too large: {}",
}
_NOT_WITHIN = re.compile(r"feed time limit exceeded|turn time limit exceeded")
_MEMORY = re.compile(r"memory limit", re.IGNORECASE)


class Prints:
    """Keeps what a function prints, up to a limit; more ends the run."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._parts: list[str] = []
        self._length = 0
        self.full = False

    def __call__(self, stream: str, text: str) -> None:
        spare = self._limit - self._length
        if self.full or len(text) > spare:
            self._parts += [text[:spare]] if not self.full else []
            self.full = True
            raise MemoryError("it printed too much")
        self._parts.append(text)
        self._length += len(text)

    def lines(self) -> list[str]:
        """Returns what was printed, line by line."""
        return "".join(self._parts).splitlines()


class MontySandbox:
    """Runs functions of users in a pool of workers that begins with the first call. See the package's manual.

    `workers` bounds the processes; a worker is held while its function waits for an answer, so there may be more
    than processors. A call that finds none free waits, and answers `busy` after the time that a call may run.
    """

    def __init__(self, clock: Clock, *, limits: Limits = DEFAULT_LIMITS, workers: int | None = None) -> None:
        self._clock = clock
        self._limits = limits
        self._workers = Workers(workers or max(4, 2 * (os.cpu_count() or 1)), limits)
        self._checker = Checker(self._workers)

    async def run(self, facts: Mapping[str, Any], reach: Reach) -> Answer:
        """Runs one call. Never raises: what fails is an answer with an `error`."""
        begun = self._clock.monotonic_ms()
        try:
            answer = await self._run(facts, reach)
        except NotRunnable as wrong:
            answer = {"result": None, "effects": [], "prints": [], **wrong.answer}
        return {**answer, "ms": round(self._clock.monotonic_ms() - begun, 3)}

    async def check(self, name: str, code: str, modules: Mapping[str, str]) -> Sequence[Fault]:
        """Returns what is wrong with a function's code; the faults' codes are listed in the package's manual."""
        return await self._checker.check(name, code, modules)

    async def close(self) -> None:
        """Ends the workers. The next call would begin new ones."""
        await self._workers.close()

    async def _run(self, facts: Mapping[str, Any], reach: Reach) -> Answer:
        limits = self._limits.lowered(facts.get("limits") or {})
        program = prepare(facts)
        text = given_text(program, facts, limits)
        now, policy = _policy(facts.get("conv") or {}, self._clock)
        calls = HostCalls(reach, self._clock, limits, now)
        job = Job(program, text, limits, policy, calls, asyncio.get_running_loop())
        try:
            return await self._workers.use(job.carry_out)
        except Busy:
            return job.fail(failed("busy", "all workers of the sandbox are busy; try again"))
        except Unavailable as wrong:
            return job.fail(failed("not_available", wrong.detail))
        except Exception as wrong:  # noqa: BLE001  what hostile code makes a worker say must stay an answer
            return job.fail(failed("crashed", f"the sandbox gave up on it ({type(wrong).__name__})"))
        finally:
            job.left = True


class Job:
    """One call, carried out in a thread; what it asks of the host goes back to the event loop."""

    def __init__(
        self,
        program: Program,
        text: str,
        limits: Limits,
        policy: OSPolicy,
        calls: HostCalls,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._program = program
        self._text = text
        self._limits = limits
        self._policy = policy
        self._calls = calls
        self._loop = loop
        self._prints = Prints(limits.print_chars)
        self.left = False
        """Whether the caller went away; the code is then refused whatever it asks for."""

    def carry_out(self, pool: Monty) -> Answer:
        """Returns the answer of the call."""
        from pydantic_monty import MontyError

        try:
            with confined(
                pool,
                script_name="function.py",
                limits={
                    "max_feed_duration_secs": self._limits.wall_ms / 1000,
                    "max_memory": self._limits.memory_bytes,
                    "max_recursion_depth": self._limits.recursion,
                    "max_suspensions": self._limits.host_calls + 50,
                },
                assert_message_annotations=False,
                os_policy=self._policy,
            ) as session:
                output = self._drive(session)
            return _finished(output, self._calls, self._prints)
        except TooManyCalls as wrong:
            return self.fail(failed("calls", str(wrong)))
        except TimeoutError:
            return self.fail(failed("busy", "all workers of the sandbox are busy; try again"))
        except MontyError as wrong:
            return self.fail(_explain(wrong, self._program, self._limits, self._prints))

    def fail(self, failure: Answer) -> Answer:
        """Returns the answer of a call that failed: what it printed and what it did outside are kept."""
        effects = collect([], self._calls.records)
        return {"result": None, "effects": effects, "prints": self._prints.lines(), **failure}

    def _drive(self, session: MontySession) -> Any:
        """Runs the code to its end, answering what it asks of the host; names that it does not know stay unknown."""
        from pydantic_monty import FunctionSnapshot, FutureSnapshot, NameLookupSnapshot

        code, given = inside_code(self._program), {"given_text": self._text}
        at = session.feed_start(code, inputs=given, print_callback=self._prints)
        while True:
            if isinstance(at, FunctionSnapshot):
                if at.is_os_function:
                    at = at.resume_not_handled()
                elif at.function_name == "greenroom_host" and at.object_id is None:
                    at = at.resume({"return_value": self._ask(at.args)})
                else:
                    at = at.resume({"exc_type": "NameError", "message": f"name '{at.function_name}' is not defined"})
            elif isinstance(at, NameLookupSnapshot):
                at = at.resume()
            elif isinstance(at, FutureSnapshot):
                raise TooManyCalls("it waits for something that nobody will bring")
            else:
                return at.output

    def _ask(self, arguments: tuple[Any, ...]) -> str:
        if self.left:
            raise TooManyCalls("whoever called it went away")
        asked = asyncio.run_coroutine_threadsafe(self._calls.answer(arguments), self._loop)
        return asked.result(self._limits.wait_ms / 1000 + 5)


def _finished(output: Any, calls: HostCalls, prints: Prints) -> Answer:
    facts: Any = None
    if isinstance(output, str):
        try:
            facts = json.loads(output)
        except (ValueError, RecursionError):
            facts = None
    answer: dict[str, Any] = {"result": None, "effects": collect([], calls.records), "prints": prints.lines()}
    if not isinstance(facts, dict):
        return {**answer, **failed("result", "what came out of the sandbox is no answer")}
    if "fault" in facts:
        code = facts["fault"] if facts["fault"] in _FAULTS else "result"
        return {**answer, **failed(code, _FAULTS[code].format(str(facts.get("message", ""))[:300]))}
    result, more = read_result(facts.get("result"))
    return {**answer, "result": result, "effects": [*collect(facts.get("effects"), calls.records), *more]}


def _explain(wrong: MontyError, program: Program, limits: Limits, prints: Prints) -> Answer:
    """Returns the error of a run that ended early: its kind, its message, and the line of the user's code."""
    from pydantic_monty import MontyCrashedError, MontyRuntimeError, MontySyntaxError

    message = str(wrong)
    if isinstance(wrong, MontyCrashedError):
        if wrong.timed_out or "time" in message:
            return failed("timeout", f"it ran longer than {limits.wall_ms / 1000:g} s and was killed")
        if _MEMORY.search(message):
            return failed("memory", f"it used more than {limits.memory_bytes >> 20} MiB and was killed")
        return failed("crashed", "the sandbox's process died on it; a new one takes its place")
    if prints.full:
        return failed("output", f"it printed more than {limits.print_chars:,} characters")
    if not isinstance(wrong, MontyRuntimeError | MontySyntaxError):
        return failed("crashed", f"the sandbox gave up on it ({type(wrong).__name__})")
    module, line = _place(wrong, program)
    where = {} if line is None else {"line": line, "module": module} if module != MAIN else {"line": line}
    at = "" if line is None else f"line {line}: " if module == MAIN else f"{module}, line {line}: "
    inner = wrong.exception()
    kind, said = type(inner).__name__, str(inner)[:1_000]
    if isinstance(inner, TimeoutError) and _NOT_WITHIN.search(message):
        code, said = "timeout", f"it ran longer than {limits.wall_ms / 1000:g} s"
    elif isinstance(inner, MemoryError):
        code, said = "memory", f"it used more than {limits.memory_bytes >> 20} MiB"
    elif isinstance(inner, RuntimeError) and "suspension limit" in message:
        code, said = "calls", f"it called out more than {limits.host_calls} times"
    elif isinstance(wrong, MontySyntaxError) or (kind == "NotImplementedError" and "monty" in said):
        code, said = "unsupported" if kind == "NotImplementedError" else "syntax", say_unsupported(said)
    else:
        code, said = "exception", f"{kind}: {said}" if said else kind
    return {"error": {"code": code, "message": f"{at}{said}", "type": kind, **where}}


def say_unsupported(text: str) -> str:
    """Returns Monty's words about a construct in ours."""
    return re.sub(r"The monty syntax parser does not yet support", "the sandbox's Python does not know", text)


def _place(wrong: Any, program: Program) -> tuple[str, int | None]:
    frames = [frame for frame in wrong.traceback() if frame.filename == "<string>"]
    if frames:
        return program.locate(frames[-1].line)
    found = re.search(r"\(<string>, line (\d+)\)", str(wrong))
    return program.locate(int(found.group(1))) if found else (MAIN, None)


def _policy(conv: Mapping[str, Any], clock: Clock) -> tuple[datetime, OSPolicy]:
    """Returns the frozen time, and what the clock, sleep and dice inside are: the same call gives the same again."""
    try:
        now = datetime.fromisoformat(str(conv.get("now") or ""))
        now = now if now.tzinfo else now.replace(tzinfo=UTC)
    except ValueError:
        now = clock.now()
    zone = find_zone(conv.get("time_zone"))
    seed = f"{conv.get('conversation_id', '')}:{conv.get('turn', 0)}"
    policy: OSPolicy = {
        "datetime": now,
        "timezone": zone.key if zone else "UTC",
        "sleep": "zero",
        "process_time": "zero",
        "random_start": {"seed": seed},
    }
    return now, policy
