"""Decides. No I/O, no clock, no dice, no framework: the standard library only."""
