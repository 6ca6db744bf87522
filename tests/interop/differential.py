#!/usr/bin/env python3
"""Replays the actions of cases/*.toml against OpenHands' action execution server and ours, and
compares the replies field by field. README.md says how cases are written."""

import argparse
import json
import pathlib
import shutil
import sys
import tempfile
import threading
import time
import tomllib

from compare import brief, normal, unlike
from reference import Unavailable, python_of_reference
from servers import Ours, Reference
from steps import free, prepare, send

SKIPPED = 77
HERE = pathlib.Path(__file__).parent


class Theme:
    """One file of cases and the pair of servers that answers it."""

    def __init__(self, path, wanted):
        data = tomllib.loads(path.read_text())
        self.name = path.stem
        self.settings = data.get("server", {})
        self.reasons = data.get("reasons", {})
        self.cases = [case for case in data["case"] if wanted(f"{self.name}/{case['name']}")]
        names = [case["name"] for case in data["case"]]
        assert len(names) == len(set(names)), f"{path}: two cases have one name"


class Run:
    def __init__(self, python, scratch, given):
        self.python, self.scratch, self.agent = python, scratch, given.agent
        self.verbose, self.retry = given.verbose, not given.declare
        self.failures, self.declared, self.races = [], [], []
        self.actions = 0
        self.lock = threading.Lock()

    def group(self, themes):
        """All themes of one kind of server, one after the other."""
        name, settings = themes[0].name, themes[0].settings
        servers = []
        try:
            # The two directories' paths are equally long, so that texts fold alike.
            servers.append(Reference(self.python, self.scratch / f"{name}-a", settings))
            servers.append(Ours(self.agent, self.scratch / f"{name}-b", settings))
            for server in servers:
                server.wait_until_alive()
            for theme in themes:
                began = time.monotonic()
                for case in theme.cases:
                    self.case(theme, case, *servers)
                print(f"{theme.name}: {len(theme.cases)} cases,"
                      f" {time.monotonic() - began:.0f} s", flush=True)
        except Exception as failure:  # noqa: BLE001, a thread's failure is the run's
            with self.lock:
                self.failures.append((name, f"the test itself failed: {failure!r}"))
        finally:
            for server in servers:
                server.stop()

    def case(self, theme, case, reference, ours):
        label = f"{theme.name}/{case['name']}"
        first = self.replay(case, reference, ours)
        problems = judge(case, theme.reasons, *first)
        # The reference answers 1.2 % of commands too early: a difference that goes when the case is
        # replayed, and that ours had no part in, is that race.
        for _ in range(2):
            if not problems or not self.retry or not any(map(runs_command, case["steps"])):
                break
            for server in (reference, ours):
                free(server)
            again = self.replay(case, reference, ours)
            if again[1] != first[1]:
                problems.append("ours answered otherwise the second time:\n      " + "\n      ".join(
                    f"step {number} {field}: {a!r}, then {b!r}"
                    for number, pair in enumerate(zip(first[1], again[1]), 1)
                    for field, a, b in unlike(*pair)))
                break
            problems = judge(case, theme.reasons, *again)
            if not problems:
                with self.lock:
                    self.races.append(label)
        if problems or "differs" in case:
            for server in (reference, ours):
                free(server)
        with self.lock:
            self.actions += len(case["steps"])
            self.failures += [(label, problem) for problem in problems]
            if not problems:
                self.declared += [(label, theme.reasons[one["reason"]])
                                  for one in case.get("differs", [])]
        if self.verbose:
            print(label, "differs" if problems else "same", flush=True)

    def replay(self, case, reference, ours):
        replies = ([], [])
        for server in (reference, ours):
            server.clean()
        for step in case["steps"]:
            def ask(server, into, step=step):
                into.append(normal(send(prepare(step, server), server), server, step))
            other = threading.Thread(target=ask, args=(reference, replies[0]))
            other.start()
            ask(ours, replies[1])
            other.join()
            if len(replies[0]) != len(replies[1]):
                raise RuntimeError(f"{case['name']}: no reply from the reference to {step}")
        return replies


def runs_command(step):
    return "run" in step or "run" in step.get("action", {}).values()


def judge(case, reasons, theirs, mine):
    """What differs and is not declared, and what is declared and does not differ."""
    problems = []
    declared = {one["step"]: one for one in case.get("differs", [])}
    for number, (a, b) in enumerate(zip(theirs, mine, strict=True), 1):
        one = declared.pop(number, None)
        if a == b and one is None:
            continue
        seen = {"step": number, "reason": one["reason"] if one else "",
                "reference": brief(a), "ours": brief(b)}
        if one != seen or seen["reason"] not in reasons:
            problems.append(Difference(case["steps"][number - 1], seen, one, unlike(a, b)))
    return problems


class Difference:
    def __init__(self, step, seen, declared, fields):
        self.step, self.seen, self.declared, self.fields = step, seen, declared, fields

    def __str__(self):
        seen = self.seen
        text = (f"step {seen['step']} {self.step}\n"
                f"      reference {seen['reference']!r}\n      ours      {seen['ours']!r}\n")
        if self.declared:
            return text + f"      declared  {self.declared}"
        if seen["reference"] == seen["ours"]:
            return text + "\n".join(f"      {field}: {a!r} | {b!r}" for field, a, b in self.fields)
        return text

    def stanza(self):
        """To be pasted into the table of cases, with a reason."""
        lines = [f"{name} = {toml(value)}" for name, value in self.seen.items()]
        return "[[case.differs]]\n" + "\n".join(lines)


def toml(value):
    if isinstance(value, int):
        return str(value)
    plain = "\n" in value and "'''" not in value and value.isprintable() is False \
        and all(c.isprintable() or c == "\n" for c in value) and not value.endswith("'")
    return f"'''\n{value}'''" if plain else json.dumps(value, ensure_ascii=False)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("agent", type=lambda path: str(pathlib.Path(path).resolve()),
                        help="path of sandfleet-agent")
    parser.add_argument("only", nargs="*", help="cases to run, as THEME or THEME/CASE")
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("--declare", action="store_true",
                        help="print what differs as it would be declared")
    given = parser.parse_args()

    def wanted(label):
        return not given.only or any(
            label == one or label.startswith(one + "/") for one in given.only)

    themes = [Theme(path, wanted) for path in sorted((HERE / "cases").glob("*.toml"))]
    groups = {}
    for theme in themes:
        if theme.cases:
            groups.setdefault(repr(sorted(theme.settings.items())), []).append(theme)
    try:
        python = python_of_reference()
    except Unavailable as reason:
        print(f"skipped: {reason}")
        return SKIPPED

    scratch = pathlib.Path(tempfile.mkdtemp(prefix="sandfleet-interop-"))
    run = Run(python, scratch, given)
    try:
        threads = [threading.Thread(target=run.group, args=(group,)) for group in groups.values()]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        shutil.rmtree(scratch, ignore_errors=True)

    for label, problem in run.failures:
        if given.declare and isinstance(problem, Difference):
            print(f"# {label}: {problem.step}\n{problem.stanza()}\n")
        else:
            print(f"DIFFERS {label}: {problem}")
    for label, reason in run.declared:
        print(f"on purpose {label}: {reason}")
    for label in run.races:
        print(f"race of the reference {label}")
    cases = sum(len(theme.cases) for theme in themes)
    failed = len({label for label, _ in run.failures})
    print(f"{cases} cases, {run.actions} actions: {failed} cases differ,"
          f" {len(run.declared)} differences on purpose, {len(run.races)} races of the reference")
    return 1 if run.failures else 0


if __name__ == "__main__":
    sys.exit(main())
