"""Greenroom, an open, self-hosted release system for conversational AI agents."""

__version__ = "0.1.0"
