#!/usr/bin/env python3
"""Says which lines the tests have run, from what ci/coverage.sh has left in the target directory.

    report.py TOOLS TARGET BOUND

Lines of unit tests and of what only tests use do not count. Fails if less than BOUND percent of
a package's lines were run. Names every function with lines that were not run, and whether
docs/coverage.md has a reason for it: which lines races run differs, so that fails nothing.
"""

import json
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PACKAGES = ["mux-core", "ftp-adapter"]
# Only tests use these: the models, and the plain list that the table is compared with.
FOR_TESTS = re.compile(r"/(tests|models|oracle)\.rs$")


def binaries(target: Path) -> list[str]:
    """The test programs, and the servers that they start."""
    found = [str(target / "coverage/muxftpd"), str(target / "coverage/tiny_ftpd")]
    for line in (target / "coverage/objects.json").read_text().splitlines():
        message = json.loads(line) if line.startswith("{") else {}
        if message.get("executable") and message["profile"]["test"]:
            found.append(message["executable"])
    return found


def counts(tools: Path, target: Path) -> dict[str, dict[int, int]]:
    """How often each line of each file was run."""
    profile = target / "coverage/all.profdata"
    raw = sorted(map(str, (target / "coverage/profiles").glob("*.profraw")))
    merge = [tools / "llvm-profdata", "merge", "--sparse", "--failure-mode=all"]
    subprocess.run([*merge, *raw, "-o", profile], check=True)
    first, *others = binaries(target)
    export = [tools / "llvm-cov", "export", "--format=lcov", f"--instr-profile={profile}", first]
    export += [f"--object={other}" for other in others]
    export += [str(ROOT / package / "src") for package in PACKAGES]
    lcov = subprocess.run(export, check=True, text=True, stdout=subprocess.PIPE).stdout
    lines: dict[str, dict[int, int]] = defaultdict(dict)
    for record in lcov.splitlines():
        if record.startswith("SF:"):
            file = str(Path(record[3:]).relative_to(ROOT))
        elif record.startswith("DA:"):
            number, count = map(int, record[3:].split(",")[:2])
            lines[file][number] = lines[file].get(number, 0) + count
    return lines


def without_tests(source: list[str]) -> int:
    """How many lines there are before the unit tests, which come last in every file."""
    for number, line in enumerate(source):
        if re.match(r"#\[cfg\((all\()?test", line) and "mod " in source[number + 1]:
            return number
    return len(source)


def function_of(source: list[str], line: int) -> str:
    """The function that a line is in."""
    for text in reversed(source[:line]):
        if named := re.search(r"\bfn (\w+)", text):
            return named[1]
    return "?"


def main() -> None:
    tools, target, bound = Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3])
    reasons = ROOT / "docs/coverage.md"
    known = set(re.findall(r"`([\w/.-]+\.rs)` `(\w+)`", reasons.read_text())) if reasons.exists() else set()
    total, run = defaultdict(int), defaultdict(int)
    left: dict[tuple[str, str], list[int]] = {}
    for file, lines in sorted(counts(tools, target).items()):
        if FOR_TESTS.search(file):
            continue
        source = (ROOT / file).read_text().splitlines()
        end = without_tests(source)
        package = file.split("/")[0]
        for number, count in sorted(lines.items()):
            if number > end:
                continue
            total[package] += 1
            run[package] += count > 0
            if count == 0:
                left.setdefault((file, function_of(source, number)), []).append(number)

    unexplained = 0
    for (file, function), numbers in left.items():
        explained = (file, function) in known
        unexplained += 0 if explained else len(numbers)
        mark = "explained " if explained else "NO REASON "
        print(f"{mark} {file} {function}: {', '.join(map(str, numbers))}")
    print()
    failed = False
    for package in PACKAGES:
        percent = 100 * run[package] / max(total[package], 1)
        print(f"{package}: {run[package]} of {total[package]} lines were run, {percent:.1f} %")
        failed |= percent < bound
    print(f"{unexplained} lines that were not run have no reason in docs/coverage.md")
    if failed:
        sys.exit(f"less than {bound:g} % of a package was run")


main()
