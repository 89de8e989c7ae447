"""What publishing asks beyond bodies and references: that a version compiles and holds together.

    errors, warnings = check_program(entities)          # all of a snapshot
    errors, warnings = check_program(entities, only)    # what a change can break

One module for each group of kinds; `wholes` looks at what no single entity shows. What an import of another
system's agent may hold is never more than a warning here, where the runtime leaves it out and goes on.
"""

from greenroom.runtime.checks.snapshots import check_program

__all__ = ["check_program"]
