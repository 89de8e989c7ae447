"""All the verbs in one place, as a door is given them."""

from __future__ import annotations

from collections.abc import Mapping

from greenroom.domain.environments import MOST_ENVIRONMENTS
from greenroom.domain.kind import Registry
from greenroom.ports import Clock, Reachable, Store
from greenroom.runtime.matcher_vectors import Embedder
from greenroom.services.access import Access
from greenroom.services.accounts import Accounts
from greenroom.services.checkpoints import Checkpoints
from greenroom.services.code_checks import CodeChecks
from greenroom.services.comparisons import Comparisons
from greenroom.services.connections import Connections
from greenroom.services.content import Content
from greenroom.services.conversations import Conversations
from greenroom.services.deletions import Deletions
from greenroom.services.discards import Discards
from greenroom.services.draft_loads import DraftLoads
from greenroom.services.drafts import Drafts
from greenroom.services.entity_checks import EntityChecks
from greenroom.services.entity_history import EntityHistories
from greenroom.services.entries import Entries
from greenroom.services.environment_changes import EnvironmentChanges
from greenroom.services.environments import Environments
from greenroom.services.erasures import Erasures
from greenroom.services.evaluations import Evaluations
from greenroom.services.executions import Executions
from greenroom.services.guests import Guests
from greenroom.services.history import History
from greenroom.services.imports import Imports, Reader
from greenroom.services.keys import Keys
from greenroom.services.knowledge import Knowledge
from greenroom.services.knowledge_access import open_connections
from greenroom.services.knowledge_listings import KnowledgeListings
from greenroom.services.knowledge_retrieval import Retrieval
from greenroom.services.knowledge_sources import Gatherer
from greenroom.services.knowledge_syncs import SyncJobs
from greenroom.services.made_tests import MadeTests
from greenroom.services.merges import Merges
from greenroom.services.migrations import Migrations
from greenroom.services.numbers import Numbers
from greenroom.services.outside import Reaching
from greenroom.services.presence import Presence
from greenroom.services.programs import Programs
from greenroom.services.projects import Projects
from greenroom.services.publishing import Publishing
from greenroom.services.readiness import Readiness
from greenroom.services.releases import Releases
from greenroom.services.replays import Replays
from greenroom.services.results import Results
from greenroom.services.secrets import Secrets
from greenroom.services.share_links import ShareLinks
from greenroom.services.splits import Splits
from greenroom.services.table_rows import TableAsks
from greenroom.services.tables import Tables
from greenroom.services.test_runs import TestRuns
from greenroom.services.testers import Testers
from greenroom.services.tickets import Tickets
from greenroom.services.traffic import Traffic
from greenroom.services.transcripts import Transcripts
from greenroom.services.versions import Versions
from greenroom.services.widgets import Widgets
from greenroom.services.work import Work


class Desk:
    """The services over one store. `readers` are the importers by format, `reachable` what agents reach.

    `embedder` gives texts vectors where the extra weights are installed.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        kinds: Registry,
        readers: Mapping[str, Reader],
        reachable: Reachable | None = None,
        embedder: Embedder | None = None,
        most_environments: int = MOST_ENVIRONMENTS,
    ) -> None:
        parts = reachable or Reachable()
        self.store = store
        self.clock = clock
        self.kinds = kinds
        self.work = Work(store, clock, kinds)
        self.programs = Programs(store, kinds, embedder)
        self.access = Access(store, clock)
        self.accounts = Accounts(self.work, parts.passwords)
        self.projects = Projects(self.work)
        self.environments = Environments(self.work)
        self.drafts = Drafts(self.work)
        checks = CodeChecks(self.work, parts.sandbox)
        self.entity_checks = EntityChecks(self.work, checks)
        self.readiness = Readiness(self.work)
        self.publishing = Publishing(self.work, self.drafts, self.programs, self.readiness, checks)
        self.releases = Releases(self.work, self.programs, self.readiness)
        self.content = Content(self.work)
        self.comparisons = Comparisons(self.work)
        self.versions = Versions(self.work)
        self.imports = Imports(self.work, self.drafts, readers)
        self.secrets = Secrets(self.work, parts.cipher)
        self._branch(most_environments)
        self.connections = Connections(self.work, self.secrets.find_values)
        self.retrieval = Retrieval(self.work, embedder)
        gatherer = Gatherer(parts.outbound, parts.parser, parts.feeds, open_connections(self.work, self.connections))
        self.syncs = SyncJobs(self.work, gatherer, self.drafts.save)
        self.knowledge = Knowledge(self.work, parts.parser, self.retrieval, self.syncs)
        self.outside = Reaching(
            clock,
            parts,
            secrets=self.secrets.find_values,
            model_keys=self.connections.find_model_key,
            knowledge=self.retrieval.answer,
            tables=TableAsks(store, clock).answer,
        )
        self.conversations = Conversations(self.work, self.programs, self.outside, parts.cipher)
        self._judge()
        self._keep_data(parts)
        self.traffic = Traffic(store, self.programs, clock)
        self.guests = Guests(self.work, self.traffic, self.conversations)

    def _judge(self) -> None:
        """Makes the verbs that try versions and judge conversations."""
        self.test_runs = TestRuns(self.work, self.programs, self.outside, self.outside.confine)
        self.evaluations = Evaluations(self.work, self.outside)

    def _branch(self, most_environments: int) -> None:
        """Makes the verbs of parallel work."""
        self.draft_loads = DraftLoads(self.work, self.drafts)
        self.discards = Discards(self.work, self.drafts, self.draft_loads)
        self.checkpoints = Checkpoints(self.work, self.drafts, self.draft_loads)
        self.presence = Presence(self.work)
        self.environment_changes = EnvironmentChanges(
            self.work, self.programs, self.environments, self.secrets, most_environments
        )
        self.deletions = Deletions(self.work, self.drafts)
        self.merges = Merges(self.work, self.programs, self.deletions, self.readiness)
        self.migrations = Migrations(self.work)

    def _keep_data(self, parts: Reachable) -> None:
        """Makes the verbs of what no version holds."""
        self.history = History(self.work)
        self.entity_history = EntityHistories(self.work)
        self.knowledge_listings = KnowledgeListings(self.work, self.drafts)
        self.made_tests = MadeTests(self.work, self.drafts)
        self.keys = Keys(self.work)
        self.numbers = Numbers(self.work)
        self.results = Results(self.work)
        self.widgets = Widgets(self.work, self.programs)
        self.transcripts = Transcripts(self.work)
        self.erasures = Erasures(self.work)
        self.splits = Splits(self.work)
        self.testers = Testers(self.work)
        self.share_links = ShareLinks(self.work)
        self.entries = Entries(self.work)
        self.tickets = Tickets(self.work)
        self.executions = Executions(self.work)
        self.tables = Tables(self.work)
        self.replays = Replays(self.work, self.programs, parts.cipher)
