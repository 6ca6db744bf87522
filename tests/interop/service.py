"""`sandfleet serve` for clients of the Remote Runtime API."""

import os
import signal
import subprocess
import sys

KEY = "key-of-the-interop-test"


class Service:
    """`sandfleet serve` on a port of its own."""

    def __init__(self, program, place, settings=()):
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(place),
                            "SANDFLEET_STATE_DIR": str(place / "state"), **dict(settings)}
        keys = place / "keys.toml"
        keys.write_text(f'[test]\nkey = "{KEY}"\n')
        keys.chmod(0o600)
        self.program = program
        self.command = [program, "serve", "--keys", str(keys), "--listen", "127.0.0.1:0"]
        self.start()

    def start(self):
        self.process = subprocess.Popen(self.command, env=self.environment, stdout=subprocess.PIPE,
                                        text=True, start_new_session=True)
        line = self.process.stdout.readline()
        if "port" not in line:
            sys.exit(f"the service did not start: {line!r}")
        self.url = f"http://127.0.0.1:{line.split()[-1]}"

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=60)
        subprocess.run([self.program, "stop", "--all"], env=self.environment, check=False,
                       stdout=subprocess.DEVNULL)


def expect(what, found, wanted):
    if found != wanted:
        sys.exit(f"{what}: {found!r} instead of {wanted!r}")
