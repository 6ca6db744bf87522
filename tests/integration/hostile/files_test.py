#!/usr/bin/env python3
"""Tasks that fill, delete, hide and swap the files that the runner is to write and read."""

import hashlib
import os
import unittest

from hostile_batch import HostileTest, Task, slow

BIG = 100_000_000


class Files(HostileTest):
    def test_trees(self):
        self.check_all([
            Task("workspace_deleted", ['rm -rf "$PWD"', "echo on; pwd; (exit 4)"],
                 {"continue_on_error": True, "collect": ["*", "/workspace/x"]}, "agent", [0, 4],
                 r"^on\n", collected={"*": "nothing matches"}),
            Task("workspace_replaced", ["cd /; rmdir /workspace; ln -s /etc /workspace", "echo on"],
                 {"collect": ["passwd"]}, exits=[0, 0], output=r"^on\n$",
                 collected={"passwd": "^root:x:0:0:root:/root:/bin/bash\n(.*\n){2}$"}),
            Task("programs_deleted", ["rm -rf /bin /lib* /sbin /etc /dev 2>/dev/null", "echo on",
                                      "kill -9 $$", "echo on"], {"continue_on_error": True},
                 "agent", [1, 0, 137, 127], "did not come to its prompt|cannot"),
            Task("disk_full", ["head -c 1G /dev/zero >big", "echo on"],
                 {"resources": {"disk_mb": 32}, "continue_on_error": True, "collect": ["small"]},
                 "agent", [1, 0], r"^on\n$"),
            Task("many_files", ["mkdir d; cd d; seq 100000 | xargs touch; ls | wc -l"],
                 {"timeout_s": 60, "collect": ["d/*"]}, exits=[0], output=r"^100000\n$",
                 collected={"d/*": "more files match than the 10000"}),
            Task("deep", ["for i in {1..200}; do mkdir d && cd d || exit 5; done; echo on"],
                 {"collect": ["**/x"]}, exits=[0], output=r"^on\n$"),
            Task("unwritable", ["echo x >/usr/x || echo x >/proc/version"],
                 blame="agent", exits=[1]),
        ])

    def test_writing_and_reading(self):
        self.check_all([
            Task("file_in_proc", ["true"], {"files": {"/proc/version": "x"}}, "task", [],
                 evidence={"path": "/proc/version"}),
            Task("file_in_usr", ["true"], {"files": {"/usr/bin/x": "x"}}, "task", [],
                 evidence={"path": "/usr/bin/x"}),
            Task("file_is_directory", ["true"], {"files": {"/tmp": "x"}}, "task", []),
            Task("file_up", ["cat /tmp/up"], {"files": {"../../tmp/up": "x"}}, exits=[0],
                 output="^x"),
            Task("collect_links", ["ln -s /etc/shadow shadow; ln -s /dev/zero zero; ln -s . dot; "
                                   "ln -s loop loop; mkfifo pipe; mkdir dir; ln -s /proc/1/mem mem; "
                                   "ln -s /proc/1/environ env; ln -s nothing broken; "
                                   "echo ok >good"],
                 {"collect": ["shadow", "zero", "dot", "loop", "pipe", "dir", "mem", "env",
                              "broken", "good", "/dev/tty", "/proc/kcore", "/dev/ptmx"]},
                 exits=[0],
                 collected={"zero": "not a regular file", "pipe": "not a regular file",
                            "dot": "not a regular file", "loop": "symbolic links",
                            "broken": "No such file", "shadow": "No such file", "good": "^ok$"}),
            Task("collect_unreadable", ["echo x >a; chmod 000 a; mkdir d; echo y >d/b; chmod 0 d"],
                 {"collect": ["a", "d/b"]}, exits=[0]),
            Task("collect_too_much", [f"truncate -s {BIG} big; echo x >small"],
                 {"collect": ["big", "small"]}, exits=[0],
                 collected={"big": "more than the 64 MiB that are collected of one", "small": "^x$"}),
            Task("collect_too_many", ["for i in 1 2 3; do truncate -s 60M b$i; done; echo x >c"],
                 {"collect": ["*"]}, exits=[0],
                 collected={"b3": "more than the 128 MiB that are collected of a task",
                            "c": "^x$"}),
            Task("collect_growing", ["(while :; do echo x; done >g) & sleep 0.1"],
                 {"collect": ["g"]}, exits=[0]),
            Task("collect_changing", ["(while :; do rm -f c; ln -s /dev/zero c; rm c; mkfifo c; "
                                      "rm c; echo x >c; done) & sleep 0.1"],
                 {"collect": ["c", "c", "/workspace/c"]}, exits=[0]),
            Task("collect_names", ["touch $'\\xff' $'a\\nb' '*' '[' ' '"], {"collect": ["*", "["]},
                 exits=[0]),
        ])

    def random_file(self):
        big = self.place / "big"
        block = os.urandom(1_000_000)
        with big.open("wb") as file:
            for _ in range(BIG // len(block)):
                file.write(block)
        return big, hashlib.sha256(big.read_bytes()).hexdigest()

    def test_big_file(self):
        big, digest = self.random_file()
        self.check_all([
            Task("big_sum", ["sha256sum <big"], {"files": {"big": {"from": str(big)}}}, exits=[0],
                 output=digest),
        ])

    @slow
    def test_much_output(self):
        big, _ = self.random_file()
        self.check_all([
            Task("random_bytes", ["cat big; (exit 3)"],
                 {"files": {"big": {"from": str(big)}}, "expect": {"exit_code": 3}}, exits=[3],
                 check=lambda test, result: test.assertTrue(result["commands"][0]["truncated"])),
            Task("all_deleted", ["rm -rf /*", "echo on"], {"continue_on_error": True}, "agent",
                 [1, 0], r"^on\n$"),
        ])

    @slow
    def test_a_million_files(self):
        self.check_all([
            Task("few_allowed", ["mkdir d; cd d; seq 1000000 | xargs touch 2>&1 | tail -1; ls | wc -l"],
                 {"timeout_s": 300}, exits=[0], output=r"No space left on device\n2\d{5}\n$"),
            Task("many_allowed", ["mkdir d; cd d; seq 1000000 | xargs touch; ls | wc -l"],
                 {"timeout_s": 300, "resources": {"disk_mb": 4096}}, exits=[0],
                 output=r"^1000000\n$"),
        ])


if __name__ == "__main__":
    unittest.main()
