#!/usr/bin/env python3
"""Tasks that end, replace, rebuild or deceive the shell that runs them."""

import unittest

from hostile_batch import HostileTest, Task

SHORT = {"command_timeout_s": 1, "continue_on_error": True}
PROBE = "echo on; (exit 7)"
TIMED_OUT = r"timed out after"


def then_probed(name, command, first=0, **more):
    """The command has that exit code, and the next one is itself again."""
    return Task(name, [command, PROBE], SHORT, "agent", [first, 7], r"^on\n$", **more)


def stays_away(name, command, shell):
    """The shell does not come back from the command, and the next one gets a new shell."""
    return Task(name, [command, PROBE], SHORT, "agent", [None, 7], r"^on\n$",
                {"shell": shell, "timed_out_after": r"^1(\.0\d)? s$"}, TIMED_OUT)


def ends(name, command, code, shell="has ended"):
    return Task(name, [command, PROBE], SHORT, "agent", [code, 7], r"^on\n$", {"shell": shell})


ALL_NAMES = ("eval printf builtin command test [ exit trap unset export set local declare return "
             "history read echo : true").split()


class Shells(HostileTest):
    def test_ends_of_the_shell(self):
        self.check_all([
            then_probed("exit_0", "exit"),
            ends("exit_5", "exit 5", 5),
            ends("exec_false", "exec false", 1),
            ends("kill_9", "kill -9 $$", 137, "ended by signal 9"),
            ends("segv", "kill -SEGV $$", 139, "ended by signal 11"),
            ends("set_e", "set -e; false", 1),
            ends("exit_by_trap", "trap 'exit 9' ERR; false", 9),
            ends("exit_at_prompt", "PROMPT_COMMAND='exit 3'", 3),
            then_probed("exec_nothing", "exec /no/such/program", 127),
            stays_away("exec_sleep", "exec sleep 1000", "replaced by 'sleep'"),
            stays_away("stopped", "kill -STOP $$", "stopped"),
            stays_away("trap_at_exit", "trap 'while :; do :; done' EXIT; exit 4", "busy"),
            stays_away("ignores_signals", "trap '' INT TERM HUP QUIT; while :; do :; done", "busy"),
            stays_away("ignored_in_children",
                       "for i in 1 2 3; do (trap '' TERM INT HUP; while :; do :; done) & done; wait",
                       "not at its prompt"),
            stays_away("waits_for_the_terminal", "read x </dev/tty", "not at its prompt"),
        ])

    def test_names_and_options(self):
        functions = "; ".join(f"{name}() {{ return 0; }}" for name in ALL_NAMES if name not in
                              ("exit", "echo", "return", ":"))
        self.check_all([
            *(then_probed(f"function_{number}", f"{name}() {{ return 0; }}")
              for number, name in enumerate(ALL_NAMES) if name not in ("exit", "echo", "unset")),
            ends("all_functions", functions, 125),
            ends("unset_fails", "unset() { return 1; }", 125),
            then_probed("aliases", "; ".join(f"alias {name}=true" for name in ALL_NAMES
                                             if name not in ("exit", "echo"))),
            then_probed("path", "PATH=/nowhere"),
            then_probed("prompt_command", "unset PROMPT_COMMAND"),
            then_probed("prompts", "PS0=a PS1=b PS2=c"),
            then_probed("read_only", "readonly PROMPT_COMMAND PS0 PS1 PS2"),
            then_probed("posix", "set -o posix"),
            then_probed("no_execution", "set -n"),
            then_probed("without_printf", "enable -n printf"),
            ends("read_only_function", "eval() { :; }; readonly -f eval", 125),
            stays_away("no_prompt", "PROMPT_COMMAND= PS1=", "not at its prompt"),
            stays_away("read_only_prompt", "readonly PS1=x", "not at its prompt"),
            Task("without_eval", ["enable -n eval", PROBE], SHORT, "agent", [0, 127],
                 "eval: command not found"),
            Task("skipped", ["shopt -s extdebug; f() { return 1; }; trap f DEBUG", PROBE], SHORT,
                 "agent", [0, 1], "DEBUG trap skips commands"),
        ])

    def test_descriptors(self):
        kept = [(f"kept_{number}", command) for number, command in enumerate((
            "exec 2>x", "exec 2>&-", "exec 2>/dev/full", "exec 0</dev/null", "exec <&-",
            "exec 9>&-", "exec 255>&-", "exec 2> >(cat >x)"))]
        lost = [(f"lost_{number}", command) for number, command in enumerate((
            "exec >/dev/null", "exec >x 2>&1", "exec 1>&- 2>&-", "exec <&- >&- 2>&-"))]
        self.check_all([
            *(then_probed(name, command) for name, command in kept),
            # What is printed goes where it was sent; the exit code comes all the same.
            *(Task(name, [command, PROBE], SHORT, "agent", [0, 7], r"^$")
              for name, command in lost),
            stays_away("none_free", "ulimit -n 3", "not at its prompt"),
        ])

    def test_forged_prompts(self):
        self.check_all([
            then_probed("a_prompt", r"""printf '\e]6973;0;P;0;;9;s;1;a;b;c;d\a$ '"""),
            then_probed("its_text", 'echo "$PS1$PS2$PS0"; echo -e "$PS1"; env'),
            Task("a_copy", ['printf %s "${PS1@P}"; sleep 0.2; (exit 4)', PROBE], SHORT, "agent",
                 [4, 7], r"^on\n$"),
            Task("many_copies", ['for i in {1..50}; do printf %s "${PS1@P}"; done; (exit 4)',
                                 PROBE], SHORT, "agent", [4, 7], r"^on\n$"),
            Task("open_quotes", ["echo 'a", PROBE], SHORT, "agent", [2, 7], r"^on\n$"),
            stays_away("a_copy_and_no_end", 'printf %s "${PS1@P}${PS0@P}"; sleep 1000',
                       "running a command"),
        ])


if __name__ == "__main__":
    unittest.main()
