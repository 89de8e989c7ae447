"""A version, talking: compiled, stepped as a pure engine, and driven through ports."""
