"""Runs every benchmark, or those named: python -m tests.bench [noun ...]"""

import sys
from importlib import import_module
from pathlib import Path


def main(wanted: list[str]) -> int:
    nouns = sorted(file.stem.removeprefix("bench_") for file in Path(__file__).parent.glob("bench_*.py"))
    if unknown := set(wanted) - set(nouns):
        print(f"no such benchmark: {', '.join(sorted(unknown))}; there are: {', '.join(nouns) or 'none yet'}")
        return 2
    for noun in wanted or nouns:
        print(f"── {noun}", flush=True)
        import_module(f"tests.bench.bench_{noun}").run()
    print(f"greenroom: {len(wanted or nouns)} benchmarks run")
    return 0


sys.exit(main(sys.argv[1:]))
