"""Gets OpenHands' server from PyPI, once, into a virtual environment outside the repository."""

import fcntl
import glob
import os
import pathlib
import shutil
import subprocess

VERSION = "0.62.0"


class Unavailable(Exception):
    """The reference cannot be had on this machine; says why."""


def find_python():
    candidates = [shutil.which("python3.12")]
    root = os.environ.get("PYENV_ROOT", os.path.expanduser("~/.pyenv"))
    candidates += sorted(glob.glob(f"{root}/versions/3.12*/bin/python3.12"))
    for candidate in filter(None, candidates):
        # pyenv's shim is on PATH even where no version of its own is switched on.
        if subprocess.run([candidate, "-c", ""], capture_output=True, check=False).returncode == 0:
            return candidate
    raise Unavailable("the reference needs Python 3.12, and there is none on PATH or of pyenv's")


def python_of_reference():
    """The interpreter of the environment that the reference is installed in."""
    if os.geteuid() != 0:
        raise Unavailable("the reference changes users, which takes root")
    if not shutil.which("tmux"):
        raise Unavailable("the reference needs tmux (Debian package tmux)")
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"))
    place = cache / "sandfleet" / f"openhands-ai-{VERSION}"
    python = place / "bin" / "python"
    done = place / "installed"
    place.parent.mkdir(parents=True, exist_ok=True)
    with open(place.parent / "lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            install(place, python)
            done.touch()
    return str(python)


def install(place, python):
    base = find_python()
    print(f"installing openhands-ai {VERSION} into {place}", flush=True)
    subprocess.run([base, "-m", "venv", "--clear", place], check=True)
    pip = [python, "-m", "pip", "--disable-pip-version-check", "-q"]
    reached = subprocess.run([*pip, "download", "--no-deps", "--no-binary", ":none:", "-d",
                              place / "probe", f"openhands-ai=={VERSION}"],
                             capture_output=True, text=True, check=False)
    if reached.returncode != 0:
        last = (reached.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise Unavailable(f"openhands-ai {VERSION} cannot be had from PyPI: {last}")
    shutil.rmtree(place / "probe")
    subprocess.run([*pip, "install", f"openhands-ai=={VERSION}"], check=True)
