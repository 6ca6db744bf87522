#!/usr/bin/env python3
"""Whatever a task does, its time-out is kept, its processes die, and nobody else waits for it."""

import unittest

from hostile_batch import HostileTest, Task

TIMEOUT_S = 0.5
PROMISED_S = 0.1
# A machine that many share may hold up any process; what is looked for here waits by seconds.
MARGIN_S = 1.0
ATTEMPTS = 3

NASTY = {
    "plain": "sleep 1000",
    "ignoring": "trap '' INT TERM HUP QUIT TSTP; while :; do sleep 1000; done",
    "busy": "while :; do :; done",
    "stopped": "sleep 1000 & kill -STOP $! $$; sleep 1000",
    "stopped_children": "for i in {1..20}; do (kill -STOP $BASHPID) & done; sleep 1000",
    "fork_loop": "while :; do (:); done",
    "fork_bomb": "f() { f & f & wait; }; f",
    "sessions": "for i in {1..30}; do setsid -f bash -c 'trap \"\" TERM; sleep 1000'; done; sleep 1000",
    "deep": "f() { [ $1 = 0 ] && sleep 1000; (f $(($1 - 1))); }; f 40",
    "output": "yes",
    "pipes": "yes | cat | cat | cat >/dev/null",
    "spawning": "python3 -c 'import os\nwhile 1:\n"
                "    try: os.posix_spawn(\"/bin/sleep\", [\"sleep\", \"1000\"], {})\n"
                "    except OSError: pass'",
    "threads": "python3 -c 'import threading, time\n"
               "for i in range(30): threading.Thread(target=time.sleep, args=(1000,)).start()'",
    "disk": "while :; do head -c 16M /dev/zero >x; sync; done",
    "memory": "tail /dev/zero; sleep 1000",
}
FEW = {"resources": {"pids": 128, "memory_mb": 128}}


class Deadlines(HostileTest):
    def overrun(self, result):
        """Seconds between the time-out and the reply."""
        command = result["commands"][0]
        self.assertTrue(command["timed_out"], command)
        self.assertEqual(result["verdict"]["class"], "agent")
        return command["seconds"] - TIMEOUT_S

    def test_replies_come_in_time(self):
        """The tree is dead when the reply comes: what is left would write to /shared."""
        names = list(NASTY)
        for _ in range(ATTEMPTS):
            names = self.late_ones(names)
            if not names:
                break
        self.assertEqual(names, [], "late each time")

    def late_ones(self, names):
        tasks = [Task("plain", [NASTY["plain"]], {"timeout_s": TIMEOUT_S})]
        for name in names:
            beacon = f"(while :; do echo >/shared/{name}; done) & {NASTY[name]}"
            tasks.append(Task(f"beacon_{name}",
                              [beacon, f"rm -f /shared/{name}; sleep 0.1; ls /shared"],
                              {"command_timeout_s": TIMEOUT_S, "continue_on_error": True, **FEW}))
        results = self.run_batch(tasks, concurrency=2)
        reference = self.overrun(results["plain"])
        print(f"the plain one is late by {reference * 1000:.1f} ms")
        late = []
        for name in names:
            result = results[f"beacon_{name}"]
            with self.subTest(task=name):
                overrun = self.overrun(result)
                self.assertGreaterEqual(overrun, 0)
                self.assertNotIn(name, result["commands"][1]["output"].split())
            if overrun > PROMISED_S:
                print(f"{name} is late by {overrun * 1000:.1f} ms")
            if overrun > reference + PROMISED_S + MARGIN_S:
                late.append(name)
        return late

    def test_nasty_ones_delay_no_other(self):
        """Quick tasks on two places, alone and beside as many places of nasty ones."""
        quick = [Task(f"quick{number}", ["true"]) for number in range(20)]
        alone = self.time_of(quick, 2)
        nasty = [Task(name, [NASTY[name]], {"timeout_s": 3, **FEW})
                 for name in ("ignoring", "stopped", "sessions")]
        beside = self.time_of(nasty + quick, 2 + len(nasty))
        print(f"quick tasks take {alone:.2f} s alone, {beside:.2f} s beside others")
        self.assertLess(beside, 2 * alone + MARGIN_S)

    def time_of(self, tasks, places):
        """Seconds until the last quick task has ended."""
        results = self.run_batch(tasks, places)
        return max(sum(result["seconds"].values()) for name, result in results.items()
                   if name.startswith("quick"))


if __name__ == "__main__":
    unittest.main()
