#!/usr/bin/env python3
"""recovery.py SANDFLEET [--sandboxes N] [--kills N] [--seed N]: `sandfleet serve` is killed while
actions run and sandboxes start and stop, and begun again on the same state directory. All that lived is
taken up, nothing else is left, no action is lost or run twice."""

import argparse
import asyncio
import contextlib
import json
import pathlib
import random
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "support"))

from http_wire import Api, Connection, Gone  # noqa: E402
from serve_process import (KEY, Service, adopt_orphans, launchers, load,  # noqa: E402
                           raise_file_limit, reap, run_body, skip_without_namespaces,
                           start_body)

GRACE = 60  # seconds until what a death left has gone
PATIENCE = 300
PAUSE = 0.02  # between two questions: a state is told to nobody but who asks, or to who listens to all


def expect(what, holds, told=""):
    if not holds:
        raise AssertionError(f"{what}: {told}")


class Fleet:
    """The service, whether it is up, and what its clients know."""

    def __init__(self, service):
        self.service = service
        self.up = asyncio.Event()
        self.answers = 0
        self.enough = asyncio.Event()  # so many answers that the next death is due
        self.due = None
        self.told = {}  # ready sandboxes by session: as the service described them
        self.retried = 0
        self.odd = {}  # statuses that made a client try again

    def answered(self):
        self.answers += 1
        if self.due is not None and self.answers >= self.due:
            self.enough.set()

    async def die(self, after, delay):
        """After so many more answers, and a moment."""
        self.due = self.answers + after
        self.enough.clear()
        await asyncio.wait_for(self.enough.wait(), PATIENCE)
        await asyncio.sleep(delay)
        self.up.clear()
        self.service.kill()

    async def die_in_birth(self, delay):
        self.service.spawn()
        await asyncio.sleep(delay)
        self.service.kill()

    async def again(self):
        took = await asyncio.get_running_loop().run_in_executor(None, self.service.start)
        api = Api(self.service.port, KEY)
        status, _ = await api.ask("GET", "/readyz")
        expect("ready once it listens", status == 200, status)
        await self.check_taken_up(api)
        api.close()
        self.up.set()
        return took

    async def check_taken_up(self, api):
        now = {one["session_id"]: one for one in await api.sandboxes()}
        for session, before in self.told.items():
            expect("a sandbox that lived is there", session in now, session)
            for part in ("runtime_id", "url", "session_api_key", "status", "pod_status"):
                expect(f"the same {part} after the death", now[session][part] == before[part],
                       f"{now[session]} instead of {before}")

    async def persistently(self, ask):
        """Its answer, from the service that is there then."""
        while True:
            await self.up.wait()
            try:
                return await ask()
            except Gone:
                await asyncio.sleep(PAUSE)

    async def look(self, api, session):
        """None where the service does not know it."""
        status, told = await self.persistently(lambda: api.ask("GET", f"/sessions/{session}"))
        if status == 404:
            return None
        expect("a session", status == 200, told)
        return told

    async def until_ended(self, api, session):
        while True:
            told = await self.look(api, session)
            if told is None or told["pod_status"] == "ready" or told["status"] in ("stopped", "error"):
                return told
            await asyncio.sleep(PAUSE)

    async def begin(self, session):
        api = Api(self.service.port, KEY)
        await self.persistently(lambda: api.wanted("POST", "/start", start_body(session)))
        self.answered()
        told = await self.until_ended(api, session)
        expect("a start that was asked for is ready", told and told["pod_status"] == "ready", told)
        self.told[session] = told
        api.close()

    async def action(self, connection, told, key, command):
        """The observation; the same key for each attempt."""
        headers = [("X-Session-API-Key", told["session_api_key"]), ("X-Idempotency-Key", key)]
        while True:
            try:
                await self.up.wait()
                status, text = await connection.ask(
                    "POST", f"/{told['runtime_id']}/execute_action", run_body(command), headers)
            except Gone:
                self.retried += 1
                await asyncio.sleep(PAUSE)
                continue
            if status == 200:
                self.answered()
                return json.loads(text)
            self.odd[status] = text
            expect("try again, or an answer", status == 503, f"{status} {text}")
            await asyncio.sleep(PAUSE)


async def work(fleet, session, over):
    """Actions in one sandbox, each of which leaves its mark; in the end each has left one."""
    connection = Connection(fleet.service.port)
    await fleet.begin(session)
    told, count = fleet.told[session], 0
    while not over.is_set() or count == 0:
        key = f"{session}-{count}"
        seen = await fleet.action(connection, told, key,
                                  f"echo {key} >> marks; sleep 0.$((RANDOM % 3)); echo seen {key}")
        expect("its own observation", seen["content"] == f"seen {key}", seen)
        count += 1
    seen = await fleet.action(connection, told, f"{session}-marks", "cat marks")
    wanted = "\n".join(f"{session}-{each}" for each in range(count))
    expect("each action ran once", seen["content"] == wanted, seen["content"])
    connection.close()
    return count


async def come_and_go(fleet, name, over, chance):
    """Sandboxes that start and stop all the time, so that deaths cut both short; some are stopped
    before they are ready."""
    api, count = Api(fleet.service.port, KEY), 0
    while not over.is_set():
        session = f"{name}-{count}"
        count += 1
        try:
            await fleet.up.wait()
            await api.wanted("POST", "/start", start_body(session))
        except Gone:  # nobody knows whether there is one
            pass
        if chance.random() < 0.5:
            await asyncio.sleep(chance.uniform(0, 0.1))
            told = await fleet.look(api, session)
        else:
            told = await fleet.until_ended(api, session)
        if told is None:
            continue
        expect("ready, starting, or with a verdict", 
               told["pod_status"] in ("ready", "pending") or told["restart_reasons"], told)
        status, gone = await fleet.persistently(
            lambda: api.ask("POST", "/stop", {"runtime_id": told["runtime_id"]}))
        # What had ended before a death is known to the journal alone.
        expect("a stop", status in (200, 404), gone)
    api.close()
    return count


async def check_leavings(service):
    """Directories and processes are those of the list; seconds until they were."""
    api, begun = Api(service.port, KEY), time.monotonic()
    while True:
        reap()
        listed = sorted(one["runtime_id"] for one in await api.sandboxes())
        found, running = service.directories(), launchers()
        if found == listed and len(running) == len(listed):
            api.close()
            return time.monotonic() - begun
        if time.monotonic() - begun > GRACE:
            raise AssertionError(await describe_leavings(service, api, listed, found, running))
        await asyncio.sleep(0.2)


async def describe_leavings(service, api, listed, found, running):
    lines = [f"left over: {len(listed)} sandboxes, {len(running)} launchers"]
    for each in set(found) ^ set(listed):
        lines.append(str(await api.ask("GET", f"/runtime/{each}")))
        with contextlib.suppress(OSError):
            lines.append((service.state / "sandboxes" / each / "record.json").read_text())
    return "\n".join(lines)


async def stop_all(service, fleet):
    async def stop(told):
        api = Api(service.port, KEY)
        await api.wanted("POST", "/stop", {"runtime_id": told["runtime_id"]})
        api.close()

    await asyncio.gather(*(stop(told) for told in fleet.told.values()))
    await check_leavings(service)
    left = service.directories()
    if left:
        raise AssertionError(await describe_leavings(service, Api(service.port, KEY), [], left, []))


async def run(service, options):
    fleet, chance = Fleet(service), random.Random(options.seed)
    service.start()
    fleet.up.set()
    over = asyncio.Event()
    first = time.monotonic()
    workers = [asyncio.create_task(work(fleet, f"w{each}", over)) for each in range(options.sandboxes)]
    churners = [asyncio.create_task(come_and_go(fleet, f"c{each}", over, chance)) for each in range(4)]
    everybody = asyncio.gather(*workers, *churners)

    async def kill_and_look():
        times = []
        # The first death falls into the starts.
        for turn in range(options.kills):
            after = chance.randint(1, options.sandboxes)
            if turn == 1:
                while len(fleet.told) < options.sandboxes:
                    await asyncio.sleep(PAUSE)
                print(f"all ready after {time.monotonic() - first:.1f} s")
            await fleet.die(after, chance.uniform(0, 0.1))
            known = len(fleet.told)
            if chance.random() < 0.5:
                await fleet.die_in_birth(chance.uniform(0, 0.3))
            times.append(await fleet.again())
            print(f"death {turn + 1} after {after} answers: {known} ready ones taken up, listening "
                  f"after {times[-1]:.2f} s ({load()})", flush=True)
        print(f"nothing left over {await settle(fleet, over, everybody):.1f} s after the last actions")
        return times

    watcher = asyncio.create_task(kill_and_look())
    await asyncio.wait([watcher, everybody], return_when=asyncio.FIRST_EXCEPTION)
    for each in (everybody, watcher):
        if each.done() and not each.cancelled() and each.exception():
            raise each.exception()
    times, counts = await watcher, await everybody
    print(f"{sum(counts[:options.sandboxes])} actions in {options.sandboxes} sandboxes, "
          f"{fleet.retried} attempts cut short, {sum(counts[options.sandboxes:])} sandboxes came and "
          f"went, {options.kills} deaths; seconds to /readyz: at most {max(times):.2f}, "
          f"least {min(times):.2f}; other answers on the way: {sorted(fleet.odd)}")
    expect("actions were cut short", fleet.retried > 0, "none was")
    await stop_all(service, fleet)
    expect("its end", service.end() == 0, service.said())
    print(service.said(), end="")


async def settle(fleet, over, everybody):
    over.set()
    await everybody
    return await check_leavings(fleet.service)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("program", help="sandfleet")
    parser.add_argument("--sandboxes", type=int, default=20)
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    options = parser.parse_args()
    skip_without_namespaces()
    print(f"seed {options.seed}", flush=True)
    adopt_orphans()
    raise_file_limit()
    service = Service(options.program)
    try:
        asyncio.run(run(service, options))
    except BaseException:
        print(service.said(), file=sys.stderr)
        raise
    finally:
        service.close()


main()
