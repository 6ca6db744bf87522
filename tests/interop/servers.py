"""The two servers, each a process with a working directory of its own."""

import http.client
import json
import pathlib
import shutil
import socket
import subprocess
import time


class Server:
    START_SECONDS = 180

    def __init__(self, place, settings):
        self.place = pathlib.Path(place)
        self.dir = self.place / "work"
        self.dir.mkdir(parents=True)
        self.key = settings.get("key", "")
        self.port = free_port()
        self.log = open(self.place / "log", "wb")
        self.process = None
        (self.place / "tmp").mkdir()
        self.environment = {
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": "/root",
            "LANG": "C.UTF-8",
            "TERM": "xterm",
            "TMPDIR": str(self.place / "tmp"),
            **settings.get("env", {}),
        }
        if self.key:
            self.environment["SESSION_API_KEY"] = self.key
        self.arguments = [str(self.port), "--working-dir", str(self.dir), "--username", "root",
                          "--user-id", "0", "--no-enable-browser"]

    def begin(self, command):
        # Whatever the shells of this machine's user do at their start is no part of the comparison,
        # and what a server started ends with it: the reference leaves programs behind.
        own = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c",
               "if [ -e ~/.bashrc ]; then mount --bind /dev/null ~/.bashrc; fi; \"$@\"; exit $?",
               "sh"]
        self.process = subprocess.Popen(
            [*own, *command, *self.arguments], env=self.environment, cwd=self.place,
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=subprocess.STDOUT,
            start_new_session=True)

    def connect(self, timeout=120):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def wait_until_alive(self):
        """The reference listens late and tells nobody: it is asked until it answers."""
        deadline = time.monotonic() + self.START_SECONDS
        while time.monotonic() < deadline:
            ended = self.process.poll()
            if ended is not None:
                raise RuntimeError(f"{type(self).__name__} ended with {ended}:\n"
                                   + (self.place / "log").read_text(errors="replace")[-2000:])
            connection = self.connect(timeout=5)
            try:
                connection.request("GET", "/alive")
                if json.loads(connection.getresponse().read()) == {"status": "ok"}:
                    return
            except OSError:
                pass
            finally:
                connection.close()
            time.sleep(0.05)
        raise RuntimeError(f"{type(self).__name__} is not alive after {self.START_SECONDS} s")

    def clean(self):
        """Empties the working directory, which stays the directory that it is."""
        for entry in self.dir.iterdir():
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()

    def stop(self):
        if self.process:
            self.process.kill()
            self.process.wait()
        self.log.close()


class Reference(Server):
    def __init__(self, python, place, settings, as_it_is=False):
        super().__init__(place, settings)
        # The tmux server and what it runs are this one's own.
        self.environment["TMUX_TMPDIR"] = str(self.place / "tmp")
        self.begin([python, "-m", "openhands.runtime.action_execution_server"] if as_it_is else
                   [python, pathlib.Path(__file__).with_name("reference_server.py")])


class Ours(Server):
    def __init__(self, agent, place, settings):
        super().__init__(place, settings)
        self.begin([agent])


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
