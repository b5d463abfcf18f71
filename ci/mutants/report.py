#!/usr/bin/env python3
"""Compares the mutants that no test noticed with those that are explained.

    report.py RESULTS

A mutant is known by its file and its description, not by its line, which moves. Fails if one has
no explanation, and if an explanation has no mutant any more.
"""

import re
import sys
import tomllib
from collections import Counter
from pathlib import Path

EXPLAINED = Path(__file__).with_name("explained.toml")


def missed(results: Path) -> tuple[Counter[str], set[str]]:
    """The mutants that survived, and the files that were looked at."""
    survived: Counter[str] = Counter()
    files = set()
    for part in sorted(results.iterdir()):
        out = part / "mutants.out"
        totals = {}
        for outcome in ("caught", "missed", "timeout", "unviable"):
            lines = (out / f"{outcome}.txt").read_text().splitlines()
            totals[outcome] = len(lines)
            for line in lines:
                file, description = re.fullmatch(r"(\S+?):\d+:\d+: (.*)", line).groups()
                files.add(file)
                if outcome == "missed":
                    survived[f"{file}: {description}"] += 1
        print(f"{part.name}: " + ", ".join(f"{count} {name}" for name, count in totals.items()))
    return survived, files


def main() -> None:
    survived, files = missed(Path(sys.argv[1]))
    explained: Counter[str] = Counter()
    for entry in tomllib.loads(EXPLAINED.read_text()).get("survivor", []):
        assert entry["reason"].strip(), entry
        explained[entry["mutant"]] += entry.get("times", 1)
    relevant = Counter({name: n for name, n in explained.items() if name.split(":")[0] in files})
    unexplained, outdated = survived - relevant, relevant - survived
    for name, times in unexplained.items():
        print(f"NOT NOTICED, NOT EXPLAINED ({times}): {name}")
    for name, times in outdated.items():
        print(f"explained, but noticed or gone ({times}): {name}")
    if unexplained or outdated:
        sys.exit(1)
    print(f"{survived.total()} mutants were not noticed, and each is explained")


main()
