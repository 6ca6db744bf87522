#!/usr/bin/env python3
"""Lists what sandboxes and tests may leave on this machine, or what is new since an earlier list.

    tools/leak_census.py > before
    tools/leak_census.py --since before     exit status 1 when something new stays

Processes, mounts, control groups, unix sockets, directories below the state directories and /tmp,
and containers where a Docker engine answers. What is new is given 10 s to go.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

OURS = re.compile(r"sandfleet|/sb-[0-9a-f]{16}")
TEMPORARY = re.compile(r"^sandfleet")
PATIENCE_S = 10


def read(path):
    try:
        return Path(path).read_bytes()
    except OSError:  # it has gone, or is not ours to read
        return b""


def processes():
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        name = read(entry / "comm").decode(errors="replace").strip()
        stat = read(entry / "stat").decode(errors="replace").rsplit(")", 1)[-1].split()
        if not stat or stat[0] == "Z":
            continue
        if name.startswith("sandfleet") or b"SANDFLEET_SANDBOX=" in read(entry / "environ"):
            yield f"process {entry.name} {name} started at {stat[19]}"


def mounts():
    for line in read("/proc/self/mountinfo").decode(errors="replace").splitlines():
        if OURS.search(line.split()[4]):
            yield "mount " + line.split()[4]


def control_groups():
    for place, _, _ in os.walk("/sys/fs/cgroup"):
        if OURS.search(place):
            yield "control group " + place


def sockets():
    for line in read("/proc/net/unix").decode(errors="replace").splitlines():
        path = line.split()[7:]
        if path and OURS.search(path[0]):
            yield "socket " + path[0]


def files():
    places = {Path("/tmp"), Path(tempfile.gettempdir()), Path("/dev/shm")}
    for place in places:
        yield from (f"file {found}" for found in place.iterdir() if TEMPORARY.match(found.name))
    states = [Path("/run/sandfleet")]
    if runtime := os.environ.get("XDG_RUNTIME_DIR"):
        states.append(Path(runtime) / "sandfleet")
    for state in states:
        yield from (f"file {found}" for found in state.glob("*/*") if found.parent.name != "docker")
        yield from (f"file {found}" for found in state.glob("docker/[os]*/*"))


def containers():
    if shutil.which("docker"):
        listed = subprocess.run(["docker", "ps", "-aq", "--no-trunc", "--filter", "label=sandfleet.sandbox"],
                                capture_output=True, text=True, check=False).stdout
        yield from (f"container {found}" for found in listed.split())


def census():
    return {*processes(), *mounts(), *control_groups(), *sockets(), *files(), *containers()}


def main():
    if sys.argv[1:2] != ["--since"]:
        print("\n".join(sorted(census())))
        return 0
    before = set(Path(sys.argv[2]).read_text(encoding="utf-8").splitlines())
    deadline = time.monotonic() + PATIENCE_S
    while (left := census() - before) and time.monotonic() < deadline:
        time.sleep(0.5)
    if left:
        print("left behind (or begun by somebody else meanwhile):", *sorted(left), sep="\n  ")
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
