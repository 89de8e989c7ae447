"""Facts about each kind of entity. Kinds are strangers to one another; this is the one list of them."""

from collections.abc import Mapping
from types import MappingProxyType

from greenroom.kinds import (
    agent,
    component,
    function,
    handoff,
    response_control,
    rule,
    settings,
    sms,
    test_set,
    topic,
    variable,
    variant,
    voice,
    workflow,
)
from greenroom.kinds.schema import ModelKind

ALL: tuple[ModelKind, ...] = (
    agent.KIND,
    topic.KIND,
    function.KIND,
    voice.KIND,
    component.KIND,
    rule.KIND,
    response_control.KIND,
    handoff.KIND,
    sms.KIND,
    workflow.KIND,
    variable.KIND,
    variant.KIND,
    test_set.KIND,
    settings.KIND,
)
"""Every kind, in the order in which people see them."""

KINDS: Mapping[str, ModelKind] = MappingProxyType({kind.name: kind for kind in ALL})
"""Kind name → kind, in the order of ALL."""
