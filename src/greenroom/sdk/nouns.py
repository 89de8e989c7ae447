"""All nouns of the API as attributes of a client."""

from __future__ import annotations

from greenroom.sdk.checkpoints import Checkpoints
from greenroom.sdk.connections import Connections
from greenroom.sdk.content import Content, Kinds
from greenroom.sdk.conversations import Conversations
from greenroom.sdk.drafts import Drafts
from greenroom.sdk.environments import Environments
from greenroom.sdk.erasures import Erasures
from greenroom.sdk.evaluations import Evaluations
from greenroom.sdk.exchange import Call, as_model, path_of, read_call
from greenroom.sdk.executions import Executions
from greenroom.sdk.history import Audit, History
from greenroom.sdk.keys import Keys
from greenroom.sdk.knowledge import Knowledge
from greenroom.sdk.merges import Merges
from greenroom.sdk.numbers import Numbers
from greenroom.sdk.projects import Projects
from greenroom.sdk.readiness import Readiness
from greenroom.sdk.releases import Releases
from greenroom.sdk.results import Results
from greenroom.sdk.secrets import Secrets
from greenroom.sdk.share_links import ShareLinks
from greenroom.sdk.splits import Splits
from greenroom.sdk.tables import Tables
from greenroom.sdk.test_runs import TestRuns
from greenroom.sdk.testers import Testers
from greenroom.sdk.tickets import Tickets
from greenroom.sdk.traffic import Bundles, Traffic
from greenroom.sdk.transcripts import Transcripts
from greenroom.sdk.verb import Noun, S_co, Verb
from greenroom.sdk.versions import Versions
from greenroom.sdk.widgets import Widgets
from greenroom.wire.history import MeOut


class Nouns(Noun[S_co]):
    """What a client can speak about."""

    def __init__(self, sender: S_co) -> None:
        super().__init__(sender)
        self.projects = Projects(sender)
        self.kinds = Kinds(sender)
        self.content = Content(sender)
        self.environments = Environments(sender)
        self.releases = Releases(sender)
        self.merges = Merges(sender)
        self.readiness = Readiness(sender)
        self.drafts = Drafts(sender)
        self.checkpoints = Checkpoints(sender)
        self.versions = Versions(sender)
        self.traffic = Traffic(sender)
        self.numbers = Numbers(sender)
        self.splits = Splits(sender)
        self.testers = Testers(sender)
        self.share_links = ShareLinks(sender)
        self.bundles = Bundles(sender)
        self.conversations = Conversations(sender)
        self.transcripts = Transcripts(sender)
        self.erasures = Erasures(sender)
        self.tickets = Tickets(sender)
        self.executions = Executions(sender)
        self.tables = Tables(sender)
        self.knowledge = Knowledge(sender)
        self.secrets = Secrets(sender)
        self.connections = Connections(sender)
        self.test_runs = TestRuns(sender)
        self.results = Results(sender)
        self.evaluations = Evaluations(sender)
        self.widgets = Widgets(sender)
        self.history = History(sender)
        self.audit = Audit(sender)
        self.keys = Keys(sender)

    @Verb
    def me(self) -> Call[MeOut]:
        """Says who the caller is and what they may do."""
        return read_call(as_model(MeOut), path_of("me"))
