"""The verbs: load, ask the domain, save state, event, audit and outbox in one unit of work."""
