#!/usr/bin/env python3
"""Compares what our editor says about lint issues (ENABLE_AUTO_LINT) with what PyPI openhands-aci, of
which the reference's editor is, says itself: by flake8, and by the compiler alone. README.md says
where the reference comes from; without it the exit status is 77."""

import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

from reference import Unavailable, python_of_reference
from servers import Ours
from steps import send

SKIPPED = 77

LONG = "".join(f"value_{number} = {number}\n" for number in range(300))

# Name of the file, its text, and the edits made to it one after the other.
CASES = [
    ("fine.py", "a = 1\nb = 2\n", [("str_replace", "a = 1", "a = 3"), ("insert", 2, "c = a + b")]),
    ("undefined.py", "a = 1\n", [("insert", 1, "print(b)"), ("str_replace", "a = 1", "a = c")]),
    ("syntax.py", "a = 1\nb = 2\n", [("str_replace", "b = 2", "b = (2"), ("insert", 0, "def f(:")]),
    ("string.py", "a = 'x'\n", [("str_replace", "'x'", "'x")]),
    ("indent.py", "def f():\n    return 1\n", [("str_replace", "    return", "return"),
                                                ("insert", 2, "      x = 1\n   y = 2")]),
    ("was_wrong.py", "print(x)\nprint(y)\na = 1\n", [("insert", 0, "b = 1"),
                                                     ("str_replace", "a = 1", "a = z"),
                                                     ("str_replace", "print(y)\n", "")]),
    ("shorter.py", "a = 1\nb = 2\nc = 3\nprint(q)\n", [("str_replace", "a = 1\nb = 2\nc = 3", "a = q")]),
    ("twice.py", "def f(a, a):\n    pass\n", [("insert", 2, "def g(b, b):\n    pass")]),
    ("all.py", "__all__ = ['a']\na = 1\n", [("str_replace", "['a']", "['a', 'nowhere']")]),
    ("long.py", LONG, [("str_replace", "value_150 = 150", "value_150 = nothing"),
                       ("insert", 300, "print(nothing)")]),
    ("wide.py", "a = 'ä'\n", [("insert", 1, "'ääää'; print(ö)")]),
    ("empty.py", "", [("insert", 0, "1 +")]),
    ("return.py", "a = 1\n", [("insert", 1, "return 1")]),
    ("plain.txt", "one\n", [("str_replace", "one", "def f(:")]),
    ("no_ending", "one\n", [("insert", 1, "two")]),
]

# Run by the reference's Python: the editor's answers to the edits on standard input.
EDITOR = """
import json, sys
from openhands_aci.editor.editor import OHEditor
from openhands_aci.editor.exceptions import ToolError
given = json.load(sys.stdin)
editor = OHEditor()
answers = []
for one in given:
    try:
        answers.append(editor(enable_linting=True, **one).output)
    except ToolError as failure:
        answers.append('ERROR:\\n' + failure.message)
json.dump(answers, sys.stdout)
"""


def arguments(directory, name, change):
    kind, first, text = change
    given = {"command": kind, "path": str(directory / name), "new_str": text}
    given["old_str" if kind == "str_replace" else "insert_line"] = first
    return given


def texts(agent, python, scratch, programs):
    """What the reference's editor and ours answer, as [(edit, theirs, mine)]."""
    path = f"{programs}:{os.environ['PATH']}"
    ours = Ours(agent, scratch / "ours", {"env": {"ENABLE_AUTO_LINT": "true", "PATH": path}})
    found = []
    try:
        ours.wait_until_alive()
        place = scratch / "work"
        place.mkdir()
        edits = [arguments(place, name, change) for name, _, changes in CASES for change in changes]

        def fill():
            for name, text, _ in CASES:
                (place / name).write_text(text)
        fill()
        done = subprocess.run([python, "-c", EDITOR], input=json.dumps(edits), text=True, check=True,
                              capture_output=True, env={**os.environ, "PATH": path})
        theirs = json.loads(done.stdout)
        fill()
        for edit, expected in zip(edits, theirs, strict=True):
            reply = send({"action": {"action": "edit", "args": edit}}, ours)
            found.append((edit, expected, reply["body"]["content"]))
    finally:
        ours.stop()
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("agent", type=lambda path: str(pathlib.Path(path).resolve()),
                        help="path of sandfleet-agent")
    agent = parser.parse_args().agent
    try:
        python = python_of_reference()
    except Unavailable as reason:
        print(f"skipped: {reason}")
        return SKIPPED
    # Both find the same Python; in one of the two rounds they find flake8 as well.
    own = pathlib.Path(python).parent
    rounds = {"by the compiler": lambda place: link(place, own, ["python3"])}
    if (own / "flake8").exists():
        rounds["by flake8"] = lambda place: link(place, own, ["python3", "flake8"])
    unlike = 0
    for name, programs in rounds.items():
        scratch = pathlib.Path(tempfile.mkdtemp(prefix="sandfleet-lint-"))
        try:
            found = texts(agent, python, scratch, programs(scratch / "bin"))
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
        for edit, theirs, mine in found:
            if theirs != mine:
                unlike += 1
                print(f"DIFFERS {name}: {edit}\n  reference {theirs!r}\n  ours      {mine!r}")
        print(f"{name}: {len(found)} edits")
    return 1 if unlike else 0


def link(place, source, programs):
    place.mkdir()
    for program in programs:
        (place / program).write_text(f'#!/bin/sh\nexec {source / program} "$@"\n')
        (place / program).chmod(0o755)
    return place


if __name__ == "__main__":
    sys.exit(main())
