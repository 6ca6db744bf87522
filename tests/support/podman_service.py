#!/usr/bin/env python3
"""podman_service.py PROGRAM [ARGUMENT...]: runs a test program that wants a Docker engine with a podman
service in its place, which keeps all that it has in a directory of its own and ends with the program.

Ends with 77 where there can be none, and says why."""

import os
import pathlib
import resource
import shutil
import socket
import subprocess
import sys
import tempfile

SKIPPED = 77
ANSWER_SECONDS = 30


def skip(reason):
    print(f"skipped: {reason}")
    sys.exit(SKIPPED)


def configuration(place):
    """Works without systemd, without journald, and with as few rights as this machine gives."""
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    processes = resource.getrlimit(resource.RLIMIT_NPROC)[1]
    files = 65536 if files < 0 else min(files, 65536)
    processes = 32768 if processes < 0 else min(processes, 32768)
    runtime = "runc" if shutil.which("runc") else "crun"  # crun takes no mixed control groups
    path = place / "containers.conf"
    path.write_text(f"""[containers]
default_ulimits = ["nofile={files}:{files}", "nproc={processes}:{processes}"]
log_driver = "k8s-file"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "{runtime}"
[network]
network_backend = "netavark"
network_config_dir = "{place}/networks"
""")
    return path


def start(place):
    for program in ("podman", "docker"):
        if shutil.which(program) is None:
            skip(f"there is no {program} (Debian: podman, netavark; docker.io)")
    if os.geteuid() != 0:
        skip("only root may start podman's service here")
    address = place / "podman.sock"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(address))
    listener.listen()
    # The socket is handed over, as systemd does it: nobody has to wait until it is there.
    command = (f"exec 3<&{listener.fileno()}; LISTEN_PID=$$ LISTEN_FDS=1 exec setpriv --pdeathsig TERM "
               f"podman --root {place}/root --runroot {place}/run --tmpdir {place}/tmp "
               f"--storage-driver vfs system service --time=0")
    with open(place / "log", "wb") as log:
        service = subprocess.Popen(
            ["/bin/sh", "-c", command], stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
            pass_fds=[listener.fileno()], start_new_session=True,
            env=dict(os.environ, CONTAINERS_CONF=str(configuration(place))))
    listener.close()
    os.environ["DOCKER_HOST"] = f"unix://{address}"
    return service


def prepare(place):
    """The images, and a container that runs: a reason for a failure is found here, and not in each test."""
    engine = str(pathlib.Path(__file__).with_name("docker_engine.py"))
    trial = ["docker", "run", "--rm", "sandfleet-test/bash:1", "true"]
    for command in (["docker", "version"], [engine, "start", str(place / "images")], trial):
        done = subprocess.run(command, capture_output=True, text=True, timeout=ANSWER_SECONDS,
                              check=False)
        if done.returncode != 0:
            skip(f"podman does not work here: {done.stdout[-500:]}{done.stderr[-1000:]}")


def remove_all():
    listed = subprocess.run(["docker", "ps", "-aq"], capture_output=True, text=True, check=False)
    for container in listed.stdout.split():
        subprocess.run(["docker", "rm", "-f", container], capture_output=True, check=False)
    subprocess.run(["docker", "image", "prune", "-af"], capture_output=True, check=False)


def main():
    place = pathlib.Path(tempfile.mkdtemp(prefix="sandfleet-podman-"))
    service = None
    try:
        service = start(place)
        try:
            prepare(place)
        except subprocess.TimeoutExpired as late:
            skip(f"podman does not answer: {late}")
        environment = dict(os.environ, SANDFLEET_TEST_PROVIDER="docker")
        sys.exit(subprocess.run(sys.argv[1:], env=environment, check=False).returncode)
    finally:
        if service:
            remove_all()
            service.terminate()
            service.wait()
        shutil.rmtree(place, ignore_errors=True)


if __name__ == "__main__":
    main()
