#!/usr/bin/env python3
"""Checks that docs/security.md names tests that exist.

A test is written `file::name`, or `file::*` for all tests of a file; the file is that of the test
without its ending, or its directory if it is one of several that make one program. Fails if one is
not there, if a promise of the document names none, or if a section that claims something does not.
"""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "docs/security.md"

# `file::` is how the document explains itself.
NAMED = re.compile(r"`(?!file::)([a-z_]\w*)::(\w+|\*)`")
# An attribute that makes a test, more attributes and comments, and the function. Inside of
# `proptest!` it is the same.
TEST = re.compile(
    r"#\[(?:tokio::test|test|rstest)\b[^\]]*\]\s*"
    r"(?:#\[[^\]]*\]\s*|//[^\n]*\n\s*)*(?:async )?fn (\w+)"
)


def tests() -> dict[str, set[str]]:
    """The tests by the stem of their file, and by the directory of their program."""
    found: dict[str, set[str]] = {}
    listed = subprocess.check_output(["git", "ls-files", "-co", "--exclude-standard", "*.rs"], cwd=ROOT, text=True)
    for name in listed.split():
        path = ROOT / name
        if not path.is_file():
            continue
        functions = set(TEST.findall(path.read_text()))
        if functions:
            for key in (path.stem, path.parent.name):
                found.setdefault(key, set()).update(functions)
    return found


def main() -> None:
    text = DOCUMENT.read_text()
    known = tests()
    wrong = []
    named = set(NAMED.findall(text))
    for file, test in sorted(named):
        if file not in known:
            wrong.append(f"there are no tests in a file {file}: `{file}::{test}`")
        elif test != "*" and test not in known[file]:
            wrong.append(f"there is no test `{file}::{test}`")

    promises = re.split(r"^(\d+)\. ", text.split("## The promises")[1].split("\n## ")[0], flags=re.M)
    numbers = [int(number) for number in promises[1::2]]
    if numbers != list(range(1, 13)):
        wrong.append(f"the promises are numbered {numbers}, not 1 to 12")
    for number, promise in zip(numbers, promises[2::2]):
        if not NAMED.search(promise):
            wrong.append(f"promise {number} names no test")

    # What claims something in a row of a table names its test there, or says why there is none.
    for section in ("RFC 2577", "Bounded resources"):
        body = text.split(f"## {section}")[1].split("\n## ")[0]
        for row in re.findall(r"^\| (?!---)(.*) \|$", body, flags=re.M)[1:]:
            if not NAMED.search(row) and "no test" not in row:
                wrong.append(f"{section}: no test is named in: {row.split('|')[0].strip()}")

    if wrong:
        sys.exit("docs/security.md: " + "\n".join(wrong))
    print(f"docs/security.md names {len(named)} tests, and all are there")


main()
