"""Ports, answered by the outside world: clock, models, sandbox, outbound, notify, crypto."""
