"""What several kinds of test lean on: a PostgreSQL server, shared data, gaps to report."""
