#!/usr/bin/env python3
"""dockerfile.py SANDFLEET AGENT LAUNCHER: makes the image of tools/packaging/Dockerfile on a base of this
machine's own libraries, runs it, and waits until Docker finds it healthy."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).parents[3]
sys.path.insert(0, str(ROOT / "tests/support"))

from docker_engine import SKIPPED, answers, docker, import_tree, libraries_of  # noqa: E402

BASE, IMAGE = "sandfleet-test/serve-base:1", "sandfleet-test/serve:1"
PATIENCE = 60


def must(*arguments, **options):
    done = docker(*arguments, **options)
    if done.returncode != 0:
        sys.exit(f"docker {' '.join(arguments)}: {done.stderr}")
    return done.stdout.strip()


def make_base(place, program):
    tree = place / "base"
    for part in ("usr/bin", "tmp", "etc/sandfleet", "root", "var", "proc", "sys", "dev"):
        (tree / part).mkdir(parents=True)
    (tree / "bin").symlink_to("usr/bin")
    shutil.copy(shutil.which("bash"), tree / "usr/bin/bash")
    (tree / "usr/bin/sh").symlink_to("bash")
    for library in libraries_of([shutil.which("bash"), program]):
        target = tree / library.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(library, target)
    (tree / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/bash\n")
    import_tree(tree, BASE)


def make_image(place, program, agent, launcher):
    context = place / "context"
    (context / "usr/bin").mkdir(parents=True)
    (context / "usr/libexec/sandfleet").mkdir(parents=True)
    shutil.copy(program, context / "usr/bin/sandfleet")
    for each in (agent, launcher):
        shutil.copy(each, context / "usr/libexec/sandfleet")
    # By the engine's own builder, where there is no other: it needs no other program.
    must("build", "-q", "-f", str(ROOT / "tools/packaging/Dockerfile"), "--build-arg", f"BASE={BASE}",
         "-t", IMAGE, str(context), env={**os.environ, "DOCKER_BUILDKIT": "0"})


def health_of(container):
    """`healthy`, or what else Docker says; waits for the first thing that it says."""
    with subprocess.Popen(["timeout", str(PATIENCE), "docker", "events", "--filter",
                           f"container={container}", "--filter", "event=health_status",
                           "--format", "{{.Action}}"], stdout=subprocess.PIPE, text=True) as events:
        state = json.loads(must("inspect", container))[0]["State"]
        said = state["Health"]["Status"]
        if said == "starting" and state["Running"]:
            said = events.stdout.readline().strip() or "nothing in time"
        events.terminate()
    return said


def check(place):
    keys = place / "keys.toml"
    keys.write_text('[test]\nkey = "key-of-the-tests-0123"\n')
    keys.chmod(0o600)
    socket = must("context", "inspect", "--format", "{{.Endpoints.docker.Host}}")
    container = must("create", "--health-interval", "500ms", "-v",
                     f"{socket.removeprefix('unix://')}:/var/run/docker.sock", "-e",
                     "SANDFLEET_STATE_DIR=/tmp/state", IMAGE, "--keys", "/etc/sandfleet/keys.toml",
                     "--listen", "0.0.0.0:3000")
    try:
        must("cp", str(keys), f"{container}:/etc/sandfleet/keys.toml")
        must("start", container)
        said = health_of(container)
        if "healthy" not in said or "unhealthy" in said:
            sys.exit(f"its health: {said}\n{docker('logs', container)}")
        must("stop", "-t", "30", container)
        status = must("wait", container)
        if status != "0":
            sys.exit(f"its end: {status}\n{docker('logs', container)}")
    finally:
        docker("rm", "-f", "-v", container)


def main():
    if shutil.which("docker") is None or not answers():
        print("skipped: no Docker engine answers")
        sys.exit(SKIPPED)
    place = pathlib.Path(tempfile.mkdtemp(prefix="sandfleet-dockerfile-", dir="/tmp"))
    try:
        make_base(place, sys.argv[1])
        make_image(place, *sys.argv[1:4])
        check(place)
    finally:
        docker("image", "rm", "-f", IMAGE, BASE)
        shutil.rmtree(place, ignore_errors=True)
    print("built, healthy, ended in order")


main()
