"""A store in dictionaries, for tests. Everything the SQL stores promise, except surviving the process."""

from greenroom.storage.memory.store import MemoryStore as MemoryStore
