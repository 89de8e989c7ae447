"""Functions that users write, run in a sandbox. The guide for those who write them is docs/guides/functions.md.

A function is Python code that defines `def <slug with _>(conv, …)`, `def run(conv, …)`, or one function that takes
`conv`; the second parameter may be `flow`. It runs in a Monty worker: a process without files, network, environment
or clock, in Monty's dialect of Python (no inheritance, `yield`, `del`, decorated methods; the modules in
`sources.BUILT_IN` and `sources.LIBRARY`). `await` works; `async for` and `async with` do not.

**What goes in.** `conv`: the conversation's facts, `conv.state` (variables, by attribute or as a mapping; what is not
set is None), `conv.variant`, say, send_sms, handoff, goto, end, http, table, log, functions; and the names that
PolyAI's functions use for the same. Other functions of the version are modules: `from functions.prices import rate`.
All of it is data made inside (`inside/*.monty`); the only way out is one host call, `greenroom_host`, which user code
cannot name. Secrets are never inside: a URL or header says `{{secret.NAME}}`, and the Reach fills it.

**What comes out.** `result` (JSON), `effects` and `prints`, or `error`. Effects, variables first, then in their order:
    {type: set, variable, value} · {type: say, text} · {type: send_sms, sms, text, to} · {type: end}
    {type: handoff, handoff, reason, message, sip_headers} · {type: goto, workflow, step} (both empty: leave the flow)
    {type: http, method, url, status, ms, error?} · {type: table, table, op, rows, ms, error?}   (records; done already)
A returned mapping that holds nothing but PolyAI's words (utterance, content, handoff, hangup, transition, end_turn,
listen) becomes effects, and `content` the result. Of a function that fails only the records remain.

**Errors** have code, message and, where it is known, type, line and module (if the line is not in the function itself):
    exception · timeout · memory · output · calls (too many, or too long a wait, outside) · result (no JSON)
    arguments · not_found (nothing to call) · syntax · unsupported · busy · crashed · not_available

**Limits** are `Limits`: 5 s of running (waiting for HTTP and tables not counted; that may last 30 s each, 60 s in all),
64 MiB, 500 calls deep, 64 Ki characters of result and effects, 16 Ki of prints, 50 calls outside, 100 effects. A worker
that does not stop is killed half a second later and replaced. Sleeping costs no time, the clock stands at the turn's
time in the project's zone, and dice are seeded by conversation and turn, so that a call can be replayed.

**Nested calls**: `conv.functions.other(…)` and `flow.functions.other(…)` run in the same worker, under the same limits,
with the same conv, and return what the other returns; its effects join those of the caller.

**The check** at publish reports at `/code`, the line in the message: `function_syntax`, `function_no_entry`,
`function_type` (a wrong name, attribute or argument; would fail when it runs), `function_unsupported` (what Monty or
conv lacks: the function may still run as far as it goes, which is how imported ones are kept).
"""

from greenroom.providers.sandbox.limits import Limits
from greenroom.providers.sandbox.monty import MontySandbox

__all__ = ["Limits", "MontySandbox"]
