#!/usr/bin/env python3
"""Checks that no package of the lock file needs a newer compiler than the workspace promises.

That the workspace's own code keeps the promise is checked by clippy (incompatible_msrv), which
runs in the gate, and by a build with that compiler in the CI workflow.
"""

import json
import subprocess
import sys


def version(text: str) -> tuple[int, ...]:
    parts = [int(part) for part in text.split(".")]
    return tuple(parts + [0] * (3 - len(parts)))


metadata = json.loads(
    subprocess.check_output(["cargo", "metadata", "--format-version", "1", "--all-features"])
)
members = set(metadata["workspace_members"])
promised = {p["rust_version"] for p in metadata["packages"] if p["id"] in members}
if len(promised) != 1 or None in promised:
    sys.exit(f"the workspace's packages promise different compilers: {promised}")
(promise,) = promised

newer = [
    f"{package['name']} {package['version']} needs Rust {package['rust_version']}"
    for package in metadata["packages"]
    if package["rust_version"] and version(package["rust_version"]) > version(promise)
]
if newer:
    sys.exit(f"the workspace promises Rust {promise}, but:\n" + "\n".join(newer))
print(f"every package builds with Rust {promise} or older")
