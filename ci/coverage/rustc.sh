#!/usr/bin/env bash
# Compiles a package of this workspace so that it counts which of its lines run. With the
# relocation, counters live in the profile's file itself: they survive a server that is killed.
exec "$@" -C instrument-coverage -C llvm-args=-runtime-counter-relocation
