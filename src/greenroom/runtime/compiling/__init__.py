"""A version's entities, turned into plans: one file for each family of kinds."""
