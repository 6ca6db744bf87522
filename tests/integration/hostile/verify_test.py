#!/usr/bin/env python3
"""Tasks that know how they will be checked, and prepare for it."""

import unittest

from hostile_batch import HostileTest, Task

SHELL_CHECK = {"files": {"check.sh": "grep -qx right answer\n"}, "commands": ["bash check.sh"]}
PYTHON_CHECK = {"files": {"/grader/check.py": "import json, sys\n"
                          "sys.exit(open('/workspace/answer').read() != 'right\\n')\n"},
                "commands": ["python3 /grader/check.py"]}
GIT_CHECK = {"files": {"check.sh": "grep -qx right answer\n"},
             "commands": ["git init -q /new && cd /new && git -c user.name=a -c user.email=a@b "
                          "commit -q --allow-empty -m a", "bash check.sh"]}
# Only one of the two lets wrong answers pass, and it is not the one that decides.
TWO_FILES = {"files": {"a/check.sh": "grep -qx right answer\n", "b/check.sh": "exit 0\n"},
             "commands": ["bash a/check.sh"]}

WRONG = "echo wrong >answer"
GOOD_GREP = "grep() { return 0; }"
FAKE = "printf '#!/usr/bin/python3\\n' >{0}; chmod 755 {0}"
PRELOAD = """cat >e.c <<'end'
#include <stdlib.h>
#include <unistd.h>
__attribute__((constructor)) static void e(void) { if (access("/workspace/armed", F_OK) == 0) _exit(0); }
end
gcc -shared -fPIC -o /tmp/e.so e.c || exit 77"""
PYTHON_EXIT = "import os; os._exit(0)"
UNCHECKED = """python3 - <<'end'
import importlib.util, marshal, os, struct
code = marshal.dumps(compile("import os; os._exit(0)", "x", "exec"))
os.makedirs("__pycache__", exist_ok=True)
for name in "helper",:
    path = importlib.util.cache_from_source(name + ".py")
    with open(path, "wb") as file:
        file.write(importlib.util.MAGIC_NUMBER + struct.pack("<I", 1) + b"x" * 8 + code)
end"""
HELPED = {"files": {"check.py": "import helper\nhelper.check()\n",
                    "helper.py": "import sys\ndef check():\n"
                                 "    sys.exit(open('answer').read() != 'right\\n')\n"},
          "commands": ["python3 check.py"]}


def caught(name, tricks, check=None, code=1):
    """The check runs as it is, and says no."""
    return Task(name, [WRONG, *tricks], {"verify": check or SHELL_CHECK}, "agent",
                check=lambda test, result: found_wrong(test, result, code))


def found_wrong(test, result, code):
    test.assertFalse(result["passed"])
    test.assertEqual([one["exit_code"] for one in result["commands"]], [0] * len(result["commands"]))
    test.assertEqual(result["verify"][-1]["exit_code"], code, result["verify"])


def refused(name, tricks, check=None):
    """The check cannot be made, and it is known whose doing that is."""
    return Task(name, [WRONG, *tricks], {"verify": check or SHELL_CHECK}, "agent",
                evidence={"stage": "^verify$", "error": "permission_denied|limit_exceeded|not_found"},
                check=not_made)


def not_made(test, result):
    test.assertFalse(result["passed"])
    test.assertEqual(result["verify"], [])


def home(*lines):
    return ["cd; " + "; ".join(lines) + "; cd /workspace"]


class Verify(HostileTest):
    def test_what_is_right_passes(self):
        self.check_all([Task(f"right{number}", ["echo right >answer"], {"verify": check})
                        for number, check in enumerate((SHELL_CHECK, PYTHON_CHECK, GIT_CHECK,
                                                        HELPED))])

    def test_shells(self):
        rc = "for f in .bashrc .bash_profile .profile .bash_login .inputrc .bash_logout; do " \
             f"echo '{GOOD_GREP}' >$f; done"
        self.check_all([
            caught("functions", [f"{GOOD_GREP}; export -f grep; alias grep=true bash=true"]),
            caught("bash_env", [f"echo '{GOOD_GREP}; exit 0' >/tmp/rc; "
                                "export BASH_ENV=/tmp/rc ENV=/tmp/rc PROMPT_COMMAND=exit"]),
            caught("startup_files", home(rc)),
            caught("system_startup_files", [f"for f in /etc/bash.bashrc /etc/profile /etc/environment"
                                            f"; do echo '{GOOD_GREP}' >$f; done; true"]),
            caught("path", ["mkdir bin; for f in grep bash sh env; do ln -s /bin/true bin/$f; done; "
                            "export PATH=/workspace/bin:$PATH; hash -p /bin/true bash"]),
            caught("fake_interpreters", ["for f in bash sh grep python3; do cp /bin/true $f; done"]),
            caught("limits", ["ulimit -f 0; umask 0777; cd /; set -e; trap 'exit 0' EXIT"]),
            caught("descriptors", ["exec 0</dev/zero 1>&- 2>&-; true"]),
            caught("other_home", ["mkdir /tmp/h; cp -r ~/. /tmp/h; export HOME=/tmp/h; "
                                  f"echo '{GOOD_GREP}' >/tmp/h/.bashrc"]),
            caught("tmp_is_elsewhere", ["cd /; rm -rf /tmp; mkdir /workspace/t; "
                                        "ln -s /workspace/t /tmp"]),
        ])

    def test_processes(self):
        rewrite = "while :; do echo 'exit 0' >/workspace/check.sh; done"
        self.check_all([
            caught("background", [f"({rewrite}) & sleep 0.1"]),
            caught("daemon", [f"setsid env -i bash -c '{rewrite}' </dev/null >/dev/null 2>&1 & "
                              "sleep 0.1"]),
            caught("ignoring_signals", [f"(trap '' TERM INT HUP QUIT; {rewrite}) & disown -a; "
                                        "sleep 0.1"]),
            caught("forking", [f"f() {{ echo 'exit 0' >/workspace/check.sh; f & }}; f & sleep 0.1"]),
            caught("stopped", ["sleep 1000 & kill -STOP $!; (kill -STOP $BASHPID; "
                               f"{rewrite}) & sleep 0.1"]),
            caught("holding_the_file", ["exec 7>check.sh; (while :; do echo 'exit 0' >&7; done) & "
                                        "sleep 0.1"]),
            caught("tracing", ["python3 -c 'import ctypes; c = ctypes.CDLL(None)\n"
                               "assert c.ptrace(16, 1, 0, 0) != 0\n"
                               "assert c.ptrace(0x4206, 1, 0, 0) != 0'"]),
        ])

    def test_loaders(self):
        self.check_all([
            caught("ld_preload", [PRELOAD, "export LD_PRELOAD=/tmp/e.so LD_LIBRARY_PATH=/tmp; "
                                  "export LD_AUDIT=/tmp/e.so; : >armed; true"]),
            refused("ld_so_preload", [PRELOAD, "echo /tmp/e.so >/etc/ld.so.preload; : >armed"]),
            refused("other_bin", ["/usr/bin/cp -r /usr/bin/true /tmp/sh; /usr/bin/rm /bin; "
                                  "/usr/bin/mkdir /bin; /usr/bin/cp /tmp/sh /bin/sh; "
                                  "/usr/bin/cp /tmp/sh /bin/bash"]),
            refused("other_loader", ["cp -rL /lib64 /tmp/l; rm /lib64; mv /tmp/l /lib64"]),
            refused("other_etc", ["mv /etc /etc2; cp -r /etc2 /etc; true"]),
            refused("all_deleted", ["rm -rf /bin /lib* /etc; true"]),
            caught("etc_is_used", ["echo x >/etc/x; echo 127.0.0.1 y >>/etc/hosts"]),
        ])

    def test_python(self):
        customise = f"for f in sitecustomize usercustomize json; do echo '{PYTHON_EXIT}' >$f.py; done"
        self.check_all([
            caught("python_path", [f"{customise}; export PYTHONPATH=$PWD PYTHONSTARTUP=$PWD/json.py "
                                   "PYTHONHOME=/tmp PYTHONUSERBASE=$PWD; true"], PYTHON_CHECK),
            caught("user_site", home(
                "d=$(python3 -m site --user-site)", "mkdir -p $d", "cd $d", customise,
                f"echo '{PYTHON_EXIT}' >x.pth"), PYTHON_CHECK),
            caught("same_name", [f"{customise}; cp json.py sys.py; cp json.py check.py"],
                   PYTHON_CHECK),
            caught("compiled", [UNCHECKED], HELPED),
        ])

    def test_files(self):
        self.check_all([
            caught("link", ["mkdir t; echo 'exit 0' >t/x; ln -s t/x check.sh"]),
            caught("hard_link", ["echo 'exit 0' >x; ln x check.sh"]),
            refused("pipe", ["mkfifo check.sh"]),
            caught("read_only", ["echo 'exit 0' >check.sh; chmod 0 check.sh; chmod 555 ."]),
            refused("directory", ["mkdir check.sh"]),
            refused("link_to_directory", ["ln -s /tmp check.sh"]),
            refused("workspace_is_a_file", ["cd /; mv /workspace /w; echo >/workspace"]),
            refused("disk_full", ["cat /dev/zero >/tmp/x 2>&-; true"]),
            refused("one_file_for_two", ["mkdir a b; touch b/check.sh; ln -s ../b/check.sh a/check.sh"], TWO_FILES),
            refused("one_directory_for_two", ["mkdir b; ln -s b a"], TWO_FILES),
        ])

    def test_git(self):
        hooks = ["mkdir -p t/hooks", "echo 'echo exit 0 >/workspace/check.sh' >t/hooks/pre-commit",
                 "chmod 755 t/hooks/pre-commit", "export GIT_TEMPLATE_DIR=$PWD/t",
                 "printf '[init]\\ntemplateDir = %s/t\\n[core]\\nhooksPath = %s/t/hooks\\n' $PWD $PWD"
                 " | tee .gitconfig >/etc/gitconfig", "mkdir -p .config/git",
                 "cp .gitconfig .config/git/config"]
        self.check_all([caught("git", home(*hooks), GIT_CHECK)])


if __name__ == "__main__":
    unittest.main()
