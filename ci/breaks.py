#!/usr/bin/env python3
"""Breaks the table in every way that ci/breaks/table.toml names, and sees its models notice.

Each break is applied to a copy of the sources, and the models that it names run there under loom.
Fails if one of those still passes with its break, if a model has no break, or if a break no longer
applies.

    ci/breaks.py            all: a minute or two
    ci/breaks.py WORD ...   those whose name contains one of the words
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
    """Runs the models that a break names. All that was printed; `None` if it did not end."""
    environment = os.environ | {
        # Of its own: cargo would take what was built from the copy for what is built from here.
        "CARGO_TARGET_DIR": str(TARGET / "target"),
        # Loom runs on its own stack, and a backtrace per failure takes longer than the model.
        "RUST_BACKTRACE": "0",
        "RUSTFLAGS": os.environ.get("RUSTFLAGS", "") + " --cfg loom",
    }
    command = ["--package", "mux-core", "--no-default-features", "--release", "--lib", "--"]
    command += ["--exact", *(f"table::models::{model}" for model in entry["models"])]
    with subprocess.Popen(
        ["cargo", "test", *command], cwd=COPY, env=environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
    ) as running:
        try:
            # One after the other: what a model says must not come between it and its verdict.
            printed = "".join(running.communicate(timeout=LIMIT))
        except subprocess.TimeoutExpired:
            # With the models that it has started.
            os.killpg(running.pid, signal.SIGKILL)
            return None
    if "could not compile" in printed:
        sys.exit(f"a break does not compile:\n{printed}")
    return printed


def notices(model: str, printed: str | None) -> bool:
    """Whether the model did not pass."""
    if printed is None:
        return True
    if model not in printed:
        sys.exit(f"{model} was not run:\n{printed}")
    verdict = re.search(rf"^test \S+::{model} \.\.\. (\S+)$", printed, re.MULTILINE)
    # Without a verdict it took the whole program with it.
    return verdict is None or verdict[1] != "ok"


def main() -> None:
    breaks = tomllib.loads((ROOT / "ci/breaks/table.toml").read_text())["break"]
    source = (ROOT / "mux-core/src/table/models.rs").read_text()
    models = set(re.findall(r"#\[test\]\nfn (\w+)", source))
    named = {model for entry in breaks for model in entry["models"]}
    if models != named:
        sys.exit(f"models without a break: {models - named}; breaks without a model: {named - models}")

    if words := sys.argv[1:]:
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
        for model in entry["models"]:
            noticed = notices(model, printed)
            verdict = "caught" if noticed else "SURVIVED"
            print(f"[{number}/{len(breaks)}] {verdict}: {entry['name']} ({model})", flush=True)
            if not noticed:
                survived.append(f"{entry['name']} ({model})")
    if survived:
        sys.exit("these breaks survived:\n" + "\n".join(survived))
    print(f"all {len(breaks)} breaks were caught")


main()
