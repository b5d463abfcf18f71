#!/usr/bin/env python3
"""Breaks the code in every way that ci/breaks/*.toml name, and sees the tests notice.

Each break is applied to a copy of the sources, and what it names is run there: of table.toml,
models under loom; of the others, tests. Fails if one of those still passes with its break, if a
model has no break, or if a break no longer applies.

    ci/breaks.py                the table: a minute or two
    ci/breaks.py --all          the mux and whole servers as well: half an hour
    ci/breaks.py [--all] WORD ...   those whose name contains one of the words
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "breaks"
COPY = TARGET / "tree"
LIMIT = 600  # seconds for one break: a test that a break makes endless counts as noticed


def copy_sources() -> None:
    shutil.rmtree(COPY, ignore_errors=True)
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    files = subprocess.check_output(command, cwd=ROOT).decode().split("\0")
    for name in filter(None, files):
        if name.startswith("fuzz/corpus/") or not (ROOT / name).is_file():
            continue
        (COPY / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, COPY / name)


def cargo_test(entry: dict) -> str | None:
    """Runs what a break names. All that was printed; `None` if it did not end."""
    environment = os.environ | {
        # Of its own: cargo would take what was built from the copy for what is built from here.
        "CARGO_TARGET_DIR": str(TARGET / "target"),
        # Loom runs on its own stack, and a backtrace per failure takes longer than the model.
        "RUST_BACKTRACE": "0",
    }
    if "models" in entry:
        environment["RUSTFLAGS"] = os.environ.get("RUSTFLAGS", "") + " --cfg loom"
        command = ["--package", "mux-core", "--no-default-features", "--release", "--lib", "--"]
        command += ["--exact", *(f"table::models::{model}" for model in entry["models"])]
    else:
        command = ["--package", entry["package"], "--test", entry["target"], "--", *entry["tests"]]
    with subprocess.Popen(
        ["cargo", "test", *command], cwd=COPY, env=environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
    ) as running:
        try:
            # One after the other: what a test says must not come between it and its verdict.
            printed = "".join(running.communicate(timeout=LIMIT))
        except subprocess.TimeoutExpired:
            # With the tests that it has started.
            os.killpg(running.pid, signal.SIGKILL)
            return None
    if "could not compile" in printed:
        sys.exit(f"a break does not compile:\n{printed}")
    return printed


def notices(test: str, printed: str | None) -> bool:
    """Whether the test, or one of its cases, did not pass."""
    if printed is None:
        return True
    if test not in printed:
        sys.exit(f"{test} was not run:\n{printed}")
    verdicts = re.findall(rf"^test (?:\S+::)?{test}(?:::\S+)? \.\.\. (\S+)$", printed, re.MULTILINE)
    # Without a verdict it took the whole program with it.
    return not verdicts or any(verdict != "ok" for verdict in verdicts)


def read(name: str) -> list[dict]:
    return tomllib.loads((ROOT / "ci/breaks" / name).read_text())["break"]


def main() -> None:
    breaks = read("table.toml")
    source = (ROOT / "mux-core/src/table/models.rs").read_text()
    models = set(re.findall(r"#\[test\]\nfn (\w+)", source))
    named = {model for entry in breaks for model in entry["models"]}
    if models != named:
        sys.exit(f"models without a break: {models - named}; breaks without a model: {named - models}")

    words = sys.argv[1:]
    if "--all" in words:
        words.remove("--all")
        breaks += read("mux.toml") + read("servers.toml")
    if words:
        breaks = [entry for entry in breaks if any(word in entry["name"] for word in words)]
    if not breaks:
        sys.exit(f"no break has one of these words in its name: {' '.join(words)}")
    copy_sources()
    survived = []
    for number, entry in enumerate(breaks, 1):
        file = COPY / entry["file"]
        whole = file.read_text()
        before = entry["from"].strip("\n")
        if whole.count(before) != 1:
            sys.exit(f"{entry['name']}: {entry['file']} has it {whole.count(before)} times:\n{before}")
        file.write_text(whole.replace(before, entry["to"].strip("\n")))
        printed = cargo_test(entry)
        file.write_text(whole)
        for test in entry.get("models") or entry["tests"]:
            noticed = notices(test, printed)
            verdict = "caught" if noticed else "SURVIVED"
            print(f"[{number}/{len(breaks)}] {verdict}: {entry['name']} ({test})", flush=True)
            if not noticed:
                survived.append(f"{entry['name']} ({test})")
    if survived:
        sys.exit("these breaks survived:\n" + "\n".join(survived))
    print(f"all {len(breaks)} breaks were caught")


main()
