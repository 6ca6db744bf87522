#!/usr/bin/env python3
"""crowds.py SANDFLEET [--idle N] [--sandboxes N] [--clients N]: `sandfleet serve` under many. Prints times,
which are this machine's at this moment; holds it to what does not hang on them: no failure, and its
memory."""

import argparse
import asyncio
import json
import pathlib
import re
import shutil
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "support"))

from http_wire import Api, Connection  # noqa: E402
from serve_process import (KEY, Service, adopt_orphans, load, raise_file_limit, reap,  # noqa: E402
                           run_body, skip_without_namespaces, start_body)

MEGABYTE = 1_000_000
PAUSE = 0.02  # between two questions, as clients of this API ask
READING_SECONDS = 5
READERS = 16

# For `wrk`, which is no tenth as busy as asyncio.
WRK_SCRIPT = """
wrk.method = "POST"
wrk.body = '{body}'
wrk.headers["Content-Type"] = "application/json"
wrk.headers["X-Session-API-Key"] = "{key}"
"""


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def say(what):
    print(f"{what} ({load()})", flush=True)


async def start_one(api, session):
    """Its description, and the seconds until it was ready."""
    begun = time.monotonic()
    told = await api.wanted("POST", "/start", start_body(session))
    answered = time.monotonic() - begun
    while told["pod_status"] != "ready":
        if told["status"] == "error":
            raise AssertionError(f"a start failed: {told}")
        await asyncio.sleep(PAUSE)
        told = await api.wanted("GET", f"/runtime/{told['runtime_id']}")
    return told, time.monotonic() - begun, answered


async def action(connection, told, body):
    status, text = await connection.ask("POST", f"/{told['runtime_id']}/execute_action", body,
                                        [("X-Session-API-Key", told["session_api_key"])])
    if status != 200:
        raise AssertionError(f"an action: {status} {text}")
    return json.loads(text)


async def idle_connections(service, told, count):
    """They are held, and answered when they ask again; meanwhile others are."""
    before, _ = service.memory()
    crowd = [Connection(service.port) for _ in range(count)]
    for first in range(0, count, 500):
        asked = [each.ask("GET", "/healthz") for each in crowd[first:first + 500]]
        for status, _ in await asyncio.gather(*asked):
            assert status == 200, status
    now, _ = service.memory()
    took = []
    other = Connection(service.port)
    for turn in range(200):
        begun = time.monotonic()
        seen = await action(other, told, run_body(f"echo {turn}"))
        took.append(time.monotonic() - begun)
        assert seen["content"] == str(turn), seen
    say(f"{count} idle connections: {now / MEGABYTE:.1f} MB resident, {before / MEGABYTE:.1f} before "
        f"({(now - before) / count / 1000:.1f} kB each); actions beside them: "
        f"p50 {percentile(took, .5) * 1000:.2f} ms, p99 {percentile(took, .99) * 1000:.2f} ms")
    for first in range(0, count, 500):
        still = crowd[first:first + 500]
        assert all(each.writer is not None for each in still)
        for status, _ in await asyncio.gather(*(each.ask("GET", "/healthz") for each in still)):
            assert status == 200, status
    for each in [*crowd, other]:
        each.close()


async def starts(service, count, clients):
    """Each client starts its next when its last is ready. What is there in the end."""
    waiting, ready, took, answered = list(range(count)), [], [], []

    async def client():
        api = Api(service.port, KEY)
        while waiting:
            told, seconds, first = await start_one(api, f"crowd-{waiting.pop()}")
            ready.append(told)
            took.append(seconds)
            answered.append(first)
        api.close()

    begun = time.monotonic()
    await asyncio.gather(*(client() for _ in range(clients)))
    seconds = time.monotonic() - begun
    now, most = service.memory()
    say(f"{count} sandboxes by {clients} clients in {seconds:.1f} s: start p50 "
        f"{percentile(took, .5):.2f} s, p99 {percentile(took, .99):.2f} s, most {max(took):.2f} s; "
        f"/start answered p50 {percentile(answered, .5) * 1000:.1f} ms; {now / MEGABYTE:.1f} MB "
        f"resident, {most / MEGABYTE:.1f} MB at most")
    assert len(ready) == count and len(await listed(service)) == count
    return ready, now


async def listed(service):
    api = Api(service.port, KEY)
    told = await api.sandboxes()
    api.close()
    return told


async def every_one_answers(service, ready):
    async def ask(told):
        connection = Connection(service.port)
        seen = await action(connection, told, run_body("echo here"))
        assert seen["content"] == "here", seen
        connection.close()

    for first in range(0, len(ready), 50):
        await asyncio.gather(*(ask(each) for each in ready[first:first + 50]))


def read_body():
    return {"action": {"action": "read", "args": {"path": "/workspace/small"}}}


async def reads(service, told):
    """Of a small file, over some connections, each of which waits for its answer."""
    await action(Connection(service.port), told, run_body("echo small > small"))
    if shutil.which("wrk"):
        script = service.place / "read.lua"
        script.write_text(WRK_SCRIPT.format(body=json.dumps(read_body()),
                                            key=told["session_api_key"]))
        done = await asyncio.to_thread(
            subprocess.run, ["wrk", "-t1", f"-c{READERS}", f"-d{READING_SECONDS}s", "--latency",
                             "-s", str(script), f"{told['url']}/execute_action"],
            capture_output=True, text=True, check=True)
        assert "Non-2xx" not in done.stdout and "Socket errors" not in done.stdout, done.stdout
        rate = re.search(r"Requests/sec:\s+([\d.]+)", done.stdout)[1]
        p50 = re.search(r"50%\s+(\S+)", done.stdout)[1]
        say(f"{rate} proxied reads a second over {READERS} connections, p50 {p50}, by wrk")
        return
    until, count = time.monotonic() + READING_SECONDS, 0

    async def reader():
        nonlocal count
        connection = Connection(service.port)
        while time.monotonic() < until:
            seen = await action(connection, told, read_body())
            assert "small" in seen["content"], seen
            count += 1
        connection.close()

    await asyncio.gather(*(reader() for _ in range(READERS)))
    say(f"{count / READING_SECONDS:.0f} proxied reads a second over {READERS} connections, by Python's "
        "asyncio, which is the slower end (there is no wrk)")


async def stop_all(service, ready):
    async def stop(some):
        api = Api(service.port, KEY)
        for told in some:
            await api.wanted("POST", "/stop", {"runtime_id": told["runtime_id"]})
        api.close()

    begun = time.monotonic()
    await asyncio.gather(*(stop(ready[each::16]) for each in range(16)))
    now, _ = service.memory()
    say(f"stopped in {time.monotonic() - begun:.1f} s; {now / MEGABYTE:.1f} MB resident then")
    reap()
    assert service.directories() == [], service.directories()


async def run(service, options):
    ready, memory = await starts(service, options.sandboxes, options.clients)
    await every_one_answers(service, ready)
    await reads(service, ready[0])
    if options.idle:
        await idle_connections(service, ready[0], options.idle)
    await stop_all(service, ready)
    assert memory < options.memory_mb * MEGABYTE, f"{memory / MEGABYTE:.1f} MB"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("program", help="sandfleet")
    parser.add_argument("--idle", type=int, default=5000)
    parser.add_argument("--sandboxes", type=int, default=500)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--memory-mb", type=int, default=60, help="at most, with all sandboxes")
    options = parser.parse_args()
    skip_without_namespaces()
    adopt_orphans()
    if raise_file_limit() < 2 * options.idle:
        options.idle = 0
        print("no idle connections: the hard limit of open files is too low for them")
    service = Service(options.program)
    try:
        service.start()
        asyncio.run(run(service, options))
        assert service.end() == 0, service.said()
    except BaseException:
        print(service.said(), file=sys.stderr)
        raise
    finally:
        service.close()


main()
