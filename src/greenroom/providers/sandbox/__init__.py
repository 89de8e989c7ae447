"""Functions that users write, run in a sandbox."""

from greenroom.providers.sandbox.limits import Limits
from greenroom.providers.sandbox.monty import MontySandbox

__all__ = ["Limits", "MontySandbox"]
