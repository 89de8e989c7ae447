"""Reads the files that knowledge is made of: Markdown, HTML, PDF, text, DOCX, CSV. Hostile ones as well."""

from greenroom.providers.parsers.formats import parse_now
from greenroom.providers.parsers.process import SafeParser

__all__ = ["SafeParser", "parse_now"]
