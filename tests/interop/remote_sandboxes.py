#!/usr/bin/env python3
"""OpenHands' V1 RemoteSandboxService and its agent server against `sandfleet serve`: the service class
starts a sandbox in which the agent server runs, uses it through the proxy, pauses, resumes and deletes
it. README.md says where both come from; without them the exit status is 77."""

import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

from reference import Unavailable, python_of_reference
from service import KEY, Service, expect

SKIPPED = 77
# The agent server of 0.62 does not start with FastAPI of later.
PINNED = ["fastapi==0.116.1", "starlette==0.47.3"]

# Run by the reference's Python: URL, key, command and environment as JSON; prints JSON.
CLIENT = """
import asyncio, json, os, sys, time
os.environ['LOG_LEVEL'] = 'CRITICAL'
import httpx
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from openhands.app_server.sandbox.preset_sandbox_spec_service import PresetSandboxSpecService
from openhands.app_server.sandbox.remote_sandbox_service import RemoteSandboxService, StoredRemoteSandbox
from openhands.app_server.sandbox.sandbox_models import AGENT_SERVER, SandboxStatus
from openhands.app_server.sandbox.sandbox_spec_models import SandboxSpecInfo

class User:
    async def get_user_id(self):
        return 'ada'

async def main(url, key, command, environment):
    engine = create_async_engine('sqlite+aiosqlite://')
    async with engine.begin() as c:
        await c.run_sync(StoredRemoteSandbox.metadata.create_all)
    spec = SandboxSpecInfo(id='agent-server:1', command=command, initial_env=environment, working_dir='/workspace/project')
    async with httpx.AsyncClient(timeout=60) as client, AsyncSession(engine, expire_on_commit=False) as session:
        service = RemoteSandboxService(
            sandbox_spec_service=PresetSandboxSpecService([spec]), api_url=url, api_key=key, web_url=None,
            resource_factor=1, runtime_class=None, start_sandbox_timeout=120, max_num_sandboxes=10,
            user_context=User(), httpx_client=client, db_session=session)
        told = {}
        async def wait_for(id, wanted):
            for _ in range(1200):
                now = await service.get_sandbox(id)
                if now and now.status in (wanted, SandboxStatus.ERROR, SandboxStatus.MISSING):
                    return now
                await asyncio.sleep(0.2)
            raise TimeoutError(wanted)
        started = await service.start_sandbox()
        told['started'] = started.status.name
        now = await wait_for(started.id, SandboxStatus.RUNNING)
        told['running'] = now.status.name
        base = next(u.url for u in now.exposed_urls if u.name == AGENT_SERVER)
        told['urls'] = {u.name: u.url.replace(base.split('://')[1], 'BASE') for u in now.exposed_urls}
        async def ask(key=now.session_api_key):
            return await client.post(base + '/api/bash/execute_bash_command', json={'command': 'echo $GREETING; pwd'},
                                     headers={'X-Session-API-Key': key} if key else {})
        told['refused'] = (await ask(None)).status_code
        told['output'] = (await ask()).json()['stdout']
        told['paused'] = await service.pause_sandbox(started.id)
        told['while paused'] = (await wait_for(started.id, SandboxStatus.PAUSED)).status.name
        told['resumed'] = await service.resume_sandbox(started.id)
        told['again'] = (await wait_for(started.id, SandboxStatus.RUNNING)).status.name
        told['same'] = (await ask()).json()['stdout']
        told['deleted'] = await service.delete_sandbox(started.id)
        json.dump(told, sys.stdout)
asyncio.run(main(sys.argv[1], sys.argv[2], json.loads(sys.argv[3]), json.loads(sys.argv[4])))
"""


def pinned_packages(python):
    """A directory with what the agent server needs in the place of what is installed."""
    place = pathlib.Path(python).parent.parent / "agent-server"
    if not place.exists():
        making = place.with_name("agent-server.making")
        shutil.rmtree(making, ignore_errors=True)
        got = subprocess.run([python, "-m", "pip", "--disable-pip-version-check", "-q", "install",
                              "--no-deps", "--target", making, *PINNED],
                             capture_output=True, text=True, check=False)
        if got.returncode != 0:
            raise Unavailable(f"{' and '.join(PINNED)} cannot be had from PyPI: {got.stderr[-300:]}")
        making.rename(place)
    return str(place)


def run(program, python, packages, place):
    base = pathlib.Path(python).resolve().parent.parent
    environment = pathlib.Path(python).parent.parent
    volumes = ",".join(f"{path}:{path}:ro" for path in (environment, base, packages)
                       if not str(path).startswith("/usr"))
    service = Service(program, place, {"SANDBOX_VOLUMES": volumes})
    try:
        command = [python, "-m", "openhands.agent_server", "--port", "60000"]
        inside = {"GREETING": "hello", "PYTHONPATH": packages, "OH_ENABLE_VNC": "0",
                  "OH_CONVERSATIONS_PATH": "/workspace/conversations",
                  "OH_BASH_EVENTS_DIR": "/workspace/bash_events"}
        done = subprocess.run([python, "-c", CLIENT, service.url, KEY, json.dumps(command),
                               json.dumps(inside)],
                              env={**os.environ, "PYTHONPATH": packages, "HOME": str(place)},
                              capture_output=True, text=True, timeout=600, check=False)
        if done.returncode != 0:
            sys.exit(f"the client failed:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
        return json.loads(done.stdout[done.stdout.index("{"):])
    finally:
        service.end()


def check(told):
    expect("a sandbox that was just asked for", told["started"], "STARTING")
    expect("the agent server listens", told["running"], "RUNNING")
    expect("the agent server without its key", told["refused"], 401)
    expect("a command", told["output"], "hello\n/workspace\n")
    expect("pause", [told["paused"], told["while paused"]], [True, "PAUSED"])
    expect("resume", [told["resumed"], told["again"]], [True, "RUNNING"])
    expect("a command after that", told["same"], "hello\n/workspace\n")
    expect("delete", told["deleted"], True)
    expect("addresses", sorted(told["urls"]), ["AGENT_SERVER", "VSCODE", "WORKER_1", "WORKER_2"])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("program", help="sandfleet")
    program = parser.parse_args().program
    place = pathlib.Path(tempfile.mkdtemp(prefix="sandfleet-v1-", dir="/tmp"))
    try:
        python = python_of_reference()
        check(run(program, python, pinned_packages(python), place))
    except Unavailable as why:
        print(f"skipped: {why}")
        sys.exit(SKIPPED)
    finally:
        shutil.rmtree(place, ignore_errors=True)
    print("V1's sandbox service and agent server of OpenHands: as expected")


main()
