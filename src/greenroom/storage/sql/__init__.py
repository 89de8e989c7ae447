"""The only place that knows SQLAlchemy: tables, rows, units of work, migrations."""
