"""Runs hostile tasks among harmless ones by `sandfleet batch`, and looks for what they left."""

import base64
import ctypes
import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest
from dataclasses import dataclass, field
from pathlib import Path

# Far above what a harmless command takes, far below the time-outs of most tasks beside it.
NEIGHBOUR_S = 10


def slow(test):
    """Runs only where there is time for it, and then what is not slow does not."""
    test.is_slow = True
    return test


@dataclass
class Task:
    """A task and what is to become of it. Patterns are searched, not matched."""

    name: str
    commands: list
    keys: dict = field(default_factory=dict)  # of the task, beside its id and commands
    blame: str = "ok"
    exits: list = None  # exit codes of all commands; None: timed out
    output: str = None  # of the last command
    evidence: dict = field(default_factory=dict)
    cause: str = None
    collected: dict = field(default_factory=dict)  # path: pattern in its bytes or its error
    check: object = None  # called with the test and the result

    def line(self):
        return {"id": self.name, "commands": self.commands, **self.keys}


def neighbour(number):
    return Task(f"neighbour{number}", ["pwd; ls | wc -l; exit 3"], {"expect": {"exit_code": 3}},
                exits=[3], output=r"^/workspace\n0\n")


def text_of(collected):
    if "error" in collected:
        return collected["error"]
    return base64.b64decode(collected["base64"]).decode(errors="replace")


def read(path):
    try:
        return Path(path).read_bytes()
    except OSError:  # it has gone
        return b""


def leftovers(state, sandboxes):
    """What still speaks of the sandboxes, a line each."""
    names = [sandbox.encode() for sandbox in sandboxes] + [str(state).encode()]
    for process in Path("/proc").iterdir():
        if not process.name.isdigit():
            continue
        for place in "environ", "cgroup", "mountinfo", "cmdline":
            text = read(process / place)
            if any(name in text for name in names):
                yield f"process {process.name}: {read(process / 'cmdline')}"
                break
    sockets = read("/proc/net/unix")
    yield from (f"socket of {name}" for name in names if name in sockets)
    for place, _, _ in os.walk("/sys/fs/cgroup"):
        if any(sandbox in place for sandbox in sandboxes):
            yield f"control group {place}"
    for place, directories, files in os.walk(state):
        if "sb-" in place:
            yield f"files in {place}: {directories + files}"


def cannot_isolate():
    """Why no sandbox can be isolated here, or nothing."""
    libc = ctypes.CDLL(None, use_errno=True)
    child = os.fork()
    if child == 0:
        new_user, new_mounts, new_processes = 0x10000000, 0x20000, 0x20000000
        failed = libc.unshare(new_user | new_mounts | new_processes) != 0
        os._exit(ctypes.get_errno() if failed else 0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


class HostileTest(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        if failure := cannot_isolate():
            print("no sandbox can be isolated here: namespaces:", os.strerror(failure))
            raise unittest.SkipTest("no namespaces")

    def setUp(self):
        is_slow = getattr(getattr(self, self._testMethodName), "is_slow", False)
        if is_slow != ("SANDFLEET_SLOW_TESTS" in os.environ):
            self.skipTest("slow" if is_slow else "not slow")
        self.place = Path(tempfile.mkdtemp(prefix="sandfleet-", dir="/tmp"))
        self.addCleanup(shutil.rmtree, self.place)
        self.shared = self.place / "shared"
        self.shared.mkdir()
        self.shared.chmod(0o777)

    def run_batch(self, tasks, concurrency=4, flags=()):
        """The results by name. All tasks have ended, none was tried again, nothing is left."""
        state, results = self.place / "state", self.place / "results.jsonl"
        lines = self.place / "tasks.jsonl"
        lines.write_text("".join(json.dumps(task.line()) + "\n" for task in tasks), "utf-8")
        results.unlink(missing_ok=True)
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.place),
                       "SANDFLEET_STATE_DIR": str(state)}
        command = [os.environ["SANDFLEET"], "batch", lines, "-o", results, "--concurrency",
                   str(concurrency), "--volume", f"{self.shared}:/shared", *flags]
        done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, check=False)
        self.assertIn(done.returncode, (0, 1), done.stderr)
        found = {}
        for line in results.read_text("utf-8").splitlines():
            result = json.loads(line)
            found[result["id"]] = result
        self.assertEqual(set(found), {task.name for task in tasks})
        for name, result in found.items():
            self.assertEqual((result["attempts"], result["retried"]), (1, []), name)
        left = list(leftovers(state, [result["sandbox"]["id"] for result in found.values()]))
        self.assertEqual(left, [])
        return found

    def assert_found(self, pattern, text):
        if not re.search(pattern, text):
            self.fail(f"{pattern!r} is not in {text[-500:]!r}")

    def look_at(self, task, result):
        verdict = result["verdict"]
        self.assertEqual(verdict["class"], task.blame, verdict)
        ran = result["commands"]
        if task.exits is not None:
            self.assertEqual([command["exit_code"] for command in ran], task.exits, ran)
            self.assertEqual([command["timed_out"] for command in ran],
                             [code is None for code in task.exits])
        if task.output is not None:
            self.assert_found(task.output, ran[-1]["output"])
        if task.cause is not None:
            self.assertRegex(verdict["cause"], task.cause)
        for name, pattern in task.evidence.items():
            self.assertRegex(str(verdict["evidence"].get(name)), pattern, verdict)
        for path, pattern in task.collected.items():
            self.assertIn(path, result["collected"])
            self.assert_found(pattern, text_of(result["collected"][path]))
        if task.check:
            task.check(self, result)

    def check_all(self, tasks, concurrency=4, flags=()):
        neighbours = [neighbour(number) for number in range(1 + len(tasks) // 3)]
        mixed = list(tasks)
        for number, one in enumerate(neighbours):
            mixed.insert(min(4 * number, len(mixed)), one)
        results = self.run_batch(mixed, concurrency, flags)
        for task in mixed:
            with self.subTest(task=task.name):
                self.look_at(task, results[task.name])
        for one in neighbours:
            with self.subTest(task=one.name):
                self.assertLess(results[one.name]["seconds"]["run"], NEIGHBOUR_S)
        return results
