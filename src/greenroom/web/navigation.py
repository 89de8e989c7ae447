"""What the side of every page leads to, in the words of the people who use it."""

from __future__ import annotations

from typing import Final

Item = tuple[str, str, str, str]
"""Path below the project, icon, label, and the section that it is marked in."""

NAVIGATION: Final[tuple[tuple[str, tuple[Item, ...]], ...]] = (
    (
        "Build",
        (
            ("/build", "stack", "Content", "build"),
            ("/knowledge", "book", "Knowledge", "knowledge"),
            ("/tests", "flask", "Tests", "tests"),
            ("/chat", "chat", "Test chat", "chat"),
        ),
    ),
    (
        "Deployments",
        (
            ("/environments", "list", "Environments", "environments"),
            ("/compare", "diff", "Compare", "compare"),
            ("/merge", "merge", "Merge", "merge"),
            ("/traffic", "split", "Traffic", "traffic"),
            ("/history", "log", "History", "history"),
        ),
    ),
    (
        "Measure",
        (
            ("/conversations", "chat", "Conversations", "conversations"),
            ("/analytics", "chart", "Analytics", "analytics"),
            ("/results", "table", "Results", "results"),
            ("/evaluations", "scale", "Evaluations", "evaluations"),
            ("/tickets", "ticket", "Tickets", "tickets"),
            ("/executions", "plug", "Executions", "executions"),
        ),
    ),
    (
        "Configure",
        (
            ("/numbers", "phone", "Numbers", "numbers"),
            ("/secrets", "lock", "Secrets", "secrets"),
            ("/connections", "plug", "Connections", "connections"),
            ("/tables", "table", "Tables", "tables"),
            ("/settings", "info", "Project settings", "settings"),
        ),
    ),
)


def find_pages(query: str) -> list[Item]:
    """Returns the pages whose label holds what is looked for."""
    wanted = query.strip().lower()
    return [item for _, items in NAVIGATION for item in items if wanted in item[2].lower()]
