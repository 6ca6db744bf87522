#!/usr/bin/env python3
"""docker_engine.py start DIR: sees to a Docker engine for the tests, with their images. One that
answers is used as it is; else `dockerd` is started, with all that it keeps below DIR.
docker_engine.py image DIR: makes the one with bash for the engine that answers, with DIR to work in.
docker_engine.py stop DIR: removes the images, and ends an engine that was started.

Ends with 77 where there can be none, and says why."""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import time

SKIPPED = 77
START_SECONDS = 60
BUSYBOX, BASH = "sandfleet-test/busybox:1", "sandfleet-test/bash:1"
APPLETS = ["sh", "cat", "chmod", "cp", "date", "dd", "echo", "env", "head", "id", "kill", "ls", "mkdir",
           "mount", "mv", "nc", "nslookup", "ping", "ps", "pwd", "rm", "seq", "sleep", "sort", "stat",
           "tail", "test", "touch", "true", "uname", "wc", "wget", "whoami", "yes"]
PROGRAMS = ["bash", "cat", "chmod", "cp", "date", "dd", "echo", "env", "false", "grep", "head", "id",
            "kill", "ln", "ls", "mkdir", "mkfifo", "mv", "nohup", "printf", "ps", "pwd", "readlink",
            "rm", "seq", "setsid", "sleep", "sort", "stat", "stty", "tail", "tee", "test", "touch",
            "tr", "true", "tty", "uname", "wc", "yes"]


def docker(*arguments, **options):
    return subprocess.run(["docker", *arguments], capture_output=True, text=True, **options)


def answers():
    return docker("version").returncode == 0


def skip(reason):
    print(f"skipped: {reason}")
    sys.exit(SKIPPED)


def start_daemon(place):
    for program in ("dockerd", "iptables"):
        if shutil.which(program) is None:
            skip(f"no Docker engine answers, and there is no {program} (Debian: docker.io, iptables)")
    if os.geteuid() != 0:
        skip("no Docker engine answers, and only root may start one")
    place.mkdir(parents=True, exist_ok=True)
    log = open(place / "log", "wb")
    daemon = subprocess.Popen(
        ["dockerd", "--data-root", place / "data", "--exec-root", place / "exec",
         "--pidfile", place / "pid", "--shutdown-timeout", "5"],
        stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
    deadline = time.monotonic() + START_SECONDS
    while not answers():
        # It tells nobody when it listens.
        if daemon.poll() is not None or time.monotonic() > deadline:
            daemon.kill()
            text = (place / "log").read_text(errors="replace")[-1500:]
            shutil.rmtree(place, ignore_errors=True)
            skip(f"dockerd cannot be started here:\n{text}")
        time.sleep(0.05)


def libraries_of(programs):
    listed = subprocess.run(["ldd", *programs], capture_output=True, text=True, check=False).stdout
    return set(re.findall(r"[\t ](/\S+)", listed))


def import_tree(tree, name, *changes):
    """Not when the engine has it already: an engine may be used for more than one run."""
    archive = tree.parent / "image.tar"
    with tarfile.open(archive, "w") as tar:
        tar.add(tree, arcname=".")
    options = [word for change in changes for word in ("--change", change)]
    done = docker("import", *options, str(archive), name)
    archive.unlink()
    if done.returncode != 0:
        sys.exit(f"docker import {name}: {done.stderr}")


def make_busybox(tree):
    (tree / "bin").mkdir(parents=True)
    (tree / "tmp").mkdir()
    (tree / "tmp").chmod(0o1777)
    shutil.copy("/bin/busybox", tree / "bin/busybox")
    for applet in APPLETS:
        (tree / "bin" / applet).symlink_to("busybox")
    import_tree(tree, BUSYBOX)


def make_bash(tree):
    """Bash and what tests call, with the libraries that they need, from this machine."""
    for part in ("usr/bin", "tmp", "etc", "root", "var", "proc", "sys", "dev"):
        (tree / part).mkdir(parents=True)
    (tree / "tmp").chmod(0o1777)
    (tree / "bin").symlink_to("usr/bin")
    programs = [(name, found) for name in PROGRAMS if (found := shutil.which(name))]
    for name, found in programs:
        shutil.copy(found, tree / "usr/bin" / name)
    (tree / "usr/bin/sh").symlink_to("bash")
    for library in libraries_of([found for _, found in programs]):
        target = tree / library.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(library, target)
    (tree / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/bash\n")
    (tree / "etc/group").write_text("root:x:0:\n")
    import_tree(tree, BASH)


def start(place):
    if shutil.which("docker") is None:
        skip("there is no docker program (Debian: docker.io)")
    if not answers():
        start_daemon(place)
    make_image(place, BUSYBOX, make_busybox)
    make_image(place, BASH, make_bash)


def make_image(place, name, make):
    if docker("image", "inspect", name).returncode == 0:
        return
    tree = place / "tree"
    tree.mkdir(parents=True)
    make(tree)
    shutil.rmtree(tree)


def stop(place):
    if shutil.which("docker") is None or not answers():
        return
    docker("image", "rm", "-f", BUSYBOX, BASH)
    pid_file = place / "pid"
    if not pid_file.exists():
        return
    pid = int(pid_file.read_text())
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + START_SECONDS
    while pathlib.Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
        time.sleep(0.05)  # no child of ours
    shutil.rmtree(place, ignore_errors=True)


def main():
    todo, place = sys.argv[1], pathlib.Path(sys.argv[2])
    if todo == "image":
        make_image(place, BASH, make_bash)
    else:
        {"start": start, "stop": stop}[todo](place)


if __name__ == "__main__":
    main()
