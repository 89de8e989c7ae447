"""Ports, kept: in memory for tests, in SQL for everything else."""
