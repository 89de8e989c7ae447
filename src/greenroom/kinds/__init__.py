"""Facts about each kind of entity. Kinds are strangers to one another; this is the one list of them."""

from collections.abc import Mapping
from types import MappingProxyType

from greenroom.kinds import (
    agent,
    component,
    conditional_prompt,
    function,
    guardrail,
    handoff,
    integration,
    knowledge,
    mcp,
    playbook,
    response_control,
    routing_rule,
    rule,
    settings,
    sms,
    squad,
    test_set,
    tool,
    topic,
    variable,
    variant,
    voice,
    widget,
    workflow,
)
from greenroom.kinds.schema import ModelKind

ALL: tuple[ModelKind, ...] = (
    agent.KIND,
    squad.KIND,
    topic.KIND,
    knowledge.KIND,
    function.KIND,
    tool.KIND,
    integration.KIND,
    mcp.KIND,
    voice.KIND,
    component.KIND,
    conditional_prompt.KIND,
    rule.KIND,
    response_control.KIND,
    guardrail.KIND,
    routing_rule.KIND,
    handoff.KIND,
    sms.KIND,
    workflow.KIND,
    playbook.KIND,
    variable.KIND,
    variant.KIND,
    widget.KIND,
    test_set.KIND,
    settings.KIND,
)
"""Every kind, in the order in which people see them."""

KINDS: Mapping[str, ModelKind] = MappingProxyType({kind.name: kind for kind in ALL})
"""Kind name → kind, in the order of ALL."""
