"""Which environment serves a key, decided in process: 90 / 10 by a sticky hash, beside the SDKs of flag systems.

All of them decide offline from memory and report nothing. Rounds go through all of them in turn, every round with keys
that none has seen; ratios are of neighbouring rounds, times are the thread's own on the CPU, because other work on the
machine counts less there. Each must send about a tenth to `b`.
"""

from __future__ import annotations

import json
import logging
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

from greenroom.domain.canonical import Digest
from greenroom.domain.environments import SlotRange, full_arm
from greenroom.domain.ids import ProjectId, WorkspaceId
from greenroom.domain.splits import Decider
from greenroom.kinds import KINDS
from greenroom.providers.clock import SystemClock
from greenroom.services.programs import Programs
from greenroom.services.traffic import Pointer, ProjectPointers, Rules, Traffic, lead_to
from greenroom.storage.memory import MemoryStore
from tests.bench.table import Table

ROUNDS = 9
KEYS = 20_000
BAR = 4.0
GOAL_US = 0.8
AT_MS = 1_700_000_000_000
OURS = "greenroom, with project, version and reason"
LIVE: tuple[SlotRange, ...] = ((0, 8999),)
B: tuple[SlotRange, ...] = ((9000, 9999),)
HOME = WorkspaceId("wsp_bench")

Decide = Callable[[str], Any]


@dataclass
class Contestant:
    """Somebody who decides, how to tell that it was `b`, and the microseconds of each round."""

    name: str
    decide: Decide
    is_b: Callable[[Any], bool]
    rounds: list[float] = field(default_factory=list[float])
    seen: int = 0

    def play(self, keys: list[str]) -> None:
        """Decides for all keys once."""
        decide = self.decide
        begun = time.thread_time()
        for key in keys:
            decide(key)
        self.rounds.append((time.thread_time() - begun) / len(keys) * 1e6)


def pointers() -> ProjectPointers:
    """Returns a project whose split gives live nine tenths and b one."""
    live, b = (
        Pointer(alias, 7, f"salt of {alias}", full_arm(12), {12: Digest("sha256:0")}, {12: f"{alias} serves v12"})
        for alias in ("live", "b")
    )
    entry = Decider("bench", [(lead_to(live, "split 1 of hotel: live has 90 %"), LIVE), (lead_to(b, "b has 10 %"), B)])
    return ProjectPointers(ProjectId("prj_bench"), "live", {"live": live, "b": b}, Rules(entry))


def ours(stack: ExitStack) -> list[Contestant]:
    """Returns the whole decision, and the look-up at its heart, which a resolver in the caller's process needs."""
    store = MemoryStore()
    traffic = Traffic(store, Programs(store, KINDS), SystemClock())
    traffic._table = {(HOME, "hotel"): pointers()}
    decider = Decider("bench", [("live", LIVE), ("b", B)])
    return [
        Contestant(
            OURS,
            lambda key: traffic.decide_at_slot(HOME, "hotel", key, None),
            lambda found: found[0].environment == "b",
        ),
        Contestant("greenroom, the slot's owner", decider.choose, lambda found: found[0] == "b"),
    ]


def statsig(stack: ExitStack) -> list[Contestant]:
    """A gate that a tenth passes, from an offline data adapter: its quickest decision."""
    core = import_module("statsig_python_core")
    make_user = core.StatsigUser
    common = {"isDeviceBased": False, "idType": "userID"}
    rule = {"name": "b", "id": "b", "salt": "b", "passPercentage": 10, "conditions": ["all"], "returnValue": True}
    gate = {"type": "feature_gate", "salt": "bench", "defaultValue": False, "enabled": True, "entity": "feature_gate"}
    public = {"type": "public", "targetValue": None, "operator": None, "field": None, "additionalValues": {}}
    specs = {
        "has_updates": True,
        "time": AT_MS,
        "dynamic_configs": {},
        "layer_configs": {},
        "experiment_to_layer": {},
        "layers": {},
        "condition_map": {"all": {**public, **common}},
        "feature_gates": {"split": {**gate, **common, "rules": [{**rule, **common}]}},
    }

    class Adapter(core.DataStore):
        def get(self, key: str) -> Any:
            return core.DataStoreResponse(result=json.dumps(specs), time=AT_MS)

    options = core.StatsigOptions(
        data_store=Adapter(), disable_network=True, disable_all_logging=True, output_log_level="none"
    )
    client = core.Statsig("secret-bench", options)
    client.initialize().wait()
    stack.callback(lambda: client.shutdown().wait())
    quiet = core.FeatureGateEvaluationOptions(disable_exposure_logging=True)
    return [Contestant("Statsig core", lambda key: client.check_gate(make_user(user_id=key), "split", quiet), bool)]


def flagsmith(stack: ExitStack) -> list[Contestant]:
    """A feature with two weighted values, by the engine alone; its context is built anew for each key."""
    evaluate = import_module("flag_engine.engine").get_evaluation_result
    environment = {"key": "bench", "name": "bench"}
    values = [{"value": "live", "weight": 90.0, "priority": 1}, {"value": "b", "weight": 10.0, "priority": 2}]
    feature = {"key": "1", "name": "split", "enabled": True, "value": "live", "variants": values}
    features: Any = {"split": feature}

    def decide(key: str) -> Any:
        identity: Any = {"identifier": key, "key": key}
        context: Any = {"environment": environment, "identity": identity, "features": features}
        return evaluate(context)["flags"]["split"]["value"]

    return [Contestant("Flagsmith engine", decide, lambda found: found == "b")]


def launchdarkly(stack: ExitStack) -> list[Contestant]:
    """A percentage rollout from the file source: the whole SDK."""
    ldclient, integrations = import_module("ldclient"), import_module("ldclient.integrations")
    rollout = {"variations": [{"variation": 0, "weight": 90_000}, {"variation": 1, "weight": 10_000}]}
    flag = {
        "key": "split",
        "on": True,
        "salt": "bench",
        "variations": ["live", "b"],
        "fallthrough": {"rollout": rollout},
    }
    folder = stack.enter_context(tempfile.TemporaryDirectory())
    file = Path(folder) / "flags.json"
    file.write_text(json.dumps({"flags": {"split": {**flag, "version": 1}}}))
    source = integrations.Files.new_data_source(paths=[str(file)])
    client = ldclient.LDClient(ldclient.Config("sdk-bench", update_processor_class=source, send_events=False))
    stack.callback(client.close)
    make = ldclient.Context.create
    decide: Decide = lambda key: client.variation("split", make(key), "live")  # noqa: E731
    return [Contestant("LaunchDarkly, file source", decide, lambda found: found == "b")]


def growthbook(stack: ExitStack) -> list[Contestant]:
    """A feature with a weighted rule, one instance for all keys: its quicker way."""
    rule = {"variations": ["live", "b"], "weights": [0.9, 0.1], "hashAttribute": "id", "key": "split", "hashVersion": 2}
    client = import_module("growthbook").GrowthBook(features={"split": {"defaultValue": "live", "rules": [rule]}})

    def decide(key: str) -> Any:
        client.set_attributes({"id": key})
        return client.get_feature_value("split", "live")

    return [Contestant("GrowthBook", decide, lambda found: found == "b")]


def unleash(stack: ExitStack) -> list[Contestant]:
    """A flag with two weighted variants, from a bootstrapped cache."""
    sdk, caches = import_module("UnleashClient"), import_module("UnleashClient.cache")
    variants = [
        {"name": name, "weight": weight, "weightType": "variable", "stickiness": "userId"}
        for name, weight in (("live", 900), ("b", 100))
    ]
    flag = {"name": "split", "type": "release", "enabled": True, "strategies": [{"name": "default", "parameters": {}}]}
    cache = caches.FileCache("bench", directory=stack.enter_context(tempfile.TemporaryDirectory()))
    cache.bootstrap_from_dict({"version": 2, "features": [{**flag, "variants": variants}]})
    client = sdk.UnleashClient(
        "http://127.0.0.1:9/api", "bench", disable_metrics=True, disable_registration=True, cache=cache
    )
    client.initialize_client(fetch_toggles=False)
    stack.callback(client.destroy)
    return [
        Contestant(
            "Unleash", lambda key: client.get_variant("split", {"userId": key}), lambda found: found["name"] == "b"
        )
    ]


def run() -> None:
    """Prints microseconds a decision, and how many times slower than ours the others are."""
    logging.disable(logging.WARNING)
    table = Table(
        f"decide in process: 90 / 10, {ROUNDS} alternated rounds of {KEYS:,} new keys",
        ("who", "CPU µs", "decisions/s", "× ours", "sent to b", "bar"),
    )
    with ExitStack() as stack:
        contestants = ours(stack)
        for meet in (statsig, flagsmith, launchdarkly, growthbook, unleash):
            try:
                contestants += meet(stack)
            except ModuleNotFoundError as missing:
                print(f"{meet.__name__}: not installed ({missing.name}); scripts/setup.sh bench")
        for number in range(ROUNDS):
            keys = [f"user-{number}-{place}" for place in range(KEYS)]
            for one in contestants if number % 2 else contestants[::-1]:
                one.play(keys)
        sample = [f"user-{place}" for place in range(KEYS)]
        for one in contestants:
            one.seen = sum(one.is_b(one.decide(key)) for key in sample)
        _fill(table, contestants)
    logging.disable(logging.NOTSET)
    table.print()


def _fill(table: Table, contestants: list[Contestant]) -> None:
    mine = contestants[0]
    ratios = {
        one.name: statistics.median(theirs / own for theirs, own in zip(one.rounds, mine.rounds, strict=True))
        for one in contestants
    }
    fastest = min((ratios[one.name] for one in contestants[2:]), default=float("nan"))
    for one in contestants:
        cost, share = statistics.median(one.rounds), one.seen / KEYS
        assert 0.09 < share < 0.11, f"{one.name} sent {share:.1%} to b"
        verdict = ""
        if one is mine:
            met = "met" if fastest >= BAR else "MISSED"
            goal = "met" if cost <= GOAL_US else "missed"
            verdict = f"≥ {BAR:.0f}× of the fastest {met} ({fastest:.1f}×); goal ≤ {GOAL_US} µs {goal}"
        table.row(one.name, f"{cost:.2f}", f"{1e6 / cost:,.0f}", f"{ratios[one.name]:.1f}", f"{share:.2%}", verdict)
