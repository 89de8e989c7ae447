"""The only place that knows SQLAlchemy: tables, rows, units of work, migrations, backups."""

from greenroom.storage.sql.backup import backup as backup
from greenroom.storage.sql.backup import restore as restore
from greenroom.storage.sql.opening import migrate as migrate
from greenroom.storage.sql.opening import open_store as open_store
from greenroom.storage.sql.opening import schema_revision as schema_revision
from greenroom.storage.sql.revisions import newest_revision as newest_revision
