"""What changed inside a text: word by word for prose, line by line for code; and three-way merging of lines.

All work is bounded by a count of steps, not by a clock, so that the same texts always give the same hunks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final, Literal, NamedTuple

HunkOp = Literal["same", "added", "removed"]
WordHunk = tuple[HunkOp, str]

Block = tuple[int, int, int]
"""Place in the text before, place in the text after, length: a run that is the same in both."""

MAX_STEPS: Final = 400_000
"""Steps that one alignment may take, about a quarter of a second; enough for some 900 differences."""

MAX_LINES: Final = 50_000
"""Lines of both sides together that a whole replacement lists one by one."""

# A placeholder is one word; ideographs and kana, written without spaces, are words of their own; else a run
# of anything but spaces and punctuation, so that combining marks stay with their letters.
_WORD = re.compile(
    r"\{\{[^{}\n]{1,120}\}\}|\s+|[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]"
    r"|[^\s!-/:-@\[-^`{-~\u2010-\u205e\u3000-\u30ff\u3400-\u9fff\uf900-\ufaff]+|."
)
_SidedEdit = tuple[int, int, tuple[str, ...], int]
_LINE = re.compile(r"[^\n]*\n|[^\n]+")


@dataclass(slots=True)
class Budget:
    """The steps that are left."""

    steps: int = MAX_STEPS


class Line(NamedTuple):
    """A line of a code diff with its number on each side, from 1; None where it does not exist.

    `ended` is False for a last line without a newline; `text` never holds the newline.
    """

    op: HunkOp
    before: int | None
    after: int | None
    text: str
    ended: bool = True


@dataclass(frozen=True, slots=True)
class LineHunk:
    """Changed lines with the unchanged ones around them. `before` and `after` are (first line, count)."""

    before: tuple[int, int]
    after: tuple[int, int]
    lines: tuple[Line, ...]


def word_hunks(before: str, after: str) -> list[WordHunk]:
    """Returns the hunks of a text, whitespace kept.

    Same and removed hunks together are exactly `before`, same and added ones `after`; a removed hunk comes
    before the added one that replaces it. Texts too different to align within MAX_STEPS are aligned by
    lines, and failing that replaced whole.
    """
    words = _WORD.findall(before), _WORD.findall(after)
    blocks = align(*words, Budget())
    if blocks is not None:
        return _join(_readable(list(_hunks(*words, blocks))))
    lines, budget = (split_lines(before), split_lines(after)), Budget()
    blocks = align(*lines, budget)
    if blocks is None:
        return _join([("removed", before), ("added", after)])
    return _join(_refine(list(_hunks(*lines, blocks)), budget))


def line_hunks(before: str, after: str, context: int = 3) -> list[LineHunk]:
    """Returns the changed lines with `context` unchanged lines around them, as a unified diff does.

    Only newlines end lines. Nothing is returned for equal texts; beyond MAX_STEPS everything is replaced, and
    then over MAX_LINES each side is shown as if it were one line.
    """
    if before == after:
        return []
    old, new = split_lines(before), split_lines(after)
    blocks = align(old, new, Budget())
    if blocks is None and len(old) + len(new) > MAX_LINES:
        old, new = [text for text in (before,) if text], [text for text in (after,) if text]
    hunks: list[LineHunk] = []
    lines: list[Line] = []
    changed = False
    for i, i_end, j, j_end, block in _gaps(len(old), len(new), blocks or []):
        lines += [_line("removed", n + 1, None, old[n]) for n in range(i, i_end)]
        lines += [_line("added", None, n + 1, new[n]) for n in range(j, j_end)]
        changed = changed or i < i_end or j < j_end
        length = block[2] if block else 0
        kept = min(length, context) if changed else 0
        lines += [_line("same", i_end + n + 1, j_end + n + 1, old[i_end + n]) for n in range(kept)]
        if changed and (block is None or length > 2 * context):
            hunks.append(_hunk(lines, context, i_end, j_end))
            lines, changed = [], False
        first = kept if changed else max(kept, length - context)
        lines += [_line("same", i_end + n + 1, j_end + n + 1, old[i_end + n]) for n in range(first, length)]
    return hunks


def merge_lines(base: str, ours: str, theirs: str) -> str | None:
    """Returns the text with the lines that both sides changed, or None when that is not safe.

    It is safe when at least one unchanged line lies between any two changes, or both sides made the very
    same one. Which side is called ours does not matter.
    """
    lines = split_lines(base)
    edits: list[tuple[int, int, tuple[str, ...]]] = []
    for side in (ours, theirs):
        other = split_lines(side)
        blocks = align(lines, other, Budget())
        if blocks is None:
            return None
        edits.extend(_edits(lines, other, blocks))
    merged: list[str] = []
    position = -1
    for start, stop, new in sorted(set(edits)):
        if start <= position:
            return None
        merged.extend(lines[max(position, 0) : start])
        merged.extend(new)
        position = stop
    return "".join(merged + lines[max(position, 0) :])


def settle_lines(base: str, ours: str, theirs: str) -> tuple[str, str]:
    """Returns both sides with each other's changes of lines made wherever they do not meet.

    The two differ only where both sides changed the same lines or neighbours, each in its own way; texts too
    different to align come back as they are.
    """
    lines = split_lines(base)
    edits: list[_SidedEdit] = []
    for side, text in enumerate((ours, theirs)):
        other = split_lines(text)
        blocks = align(lines, other, Budget())
        if blocks is None:
            return ours, theirs
        edits.extend((*edit, side) for edit in _edits(lines, other, blocks))
    settled: tuple[list[str], list[str]] = [], []
    done = 0
    for group in _meeting(sorted(edits)):
        start, stop = group[0][0], max(edit[1] for edit in group)
        mine, yours = ([edit[:3] for edit in group if edit[3] == side] for side in (0, 1))
        if not (mine and yours):
            mine = yours = mine or yours
        for made, side in zip((mine, yours), settled, strict=True):
            side.extend(lines[done:start])
            side.extend(_edited(lines, start, stop, made))
        done = stop
    ours, theirs = ("".join(side + lines[done:]) for side in settled)
    return ours, theirs


def split_lines(text: str) -> list[str]:
    """Returns the lines of a text with their newlines; joined they are the text."""
    return _LINE.findall(text)


def align(before: Sequence[str], after: Sequence[str], budget: Budget) -> list[Block] | None:
    """Returns the blocks that a shortest edit keeps (Myers 1986), rising; None when the budget runs out.

    Costs the length plus the square of the number of differences, in steps and in memory.
    """
    head = _count_same(before, after)
    rest = min(len(before), len(after)) - head
    tail = _count_same(before[::-1], after[::-1], rest)
    numbers: dict[str, int] = {}
    a = [numbers.setdefault(item, len(numbers)) for item in before[head : len(before) - tail]]
    b = [numbers.setdefault(item, len(numbers)) for item in after[head : len(after) - tail]]
    trace = _search(a, b, budget) if a and b else []
    if trace is None:
        return None
    blocks = [(i + head, j + head, n) for i, j, n in _trace_back(trace, len(a), len(b))] if trace else []
    ends = [(0, 0, head), *blocks, (len(before) - tail, len(after) - tail, tail)]
    return [block for block in ends if block[2]]


def _count_same(a: Sequence[str], b: Sequence[str], limit: int | None = None) -> int:
    count = 0
    for x, y in zip(a, b, strict=False):
        if x != y or count == limit:
            break
        count += 1
    return count


def _search(a: Sequence[int], b: Sequence[int], budget: Budget) -> list[list[int]] | None:
    """Returns, for each number of differences, how far every diagonal had come; diagonal k is at k + d."""
    trace: list[list[int]] = []
    rows, columns = len(a), len(b)
    reached = [0]
    for differences in range(rows + columns + 1):
        row = [0] * (2 * differences + 1)
        budget.steps -= differences + 1
        for k in range(-differences, differences + 1, 2):
            if differences == 0:
                x = 0
            else:
                # `reached` is one shorter on each side: diagonal k sits at k + differences - 1.
                down = reached[k + differences] if k + 1 < differences else -1
                right = reached[k + differences - 2] + 1 if k - 1 > -differences else -1
                x = max(down, right)
            y = x - k
            start = x
            while x < rows and y < columns and a[x] == b[y]:
                x += 1
                y += 1
            row[k + differences] = x
            budget.steps -= x - start
            if budget.steps < 0:
                return None
            if x >= rows and y >= columns:
                trace.append(row)
                return trace
        trace.append(row)
        reached = row
    return trace


def _trace_back(trace: Sequence[Sequence[int]], x: int, y: int) -> list[Block]:
    blocks: list[Block] = []
    for differences in range(len(trace) - 1, 0, -1):
        reached, k = trace[differences - 1], x - y
        down = reached[k + differences] if k + 1 < differences else -1
        right = reached[k + differences - 2] + 1 if k - 1 > -differences else -1
        start = max(down, right)
        if x > start:
            blocks.append((start, start - k, x - start))
        x, y = (start, start - k - 1) if down >= right else (start - 1, start - k)
    if x:
        blocks.append((0, 0, x))
    return blocks[::-1]


def _gaps(before: int, after: int, blocks: Sequence[Block]) -> Iterator[tuple[int, int, int, int, Block | None]]:
    """Yields (from, to, from, to, block): the stretch that differs, and the block that follows it."""
    i = j = 0
    for block in blocks:
        yield i, block[0], j, block[1], block
        i, j = block[0] + block[2], block[1] + block[2]
    yield i, before, j, after, None


def _hunks(before: Sequence[str], after: Sequence[str], blocks: Sequence[Block]) -> Iterator[WordHunk]:
    for i, i_end, j, j_end, block in _gaps(len(before), len(after), blocks):
        yield "removed", "".join(before[i:i_end])
        yield "added", "".join(after[j:j_end])
        if block:
            yield "same", "".join(before[block[0] : block[0] + block[2]])


def _edits(
    before: Sequence[str], after: Sequence[str], blocks: Sequence[Block]
) -> Iterator[tuple[int, int, tuple[str, ...]]]:
    for i, i_end, j, j_end, _ in _gaps(len(before), len(after), blocks):
        if i < i_end or j < j_end:
            yield i, i_end, tuple(after[j:j_end])


def _meeting(edits: Sequence[_SidedEdit]) -> Iterator[list[_SidedEdit]]:
    """Yields edits in groups between which at least one unchanged line lies."""
    group: list[_SidedEdit] = []
    end = -1
    for edit in edits:
        if group and edit[0] > end:
            yield group
            group = []
        group.append(edit)
        end = max(end, edit[1])
    if group:
        yield group


def _edited(
    lines: Sequence[str], start: int, stop: int, edits: Sequence[tuple[int, int, tuple[str, ...]]]
) -> Iterator[str]:
    for first, last, new in edits:
        yield from lines[start:first]
        yield from new
        start = last
    yield from lines[start:stop]


def _line(op: HunkOp, before: int | None, after: int | None, text: str) -> Line:
    return Line(op, before, after, text.removesuffix("\n"), text.endswith("\n"))


def _hunk(lines: list[Line], context: int, before_end: int, after_end: int) -> LineHunk:
    last = max(index for index, line in enumerate(lines) if line.op != "same")
    lines = lines[: last + 1 + context]
    numbers_before = [line.before for line in lines if line.before is not None]
    numbers_after = [line.after for line in lines if line.after is not None]
    # As in a unified diff, a side without lines is named by the line before it.
    before = (numbers_before[0] if numbers_before else before_end, len(numbers_before))
    after = (numbers_after[0] if numbers_after else after_end, len(numbers_after))
    return LineHunk(before, after, tuple(lines))


def _readable(hunks: Sequence[WordHunk]) -> list[WordHunk]:
    """Returns the hunks with mere whitespace between two changes made part of both."""
    result: list[WordHunk] = []
    for index, (op, text) in enumerate(hunks):
        around = hunks[max(0, index - 2) : index], hunks[index + 1 : index + 3]
        if op == "same" and text.isspace() and all(any(hunk[1] for hunk in side) for side in around):
            result.append(("removed", text))
            result.append(("added", text))
        else:
            result.append((op, text))
    return result


def _refine(hunks: Sequence[WordHunk], budget: Budget) -> list[WordHunk]:
    """Returns hunks of lines with replaced lines compared by words, as far as the budget reaches."""
    result: list[WordHunk] = []
    for op, text in hunks:
        if op == "added" and text and result and result[-1][0] == "removed" and result[-1][1]:
            words = _WORD.findall(result[-1][1]), _WORD.findall(text)
            blocks = align(*words, budget) if budget.steps > 0 else None
            if blocks is not None:
                result[-1:] = _readable(list(_hunks(*words, blocks)))
                continue
        result.append((op, text))
    return result


def _join(hunks: Sequence[WordHunk]) -> list[WordHunk]:
    """Returns the hunks with neighbours of one kind joined, removed before added, and none empty."""
    result: list[WordHunk] = []
    full = [hunk for hunk in hunks if hunk[1]]
    for is_same, group in groupby(full, key=lambda hunk: hunk[0] == "same"):
        parts = list(group)
        ops: tuple[HunkOp, ...] = ("same",) if is_same else ("removed", "added")
        for op in ops:
            text = "".join(piece for other, piece in parts if other == op)
            if text:
                result.append((op, text))
    return result
