"""One agent system and everything about it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from greenroom.domain.environments import TemplateName
from greenroom.domain.errors import Fault, Invalid
from greenroom.domain.ids import EnvironmentId, ProjectId

PROJECT_SLUG = re.compile(r"[a-z][a-z0-9-]{0,59}")
MAX_NAME = 120


@dataclass(frozen=True, slots=True)
class Project:
    """A project; `slug` is its name in URLs and unique in the workspace."""

    id: ProjectId
    slug: str
    name: str
    template: TemplateName
    default_environment: EnvironmentId
    created_at: datetime


def check_project_slug(slug: str, pointer: str = "/slug") -> str:
    """Returns a slug that may name a project. Raises Invalid `invalid_slug`."""
    if PROJECT_SLUG.fullmatch(slug):
        return slug
    message = f"'{slug[:80]}' cannot be a project's slug: 1 to 60 of a-z, 0-9 and -, beginning with a letter"
    raise Invalid("invalid_slug", message, errors=[Fault(pointer, message)])


def suggest_project_slug(name: str) -> str:
    """Returns the slug that a name suggests, `project` when nothing usable is left."""
    text = re.sub(r"[^a-z0-9]+", "-", name.strip().lower()).strip("-")
    text = text.lstrip("0123456789-")[:60].rstrip("-")
    return text or "project"
