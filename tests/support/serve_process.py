"""`sandfleet serve` as a process for tests, over a state directory of its own, and what it leaves."""

import contextlib
import ctypes
import os
import pathlib
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

SKIPPED = 77
KEY = "key-of-the-tests-0123"
PR_SET_CHILD_SUBREAPER = 36


def adopt_orphans():
    """Launchers of a service that died become children of this process: children() counts them."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def skip_without_namespaces():
    """As needs_namespaces.cpp does."""
    flags = 0x10000000 | 0x00020000 | 0x20000000  # user, mount, pid
    child = os.fork()
    if child == 0:
        os._exit(0 if ctypes.CDLL(None).unshare(flags) == 0 else 1)
    if os.waitpid(child, 0)[1] != 0:
        print("skipped: no sandbox can be isolated here: namespaces cannot be made")
        sys.exit(SKIPPED)


def raise_file_limit():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def launchers():
    """The process ids of the launchers below this process that live."""
    parents, names = {}, {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        with contextlib.suppress(OSError):
            text = pathlib.Path("/proc", entry, "stat").read_text(errors="replace")
            name, rest = re.match(r"\d+ \((.*)\) (.*)", text, re.DOTALL).groups()
            state, parent = rest.split()[:2]
            if state != "Z":
                parents[int(entry)], names[int(entry)] = int(parent), name

    def is_ours(pid):
        while pid in parents:
            pid = parents[pid]
            if pid == os.getpid():
                return True
        return False

    # One forks the first process of the sandbox, which has its name too until it is the agent.
    return [pid for pid, name in names.items() if name.startswith("sandfleet-laun") and
            not names.get(parents[pid], "").startswith("sandfleet-laun") and is_ours(pid)]


def reap():
    """Children that ended, but for those that Popen waits for."""
    with contextlib.suppress(ChildProcessError):
        while True:
            found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if found is None or found.si_pid in Service.own:
                return
            os.waitpid(found.si_pid, 0)


class Service:
    """It listens on the same port after each restart."""

    own = set()  # process ids

    def __init__(self, program, *arguments, environment=None, key=KEY):
        self.place = pathlib.Path(tempfile.mkdtemp(prefix="sandfleet-serve-", dir="/tmp"))
        self.state = self.place / "state"
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(self.place),
                            "SANDFLEET_STATE_DIR": str(self.state), **(environment or {})}
        self.keys = self.place / "keys.toml"
        self.keys.write_text(f'[test]\nkey = "{key}"\n')
        self.keys.chmod(0o600)
        self.program = program
        self.port = free_port()
        self.command = [program, "serve", "--keys", str(self.keys),
                        "--listen", f"127.0.0.1:{self.port}", *arguments]
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = self.place / "log"
        self.process = None

    def start(self, errors=None):
        """Seconds until it listens, which is when it is ready."""
        begun = time.monotonic()
        self.spawn(errors)
        line = self.process.stdout.readline()
        if "port" not in line:
            sys.exit(f"the service did not start: {line!r}\n{self.said()}")
        return time.monotonic() - begun

    def spawn(self, errors=None):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.command, env=self.environment, text=True,
                                            stdout=subprocess.PIPE,
                                            stderr=log if errors is None else errors,
                                            start_new_session=True)
        Service.own.add(self.process.pid)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.wait()

    def wait(self, seconds=60):
        status = self.process.wait(timeout=seconds)
        Service.own.discard(self.process.pid)
        self.process.stdout.close()
        return status

    def end(self):
        """By SIGTERM; sandboxes stay."""
        self.process.send_signal(signal.SIGTERM)
        return self.wait()

    def close(self):
        """Nothing stays."""
        if self.process is not None and self.process.returncode is None:
            self.end()
        subprocess.run([self.program, "stop", "--all"], env=self.environment, check=False,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        reap()
        shutil.rmtree(self.place, ignore_errors=True)

    def said(self):
        return self.log.read_text(errors="replace")[-4000:]

    def directories(self):
        place = self.state / "sandboxes"
        return sorted(each.name for each in place.iterdir()) if place.exists() else []

    def memory(self):
        """Bytes that are resident: now, and at most so far."""
        text = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return tuple(int(re.search(rf"{name}:\s+(\d+) kB", text)[1]) * 1024
                     for name in ("VmRSS", "VmHWM"))


def start_body(session, **more):
    return {"image": "any", "session_id": session, "environment": {}, **more,
            "command": ["python", "-m", "openhands.runtime.action_execution_server", "60000",
                        "--working-dir", "/workspace"]}


def run_body(command):
    return {"action": {"action": "run", "args": {"command": command}}}


def load():
    """What a time that was measured here has to be read with."""
    return (f"{os.cpu_count()} processors, load "
            + " ".join(f"{each:.1f}" for each in os.getloadavg()))
