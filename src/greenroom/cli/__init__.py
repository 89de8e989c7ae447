"""The same verbs, typed. Speaks only through the SDK, except server.py."""
