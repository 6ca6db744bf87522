#!/usr/bin/env python3
"""Measures OpenHands' action execution server and ours side by side, and says which of the promises
of bench/SPECIFICATION.md hold. The ratios of what both do decide about the exit status; figures of
ours alone, which depend on the machine, are printed only. README.md says where the reference comes
from; without it the exit status is 77."""

import argparse
import json
import os
import pathlib
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

from reference import Unavailable, python_of_reference
from servers import Ours, Reference, free_port

SKIPPED = 77
BROKEN = 1

# The least multiples of the reference's medians.
TIMES_ECHO = 1000
TIMES_FILES = 8
TIMES_START = 200
# Of ours alone.
MOST_START_MS = 30
LEAST_OUTPUT_MB_S = 50
MOST_RESIDENT_MB = 4

OUTPUT_BYTES = 50_000_000
MANY_ACTIONS = 10_000


class Client:
    """One kept connection. Requests are made ready beforehand, so that Python's own time counts
    little."""

    def __init__(self, server):
        self.socket = socket.create_connection(("127.0.0.1", server.port), timeout=300)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    @staticmethod
    def request(action):
        body = json.dumps({"action": action}).encode()
        return (b"POST /execute_action HTTP/1.1\r\nHost: localhost\r\n"
                b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)) + body

    def ask(self, request):
        self.socket.sendall(request)
        reply = b""
        while (head := reply.find(b"\r\n\r\n")) < 0:
            reply += self.some()
        lengths = [line for line in reply[:head].lower().split(b"\r\n")
                   if line.startswith(b"content-length:")]
        missing = head + 4 + int(lengths[0].split(b":")[1]) - len(reply)
        pieces = [reply]
        while missing > 0:
            pieces.append(self.some())
            missing -= len(pieces[-1])
        if not reply.startswith(b"HTTP/1.1 200 "):
            raise RuntimeError(reply)
        return b"".join(pieces)[head + 4:]

    def some(self):
        piece = self.socket.recv(1 << 20)
        if not piece:
            raise RuntimeError("the server closed the connection")
        return piece


def milliseconds(work, rounds):
    taken = []
    for number in range(rounds):
        before = time.perf_counter()
        work(number)
        taken.append((time.perf_counter() - before) * 1000)
    return statistics.median(taken)


def run(command):
    return {"action": "run", "args": {"command": command}}


def read(path):
    return {"action": "read", "args": {"path": path}}


def write(path, content):
    return {"action": "write", "args": {"path": path, "content": content}}


def edit(path, old, new):
    return {"action": "edit", "args": {"path": path, "command": "str_replace", "old_str": old,
                                       "new_str": new}}


def kinds(server):
    """What both are asked: (name, what an action of that kind is like)."""
    path = str(server.dir / "small.txt")
    lines = "".join(f"line {number}\n" for number in range(50))
    (server.dir / "small.txt").write_text(lines)
    (server.dir / "edited.txt").write_text("number 0\n" + lines)
    return [
        ("echo", lambda n: run(f"echo {n}")),
        ("read", lambda n: read(path)),
        ("write", lambda n: write(str(server.dir / "written.txt"), lines)),
        ("edit", lambda n: edit(str(server.dir / "edited.txt"), f"number {n}\n",
                                f"number {n + 1}\n")),
    ]


def check(name, number, answer):
    seen = json.loads(answer)
    right = {"echo": seen.get("content") == str(number)}.get(name, seen["observation"] == name)
    if not right:
        raise RuntimeError(f"a wrong answer to {name}: {answer!r}")


def medians(server, rounds):
    """The median of each kind, in milliseconds; None where an answer was wrong."""
    client = Client(server)
    found = {}
    for name, make in kinds(server):
        requests = [client.request(make(number)) for number in range(rounds[name])]
        answers = []
        found[name] = milliseconds(lambda n, r=requests, a=answers: a.append(client.ask(r[n])),
                                   rounds[name])
        if isinstance(server, Ours):
            for number, answer in enumerate(answers):
                check(name, number, answer)
    return found


def output_mb_s(server):
    """The same bytes three times, so that the best is not the machine's worst moment."""
    line = b"0123456789" * 9 + b"012345678\n"
    (server.dir / "output").write_bytes(line * (OUTPUT_BYTES // len(line)))
    client = Client(server)
    request = client.request(run("cat output"))
    return max(OUTPUT_BYTES / 1000 / milliseconds(lambda _: client.ask(request), 1)
               for _ in range(3))


def bare_pty_mb_s(server):
    """What the kernel's terminal and one reader make of them."""
    master, slave = os.openpty()
    with subprocess.Popen(["cat", server.dir / "output"], stdin=slave, stdout=slave) as cat:
        os.close(slave)
        before, got = time.perf_counter(), 0
        try:
            while piece := os.read(master, 1 << 16):
                got += len(piece)
        except OSError:  # the last one closed it
            pass
        taken = time.perf_counter() - before
        cat.wait()
    os.close(master)
    return got / taken / 1e6


def start_ms(agent, place):
    """From the start of the process to the first /alive that says ok."""
    port = free_port()
    before = time.perf_counter()
    with subprocess.Popen([agent, str(port), "--working-dir", place],
                          env={"PATH": os.environ["PATH"], "HOME": place},
                          stdin=subprocess.DEVNULL) as process:
        while True:
            try:
                with socket.create_connection(("127.0.0.1", port)) as asked:
                    asked.sendall(b"GET /alive HTTP/1.0\r\n\r\n")
                    if b'"ok"' in b"".join(iter(lambda: asked.recv(4096), b"")):
                        break
            except ConnectionRefusedError:
                pass
            time.sleep(0.0002)
        taken = (time.perf_counter() - before) * 1000
        process.terminate()
        process.wait()
    return taken


def resident_mb(server):
    """Of the agent's guardian and of the agent, which are the first of that name below us."""
    found, pids = [], [server.process.pid]
    while len(found) < 2:
        pid = pids.pop(0)
        place = pathlib.Path(f"/proc/{pid}")
        pids += map(int, (place / f"task/{pid}/children").read_text().split())
        fields = dict(line.split(":", 1) for line in (place / "status").read_text().splitlines())
        if fields["Name"].strip() == "sandfleet-agent":
            found.append(int(fields["VmRSS"].split()[0]) / 1024)
    return found


class Report:
    def __init__(self):
        self.broken = 0

    def ratio(self, name, theirs, mine, least):
        times = theirs / mine
        kept = times >= least
        self.broken += not kept
        print(f"{name:8} {theirs:12.3f} {mine:12.3f} {times:10.1f} x {least:8} x "
              f" {'kept' if kept else 'BROKEN'}")

    @staticmethod
    def figure(name, value, unit, kept, promise):
        print(f"{name:36} {value:8.1f} {unit:5} {promise:16}"
              f" {'kept' if kept else 'not kept here'}")


def idle_share(since=None):
    numbers = [int(word) for word in
               pathlib.Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    if since is None:
        return numbers
    gone = [now - then for now, then in zip(numbers, since)]
    return gone[3] / max(1, sum(gone))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("agent", type=lambda path: str(pathlib.Path(path).resolve()),
                        help="path of sandfleet-agent")
    given = parser.parse_args()
    try:
        python = python_of_reference()
    except Unavailable as reason:
        print(f"skipped: {reason}")
        return SKIPPED

    scratch = pathlib.Path(tempfile.mkdtemp(prefix="sandfleet-speed-"))
    servers, report, before = [], Report(), idle_share()
    try:
        began = time.perf_counter()
        servers.append(Reference(python, scratch / "a", {}, as_it_is=True))
        servers[0].wait_until_alive()
        their_start = (time.perf_counter() - began) * 1000
        servers.append(Ours(given.agent, scratch / "b", {}))
        servers[1].wait_until_alive()
        reference, ours = servers

        rest = resident_mb(ours)
        mine = medians(ours, {"echo": 1000, "read": 500, "write": 500, "edit": 500})
        theirs = medians(reference, {"echo": 11, "read": 101, "write": 101, "edit": 101})
        mine_start = statistics.median(start_ms(given.agent, str(scratch / f"s{n}"))
                                       for n in range(11))
        client = Client(ours)
        for number in range(MANY_ACTIONS):
            check("echo", number, client.ask(client.request(run(f"echo {number}"))))
        later = resident_mb(ours)
        output = output_mb_s(ours)
        bare = bare_pty_mb_s(ours)
        largest = resident_mb(ours)
    finally:
        for server in servers:
            server.stop()
        shutil.rmtree(scratch, ignore_errors=True)

    print(f"\n{'median':8} {'reference ms':>12} {'ours ms':>12} {'ratio':>12} {'promised':>10}")
    report.ratio("echo", theirs["echo"], mine["echo"], TIMES_ECHO)
    for name in ("read", "write", "edit"):
        report.ratio(name, theirs[name], mine[name], TIMES_FILES)
    report.ratio("start", their_start, mine_start, TIMES_START)
    print()
    report.figure("start to /alive", mine_start, "ms", mine_start < MOST_START_MS,
                  f"< {MOST_START_MS} ms")
    report.figure("50 MB of output", output, "MB/s", output > LEAST_OUTPUT_MB_S,
                  f"> {LEAST_OUTPUT_MB_S} MB/s")
    print(f"{'  the same by a bare terminal':36} {bare:8.1f} MB/s")
    for name, (guardian, agent) in (("resident at rest", rest),
                                    (f"resident after {MANY_ACTIONS} actions", later)):
        report.figure(name, agent, "MB", agent < MOST_RESIDENT_MB, f"< {MOST_RESIDENT_MB} MB")
    print(f"{'  the guardian':36} {guardian:8.1f} MB")
    print(f"{'  after that output':36} {largest[1]:8.1f} MB")
    print(f"the processors were idle for {idle_share(before):.0%} of the time")
    return BROKEN if report.broken else 0


if __name__ == "__main__":
    sys.exit(main())
