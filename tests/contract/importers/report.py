"""Prints what becomes of every thing in the real PolyAI exports: `python -m tests.contract.importers.report`."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from greenroom.importers.polyai import read_project
from greenroom.wire.imports import STATUSES, Imported, count_by_status
from tests.support import data


def exports() -> tuple[Path, ...]:
    """Returns the folders of all PolyAI exports that are at hand."""
    field_service = data.shared_data() / "polyai-field-service"
    return (*data.polyai_exports(), *([field_service] if field_service.is_dir() else []))


def name_of(folder: Path) -> str:
    return folder.relative_to(data.shared_data()).as_posix()


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


def totals(imported: Imported) -> Counter[tuple[str, str, str]]:
    """Returns (status, item, reason) → how many."""
    found: Counter[tuple[str, str, str]] = Counter()
    for row in imported.report:
        found[row.status, row.item, row.reason] += row.count
    return found


def table(outcomes: Mapping[str, Imported]) -> str:
    """Returns the whole account as text: a column of counts for each export, the reason behind."""
    counts = {name: totals(imported) for name, imported in outcomes.items()}
    keys = sorted({key for found in counts.values() for key in found}, key=lambda key: (STATUSES.index(key[0]), key))
    widths = [max(len(name), 6) for name in counts]
    wide = max(len(item) for _, item, _ in keys)
    head = "  ".join(name.rjust(width) for name, width in zip(counts, widths, strict=True))
    lines = [f"{'':13}  {'':{wide}}  {head}  reason"]
    for status, item, reason in keys:
        cells = (str(found[status, item, reason] or "·") for found in counts.values())
        row = "  ".join(cell.rjust(width) for cell, width in zip(cells, widths, strict=True))
        lines.append(f"{status:13}  {item:{wide}}  {row}  {reason}".rstrip())
    for status in STATUSES:
        cells = (str(count_by_status(imported.report)[status]) for imported in outcomes.values())
        row = "  ".join(cell.rjust(width) for cell, width in zip(cells, widths, strict=True))
        lines.append(f"{'all ' + status:13}  {'':{wide}}  {row}")
    return "\n".join(lines)


def main() -> None:
    print(table({name_of(folder): read_project(files_of(folder)) for folder in exports()}))


if __name__ == "__main__":
    main()
