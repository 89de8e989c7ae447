"""Measurements. Each bench_<noun>.py has `run()`, which prints a table: ours, peer, limit, ratio."""
