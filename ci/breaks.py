#!/usr/bin/env python3
"""Breaks the table in every way that ci/breaks/table.toml names, and sees the models notice.

Each break is applied to a copy of the sources, and the models it names are run under loom. Fails
if a model still passes with its break, if a model has no break, or if a break no longer applies.

    ci/breaks.py            all of them
    ci/breaks.py WORD ...   those whose name contains one of the words
"""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
COPY = TARGET / "breaks" / "tree"
LIMIT = 600  # seconds for one break: a model that a break makes endless counts as noticed


def copy_sources() -> None:
    shutil.rmtree(COPY, ignore_errors=True)
    files = subprocess.check_output(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT).decode().split("\0")
    for name in filter(None, files):
        if name.startswith("fuzz/corpus/") or not (ROOT / name).is_file():
            continue
        (COPY / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, COPY / name)


def run_models(models: list[str]) -> tuple[set[str], str]:
    """Which of the models pass, and all that was printed."""
    environment = os.environ | {
        # Of its own: cargo would take what was built from the copy for what is built from here.
        "CARGO_TARGET_DIR": str(TARGET / "breaks" / "target"),
        "RUSTFLAGS": os.environ.get("RUSTFLAGS", "") + " --cfg loom",
        # Loom runs on its own stack, and a backtrace per failure takes longer than the model.
        "RUST_BACKTRACE": "0",
    }
    command = ["cargo", "test", "--package", "mux-core", "--no-default-features", "--release"]
    command += ["--lib", "--", "--exact", *(f"table::models::{model}" for model in models)]
    try:
        done = subprocess.run(
            command, cwd=COPY, env=environment, text=True, timeout=LIMIT,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )
    except subprocess.TimeoutExpired:
        return set(), "it did not end"
    if "error: could not compile" in done.stdout:
        sys.exit(f"a break does not compile:\n{done.stdout}")
    passed = re.findall(r"^test table::models::(\w+) \.\.\. ok$", done.stdout, re.MULTILINE)
    return set(passed), done.stdout


def main() -> None:
    breaks = tomllib.loads((ROOT / "ci/breaks/table.toml").read_text())["break"]
    source = (ROOT / "mux-core/src/table/models.rs").read_text()
    models = set(re.findall(r"#\[test\]\nfn (\w+)", source))
    named = {model for entry in breaks for model in entry["models"]}
    if models != named:
        sys.exit(f"models without a break: {models - named}; breaks without a model: {named - models}")

    words = sys.argv[1:]
    if words:
        breaks = [entry for entry in breaks if any(word in entry["name"] for word in words)]
    copy_sources()
    survived = []
    for number, entry in enumerate(breaks, 1):
        file = COPY / "mux-core/src" / entry["file"]
        whole = file.read_text()
        before = entry["from"].strip("\n")
        if whole.count(before) != 1:
            sys.exit(f"{entry['name']}: {entry['file']} has it {whole.count(before)} times:\n{before}")
        file.write_text(whole.replace(before, entry["to"].strip("\n")))
        passed, printed = run_models(entry["models"])
        file.write_text(whole)
        for model in entry["models"]:
            caught = model not in passed
            if caught and f"table::models::{model}" not in printed and printed != "it did not end":
                sys.exit(f"{model} was not run:\n{printed}")
            verdict = "caught" if caught else "SURVIVED"
            print(f"[{number}/{len(breaks)}] {verdict}: {entry['name']} ({model})", flush=True)
            if not caught:
                survived.append(f"{entry['name']} ({model})")
    if survived:
        sys.exit("these breaks survived:\n" + "\n".join(survived))
    print(f"all {len(breaks)} breaks were caught")


main()
