#!/usr/bin/env python3
"""OpenHands' own RemoteRuntime against `sandfleet serve`: it starts a sandbox, uses it, is attached
again by another client after the service was killed, and stops it. README.md says where the client
comes from; without it the exit status is 77."""

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

# Run by the reference's Python: URL, key, session, whether the sandbox is to stay; prints JSON.
CLIENT = """
import asyncio, json, os, sys
os.environ['LOG_LEVEL'] = 'CRITICAL'
from openhands.core.config import OpenHandsConfig, SandboxConfig
from openhands.events import EventStream
from openhands.events.action import CmdRunAction, FileReadAction, FileWriteAction
from openhands.llm.llm_registry import LLMRegistry
from openhands.runtime.impl.remote.remote_runtime import RemoteRuntime
from openhands.storage import get_file_store

url, key, session, stays, place = sys.argv[1:6]
config = OpenHandsConfig(sandbox=SandboxConfig(
    api_key=key, remote_runtime_api_url=url, runtime_container_image='any',
    keep_runtime_alive=stays == 'stays', pause_closed_runtimes=False))
statuses = []
runtime = RemoteRuntime(config, EventStream(session, get_file_store('local', place)),
                        LLMRegistry(config), sid=session, env_vars={'FOO': 'bar'},
                        status_callback=lambda *told: statuses.append(told[1].name))
asyncio.run(runtime.connect())
told = {'id': runtime.runtime_id, 'statuses': statuses}

def run(command):
    seen = runtime.run_action(CmdRunAction(command=command))
    return [type(seen).__name__, getattr(seen, 'exit_code', None), seen.content]

told['env'] = run('echo $FOO; pwd')
told['fails'] = run('exit_with() { return $1; }; exit_with 3')
told['kept'] = run('cat kept 2>/dev/null; echo here > kept')
runtime.run_action(FileWriteAction(path='/workspace/a.txt', content='one\\ntwo'))
told['read'] = runtime.run_action(FileReadAction(path='/workspace/a.txt')).content
with open(os.path.join(place, 'up.txt'), 'w') as up:
    up.write('uploaded')
runtime.copy_to(os.path.join(place, 'up.txt'), '/workspace')
told['uploaded'] = run('cat up.txt')
told['files'] = sorted(runtime.list_files('/workspace'))
told['zip'] = os.path.getsize(runtime.copy_from('/workspace')) > 0
runtime.close()
json.dump(told, sys.stdout)
"""


def client(python, place, service, stays):
    home = place / "home"
    home.mkdir(exist_ok=True)
    environment = {**os.environ, "HOME": str(home)}  # it writes git's global configuration
    done = subprocess.run([python, "-c", CLIENT, service.url, KEY, "conversation",
                           "stays" if stays else "goes", str(place)],
                          env=environment, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode != 0:
        sys.exit(f"the client failed:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
    return json.loads(done.stdout[done.stdout.index("{"):])


def check(told, kept):
    expect("environment and directory", told["env"], ["CmdOutputObservation", 0, "bar\n/workspace"])
    expect("exit code", told["fails"], ["CmdOutputObservation", 3, ""])
    expect("what was left", told["kept"], ["CmdOutputObservation", 0, kept])
    expect("a file that was read", told["read"], "one\ntwo\n")
    expect("a file that was sent", told["uploaded"], ["CmdOutputObservation", 0, "uploaded"])
    expect("files", told["files"], ["a.txt", "kept", "up.txt"])
    expect("an archive", told["zip"], True)
    expect("the last status", told["statuses"][-1], "READY")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("program", help="sandfleet")
    program = parser.parse_args().program
    try:
        python = python_of_reference()
    except Unavailable as why:
        print(f"skipped: {why}")
        sys.exit(SKIPPED)
    place = pathlib.Path(tempfile.mkdtemp(prefix="sandfleet-remote-", dir="/tmp"))
    service = Service(program, place)
    try:
        first = client(python, place, service, stays=True)
        check(first, "")
        service.kill()
        service.start()
        second = client(python, place, service, stays=False)
        expect("the sandbox after the service was killed", second["id"], first["id"])
        check(second, "here")
        left = subprocess.run([program, "ps", "--quiet"], env=service.environment, text=True,
                              capture_output=True, check=True).stdout
        expect("sandboxes that are left", left, "")
    finally:
        service.end()
        shutil.rmtree(place, ignore_errors=True)
    print("RemoteRuntime of OpenHands: as expected, also after the service was killed")


main()
