"""Calls that a turn makes: functions, HTTP tools, MCP servers, knowledge, tables, models.

Each is `answer = yield from call_…(turn, …)`. What is wrong with a call is its answer's `error`; nothing here
raises. Values that callers bring can never name a secret: only what is written in the version can.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from greenroom.domain.asks import Answer, Ask, AskedOf, failed
from greenroom.runtime.asking import Working
from greenroom.runtime.bodies import mapping
from greenroom.runtime.call_plans import AuthPlan, ToolPlan
from greenroom.runtime.deeds import apply_effects
from greenroom.runtime.delays import Waiting, say_delays
from greenroom.runtime.gates import Gate
from greenroom.runtime.texts import say_value
from greenroom.runtime.turn import Turn

MAX_ASKS = 60
"""So many calls in one turn; the next ones fail."""
_SECRET = re.compile(r"\{\{\s*(secret\.[A-Z][A-Z0-9_]{0,63})\s*\}\}")
_OPENING = re.compile(r"\{(?=\{)")
_ARGUMENT = re.compile(r"(?<!\{)\{([A-Za-z_][A-Za-z0-9_-]{0,79})\}(?!\})")


def ask(turn: Turn, to: AskedOf, facts: Mapping[str, Any], waiting: Waiting | None = None) -> Working[Answer]:
    """Asks the outside and keeps what it answered; `waiting` speaks meanwhile."""
    if len(turn.asks) >= MAX_ASKS:
        turn.note(f"more than {MAX_ASKS} calls in one turn; the rest was not made")
        return failed("too_many_calls", f"a turn may make {MAX_ASKS} calls")
    gate = Gate(turn) if to == "model" and facts.get("purpose", "reply") == "reply" else None
    answer = yield Ask(to, facts, gate, waiting)
    answer = answer if answer is not None else failed("no_answer", "nobody answered")
    turn.asks.append({"to": to, "facts": dict(facts), "answer": dict(answer)})
    return answer


def call_function(turn: Turn, slug: str, arguments: Mapping[str, Any], because: str) -> Working[Answer]:
    """Runs a function in the sandbox and carries out what it asks for (say, set, hand off, go to …)."""
    callables = turn.program.callables
    plan = callables.functions.get(slug) or callables.functions.get(slug.replace("_", "-"))
    if plan is None:
        turn.note(f"{because}: there is no function/{slug}")
        return failed("not_found", f"there is no function/{slug}")
    facts = {
        "function": plan.slug,
        "code": plan.code,
        "modules": callables.modules,
        "arguments": _harmless(dict(arguments)),
        "conv": _harmless(_conv(turn)),
        "secrets": sorted(plan.secrets),
    }
    answer = yield from ask(turn, "function", facts, Waiting(turn, plan) if plan.delays else None)
    say_delays(turn, plan, answer)
    _record(turn, "function_called", {"function": plan.slug}, arguments, answer, because)
    if "error" not in answer:
        apply_effects(turn, answer.get("effects", []), f"function/{plan.slug}")
    return answer


def call_tool(turn: Turn, slug: str, arguments: Mapping[str, Any], because: str) -> Working[Answer]:
    """Makes a tool's HTTP request; `answer["result"]` is the part of the response that the tool names."""
    plan = turn.program.callables.tools.get(slug)
    if plan is None:
        turn.note(f"{because}: there is no tool/{slug}")
        return failed("not_found", f"there is no tool/{slug}")
    answer = yield from ask(turn, "tool", _request(turn, plan, arguments))
    if "error" not in answer:
        answer = {**answer, "result": find_path(answer.get("result"), plan.result_path)}
    _record(turn, "tool_called", {"tool": slug, "status": answer.get("status")}, arguments, answer, because)
    if plan.save_to and "error" not in answer:
        turn.set_variable(plan.save_to, answer["result"], f"tool/{slug}")
    return answer


def call_mcp(turn: Turn, slug: str, tool: str, arguments: Mapping[str, Any], because: str) -> Working[Answer]:
    """Calls a tool of an MCP server."""
    facts = _server(turn, slug)
    if not facts:
        turn.note(f"{because}: there is no mcp/{slug}")
        return failed("not_found", f"there is no mcp/{slug}")
    answer = yield from ask(turn, "mcp", {**facts, "op": "call", "tool": tool, "arguments": dict(arguments)})
    _record(turn, "mcp_called", {"mcp": slug, "tool": tool}, arguments, answer, because)
    return answer


def list_mcp_tools(turn: Turn) -> Working[list[dict[str, Any]]]:
    """Returns the tools of all servers that the agent may use: {mcp, name, description, parameters}."""
    found: list[dict[str, Any]] = []
    for slug, plan in turn.program.callables.mcp.items():
        if not turn.agent.may_call("mcp", slug):
            continue
        answer = yield from ask(turn, "mcp", {**_server(turn, slug), "op": "list"})
        if "error" in answer:
            turn.note(f"mcp/{slug}: its tools could not be listed ({answer['error'].get('message', '')})")
            continue
        for tool in answer.get("tools", []):
            if not plan.allowed or tool.get("name") in plan.allowed:
                found.append({"mcp": slug, "prefix": plan.prefix, **tool})
    return found


def retrieve(turn: Turn, query: str) -> Working[list[dict[str, Any]]]:
    """Returns passages of the version's knowledge about a text, best first, and records them."""
    chosen = turn.agent.knowledge
    sources = [plan.facts() for slug, plan in turn.program.callables.knowledge.items() if not chosen or slug in chosen]
    if not sources:
        return []
    settings = turn.program.settings
    answer = yield from ask(turn, "knowledge", {"query": query, "limit": settings.knowledge_limit, "sources": sources})
    if "error" in answer:
        turn.note(f"knowledge could not be searched ({answer['error'].get('message', '')})")
    turn.passages = [dict(mapping(each)) for each in answer.get("passages", [])]
    return [each for each in turn.passages if each.get("score", 0) >= settings.knowledge_min_score]


def use_table(turn: Turn, facts: Mapping[str, Any], because: str) -> Working[Answer]:
    """Reads or writes a data table."""
    answer = yield from ask(turn, "table", facts)
    name = {"table": facts.get("table", ""), "op": facts.get("op", "")}
    _record(turn, "table_used", name, mapping(facts.get("where") or facts.get("values")), answer, because)
    return answer


def known_arguments(turn: Turn, kind: str, slug: str) -> dict[str, Any]:
    """Returns the arguments of a function or tool that variables of the same names hold."""
    callables = turn.program.callables
    plan = callables.functions.get(slug) if kind == "function" else callables.tools.get(slug)
    wanted = mapping(plan.parameters.get("properties")) if plan else {}
    variables = turn.variables
    found = {name: variables.get(name, variables.get(name.replace("_", "-"))) for name in wanted}
    return {name: value for name, value in found.items() if value not in (None, "", [], {}, ())}


def find_path(value: Any, path: str) -> Any:
    """Returns the part of a JSON value at a dotted path (`rooms.0.price`); '' is all of it, what is not there null."""
    for key in path.split(".") if path else ():
        if isinstance(value, Mapping):
            value = value.get(key)
        elif isinstance(value, list) and key.isdigit() and int(key) < len(value):
            value = value[int(key)]
        else:
            return None
    return value


def fill(turn: Turn, value: Any, arguments: Mapping[str, Any] | None = None) -> Any:
    """Returns a JSON value of the version with `{argument}` and `{{kind.slug}}` filled in its texts.

    A text that is one placeholder alone (`{nights}`, `{{variable.nights}}`) becomes the value itself.
    `{{secret.NAME}}` as the version writes it stays; as a value brings it, it is broken.
    """
    given = arguments or {}
    if isinstance(value, Mapping):
        return {str(key): fill(turn, item, given) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [fill(turn, item, given) for item in value]
    return _fill_text(turn, value, given) if isinstance(value, str) else value


def _fill_text(turn: Turn, text: str, given: Mapping[str, Any]) -> Any:
    alone = _ARGUMENT.fullmatch(text)
    if alone and alone.group(1) in given:
        return _harmless(given[alone.group(1)])
    alone = re.fullmatch(r"\{\{\s*variable\.([A-Za-z0-9_-]+)\s*\}\}", text)
    if alone and alone.group(1) in turn.variables:
        return _harmless(turn.variables[alone.group(1)])

    def put(match: re.Match[str]) -> str:
        return say_value(given[match.group(1)]) if match.group(1) in given else ""

    # The version's own names of secrets are set aside, so that no value can look like one of them.
    pieces = _SECRET.split(text)
    for at in range(0, len(pieces), 2):
        filled = turn.render(pieces[at]) if "{{" in pieces[at] else pieces[at]
        pieces[at] = _harmless(_ARGUMENT.sub(put, filled))
    for at in range(1, len(pieces), 2):
        pieces[at] = f"{{{{{pieces[at]}}}}}"
    return "".join(pieces)


def _harmless(value: Any) -> Any:
    """Returns data in which no text can name a secret."""
    if isinstance(value, str):
        return _OPENING.sub("{ ", value) if "{{" in value else value
    if isinstance(value, Mapping):
        return {_harmless(key): _harmless(item) for key, item in value.items()}
    return [_harmless(item) for item in value] if isinstance(value, list | tuple) else value


def _conv(turn: Turn) -> dict[str, Any]:
    context, flow = turn.context, turn.state["flow"]
    functions = [plan.slug for plan in turn.program.callables.functions.values() if plan.role != "helper"]
    return {
        "state": turn.variables,
        "caller": context.caller,
        "called": context.called,
        "channel": context.channel,
        "environment": context.environment,
        "language": turn.language,
        "variant": dict(turn.variant),
        "sip_headers": dict(context.sip_headers),
        "user_id": context.user_id,
        "conversation_id": context.conversation,
        "history": [*turn.history, {"role": "user", "text": turn.text}],
        "now": context.now,
        "time_zone": turn.program.settings.time_zone,
        "functions": functions,
        "step": {"workflow": flow["workflow"], "step": flow["step"]} if flow else None,
        "turn": turn.state["turn"],
    }


def _request(turn: Turn, plan: ToolPlan, arguments: Mapping[str, Any]) -> dict[str, Any]:
    integration = turn.program.callables.integrations.get(plan.integration)
    facts: dict[str, Any] = {
        "tool": plan.slug,
        "method": plan.method,
        "url": _address(turn, plan.url, arguments),
        "headers": _pairs(turn, plan.headers, arguments),
        "query": _pairs(turn, plan.query, arguments),
        "body": fill(turn, plan.body, arguments),
        "integration": None,
        "timeout_ms": plan.timeout_ms,
        "retries": plan.retries,
    }
    if integration is not None:
        facts["integration"] = {
            "slug": integration.slug,
            "base_url": fill(turn, integration.base_urls.get(turn.context.environment) or integration.base_url),
            "headers": _pairs(turn, integration.headers, {}),
            "auth": integration.auth.facts(),
        }
    return facts


def _address(turn: Turn, url: str, arguments: Mapping[str, Any]) -> str:
    """Returns a URL; what callers bring into it is quoted, so that it cannot change the path or the host."""
    quoted = {key: _quote(say_value(value)) for key, value in arguments.items()}
    return str(_fill_text(turn, url, quoted))


def _quote(text: str) -> str:
    safe = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_~"
    dots = "." if text.strip(".") else ""
    return "".join(
        sign if sign in safe or (sign == "." and not dots) else "".join(f"%{byte:02X}" for byte in sign.encode())
        for sign in text
    )


def _pairs(turn: Turn, pairs: Sequence[tuple[str, str]], given: Mapping[str, Any]) -> list[list[str]]:
    return [[name, " ".join(say_value(_fill_text(turn, value, given)).split())] for name, value in pairs]


def _server(turn: Turn, slug: str) -> dict[str, Any]:
    plan = turn.program.callables.mcp.get(slug)
    if plan is None:
        return {}
    auth: AuthPlan = plan.auth
    return {
        "mcp": slug,
        "url": fill(turn, plan.urls.get(turn.context.environment) or plan.url),
        "auth": auth.facts(),
        "allowed": list(plan.allowed),
        "timeout_ms": plan.timeout_ms,
    }


def _record(
    turn: Turn, kind: str, name: Mapping[str, Any], arguments: Mapping[str, Any], answer: Answer, because: str
) -> None:
    facts: dict[str, Any] = {**name, "arguments": dict(arguments), "because": because, "ms": answer.get("ms", 0)}
    if "error" in answer:
        error = mapping(answer["error"])
        turn.add(kind, **facts, error=dict(error))
        turn.note(f"{because}: {kind.replace('_', ' ')} failed ({error.get('message', '')})"[:300])
    else:
        turn.add(kind, **facts, result=answer.get("result", answer.get("rows")), prints=answer.get("prints", []))
