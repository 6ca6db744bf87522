#!/usr/bin/env python3
"""Runs a program of tests with the provider remote, against a `sandfleet serve` of its own.

remote_service.py SANDFLEET PROGRAM [ARGUMENT...]

The service makes local sandboxes. Exit status: the program's, or 1 when it left sandboxes behind.
"""

import json
import os
import re
import ssl
import subprocess
import sys
import tempfile
import urllib.request

KEY = "key-of-the-tests-0123456789"


class Service:
    """A `sandfleet serve` that ends with the block, and what it knows of."""

    def __init__(self, sandfleet, certificate=None, key=None, authority=None):
        self.sandfleet = sandfleet
        self.tls = ["--tls-cert", certificate, "--tls-key", key] if certificate else []
        self.trust = ssl.create_default_context(cafile=authority) if authority else None

    def __enter__(self):
        self.place = tempfile.TemporaryDirectory(prefix="sf-remote-")
        keys = os.path.join(self.place.name, "keys.toml")
        with open(os.open(keys, os.O_CREAT | os.O_WRONLY, 0o600), "w") as out:
            out.write(f'[tests]\nkey = "{KEY}"\n')
        surroundings = {name: value for name, value in os.environ.items()
                        if not name.startswith(("SANDFLEET_", "SANDBOX_")) and name != "RUNTIME"}
        self.process = subprocess.Popen(
            [self.sandfleet, "serve", "--keys", keys, "--listen", "127.0.0.1:0", *self.tls],
            env=surroundings | {"SANDFLEET_STATE_DIR": os.path.join(self.place.name, "s")},
            stdout=subprocess.PIPE, text=True)
        said = self.process.stdout.readline()
        port = re.search(r"port (\d+)", said)
        if not port:
            self.__exit__()
            raise RuntimeError(f"the service does not listen: {said}")
        self.url = f"http{'s' if self.tls else ''}://127.0.0.1:{port[1]}"
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(timeout=60)
        self.process.stdout.close()
        self.place.cleanup()

    def call(self, path, body=None):
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(self.url + path, data, {"X-API-Key": KEY})
        with urllib.request.urlopen(request, timeout=60, context=self.trust) as reply:
            return json.load(reply)

    def runtimes(self):
        return self.call("/list")["runtimes"]

    def stop_what_is_left(self):
        left = self.runtimes()
        for one in left:
            print(f"left behind: {one['runtime_id']} of {one['session_id']}", file=sys.stderr)
            self.call("/stop", {"runtime_id": one["runtime_id"]})
        return len(left)


def main():
    sandfleet, *command = sys.argv[1:]
    with Service(sandfleet) as service:
        status = subprocess.run(command, env=os.environ | {
            "SANDFLEET_TEST_PROVIDER": "remote",
            "SANDBOX_REMOTE_RUNTIME_API_URL": service.url,
            "SANDBOX_API_KEY": KEY}).returncode
        return status or min(service.stop_what_is_left(), 1)


if __name__ == "__main__":
    sys.exit(main())
