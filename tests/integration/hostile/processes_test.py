#!/usr/bin/env python3
"""Tasks that take all they can get: processor, memory, processes, output; and leave daemons."""

import os
import unittest

from hostile_batch import HostileTest, Task

SECOND = {"timeout_s": 1}
LARGEST_OUTPUT = 2 << 20


def endless(name, command, **more):
    return Task(name, [command], SECOND | more.pop("keys", {}), "agent", [None],
                cause="timed out after", **more)


def kept_in_bounds(test, result):
    command = result["commands"][0]
    if "SANDFLEET_SANITIZED" not in os.environ:  # whose agent is slow
        test.assertTrue(command["truncated"])
    test.assertLess(len(command["output"]), LARGEST_OUTPUT)


def was_out_of_memory(test, result):
    """By the group's own counter, where there is one."""
    verdict = result["verdict"]
    if result["limits"]["memory_mb"] != "enforced":
        return
    test.assertEqual(verdict["class"], "agent")
    test.assertGreaterEqual(verdict["evidence"]["oom_kills"], 1)
    test.assertGreaterEqual(result["usage"]["oom_kills"], 1)
    test.assertRegex(verdict["cause"], "out of memory")


DOUBLE_FORK = """python3 - <<'end'
import os, time
if os.fork():
    os._exit(0)
os.setsid()
if os.fork():
    os._exit(0)
for number in range(3):
    os.close(number)
os.execve("/bin/sleep", ["[kworker]", "1000"], {})
end"""


class Processes(HostileTest):
    def test_endless_output(self):
        self.check_all([
            endless("lines", "yes", check=kept_in_bounds),
            endless("no_newline", "tr '\\0' x </dev/zero", check=kept_in_bounds),
            endless("nothing_but_newlines", "tr '\\0' '\\n' </dev/zero"),
            endless("escapes", "while :; do printf '\\e[2J\\e[%d;%dH\\e]0;' $RANDOM $RANDOM; done"),
            endless("in_background", "yes & yes >&2 & wait", check=kept_in_bounds),
            endless("to_the_terminal", "yes >/dev/tty", check=kept_in_bounds),
        ])

    def test_bombs(self):
        few = {"resources": {"pids": 64, "memory_mb": 128}}
        self.check_all([
            endless("fork_bomb", ":() { : | : & }; :; sleep 1000", keys=few),
            endless("sh_bomb", "sh -c 'b() { b | b & }; b'; sleep 1000", keys=few),
            # Bash itself may give up before the time is over.
            Task("sessions", ["f() { setsid bash -c \"$(declare -f f); f\" & f; }; f"],
                 few | {"command_timeout_s": 2}, "agent"),
            Task("memory_hog", ["tail /dev/zero"], few | {"timeout_s": 20}, "agent", [137],
                 check=was_out_of_memory),
            Task("hogs_at_once", ["tail /dev/zero & tail /dev/zero & wait; false"],
                 few | {"timeout_s": 20}, "agent", [1], check=was_out_of_memory),
            Task("memory_of_files", ["head -c 1G /dev/zero >/dev/shm/x"], few | {"timeout_s": 20},
                 "agent"),
        ])

    def test_daemons(self):
        self.check_all([
            Task("setsid", ["setsid sleep 1000 </dev/null >/dev/null 2>&1 & true"], exits=[0]),
            Task("nohup", ["nohup sleep 1000 >/dev/null 2>&1 & disown -a"], exits=[0]),
            Task("double_fork", [DOUBLE_FORK, "until pgrep -x sleep; do :; done"], exits=[0, 0]),
            Task("no_environment", ["setsid env -i sleep 1000 & true"], exits=[0]),
            Task("stopped", ["sleep 1000 & kill -STOP $!"], exits=[0]),
            Task("ignoring", ["(trap '' TERM INT HUP; while :; do :; done) & true"], exits=[0]),
            Task("listening", ["python3 -c 'import socket, time\n"
                               "s = socket.socket(socket.AF_UNIX); s.bind(\"/tmp/s\")\n"
                               "s.listen(); time.sleep(1000)' & true"], exits=[0]),
        ])


if __name__ == "__main__":
    unittest.main()
