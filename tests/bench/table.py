"""A table of measurements on the terminal."""

from __future__ import annotations


class Table:
    """Rows of text under a title."""

    def __init__(self, title: str, columns: tuple[str, ...]) -> None:
        self.title = title
        self.rows: list[tuple[str, ...]] = [columns]

    def row(self, *cells: str) -> None:
        """Adds a row."""
        self.rows.append(cells)

    def print(self) -> None:
        """Prints the table with columns as wide as they need to be."""
        widths = [max(map(len, column)) for column in zip(*self.rows, strict=True)]
        print(self.title)
        for index, row in enumerate(self.rows):
            print("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
            if index == 0:
                print("  " + "  ".join("─" * width for width in widths))
