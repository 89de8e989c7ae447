"""What a version calls or looks up: tools, integrations, MCP servers, knowledge."""

from __future__ import annotations

from greenroom.domain.entities import Address, Body
from greenroom.runtime import bodies
from greenroom.runtime.checks.findings import Findings


def check_tool(found: Findings, address: Address, body: Body) -> None:
    """Checks that a tool has an address. Behind an integration an empty one is the integration's own."""
    if bodies.text(body, "url").strip():
        return
    if bodies.text(body, "integration"):
        message = f"{address} has no path: it calls the base URL of its integration itself"
        found.warn(f"/{address}/url", message, "no_path", "write the path, beginning with /")
    else:
        message = f"{address} has no URL, so every call of it fails"
        found.refuse(f"/{address}/url", message, "required", "write a URL that begins with https://")


def check_integration(found: Findings, address: Address, body: Body) -> None:
    """Checks that an integration has an address everywhere, or at least somewhere."""
    _check_address(found, address, body, "base_url", "base_urls")


def check_mcp(found: Findings, address: Address, body: Body) -> None:
    """Checks that an MCP server has an address everywhere, or at least somewhere."""
    _check_address(found, address, body, "url", "urls")


def _check_address(found: Findings, address: Address, body: Body, one: str, many: str) -> None:
    if bodies.text(body, one).strip():
        return
    some = ", ".join(sorted(bodies.table(body, many)))
    if some:
        message = f"{address} has an address in {some} only; calls from other environments fail"
        found.warn(f"/{address}/{one}", message, "no_address", f"write '{one}' for all other environments")
    else:
        message = f"{address} has no address, so every call of it fails"
        found.refuse(f"/{address}/{one}", message, "required", f"write '{one}', a URL that begins with https://")


def check_knowledge(found: Findings, address: Address, body: Body) -> None:
    """Checks the patterns of a site's pages, and that one that is on lists documents.

    That a source has what its type needs is the kind's own check.
    """
    site = bodies.mapping(bodies.mapping(body.get("source")).get("site"))
    for side in ("include", "exclude"):
        found.patterns(f"/{address}/source/site/{side}", bodies.texts(site, side))
    if bodies.flag(body, "enabled", True) and not bodies.objects(body, "documents"):
        message = f"{address} lists no documents: nothing is found in it"
        hint = "upload documents or sync the source, list them here, or switch it off"
        found.warn(f"/{address}/documents", message, "no_documents", hint)
