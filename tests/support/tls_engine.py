#!/usr/bin/env python3
"""tls_engine.py DIR PROGRAM [ARGUMENT...]: runs a program beside a Docker engine of its own, which
listens on loopback and wants TLS with certificates of both sides. All that it keeps is below DIR, which
is removed at the end. The program finds in its environment:

TLS_ENGINE_HOST   tcp://127.0.0.1:PORT
TLS_ENGINE_CERTS  directories with ca.pem, cert.pem and key.pem: client (which the engine knows),
                  stranger (signed by another authority), mistaken (client, but for another ca.pem)

The engine has a bridge of its own and leaves the machine's packet filter alone, so that it gets on with
another; ports are published by Docker's proxy. Ends with 77 where there can be none, and says why."""

import hashlib
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import time

import docker_engine

SECONDS = 3600


def openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


def make_authority(place, name):
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-keyout", place / f"{name}.key", "-out", place / f"{name}.pem", "-days", "2",
            "-subj", f"/CN={name}")


def sign(place, authority, name, extensions):
    key, request = place / f"{name}.key", place / f"{name}.csr"
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-keyout", key, "-out", request, "-subj", f"/CN={name}")
    (place / "extensions").write_text(extensions)
    openssl("x509", "-req", "-in", request, "-CA", place / f"{authority}.pem",
            "-CAkey", place / f"{authority}.key", "-CAcreateserial", "-days", "2",
            "-out", place / f"{name}.pem", "-extfile", place / "extensions")


def make_certificates(place):
    """As Docker's documentation lays them out."""
    place.mkdir(parents=True)
    make_authority(place, "authority")
    make_authority(place, "other")
    sign(place, "authority", "engine",
         "subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth\n")
    sign(place, "authority", "client", "extendedKeyUsage=clientAuth\n")
    sign(place, "other", "stranger", "extendedKeyUsage=clientAuth\n")
    for directory, name, authority in (("client", "client", "authority"),
                                       ("stranger", "stranger", "authority"),
                                       ("mistaken", "client", "other")):
        (place / directory).mkdir()
        shutil.copy(place / f"{authority}.pem", place / directory / "ca.pem")
        shutil.copy(place / f"{name}.pem", place / directory / "cert.pem")
        shutil.copy(place / f"{name}.key", place / directory / "key.pem")


class Bridge:
    """Of a name and a network that follow from the directory, so that none is made twice."""

    def __init__(self, place):
        digest = hashlib.sha256(str(place).encode()).digest()
        self.name = "sftls" + digest.hex()[:8]
        self.network = f"10.213.{digest[5]}"

    def __enter__(self):
        self.remove()
        for command in (["link", "add", self.name, "type", "bridge"],
                        ["address", "add", f"{self.network}.1/24", "dev", self.name],
                        ["link", "set", self.name, "up"]):
            done = subprocess.run(["ip", *command], capture_output=True, text=True)
            if done.returncode != 0:
                docker_engine.skip(f"no bridge can be made here: {done.stderr}")
        return self

    def __exit__(self, *_):
        self.remove()

    def remove(self):
        subprocess.run(["ip", "link", "delete", self.name], capture_output=True)


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Daemon:
    def __init__(self, place, bridge, port):
        certificates = place / "certificates"
        with open(place / "log", "wb") as log:
            self.process = subprocess.Popen(
                ["dockerd", "--data-root", place / "data", "--exec-root", place / "exec",
                 "--pidfile", place / "pid", "--shutdown-timeout", "5", "--bridge", bridge.name,
                 "--iptables=false", "--ip6tables=false", "--ip-forward=false", "--ip-masq=false",
                 "-H", f"tcp://127.0.0.1:{port}", "--tlsverify",
                 "--tlscacert", certificates / "authority.pem",
                 "--tlscert", certificates / "engine.pem", "--tlskey", certificates / "engine.key"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                start_new_session=True)
        self.log = place / "log"

    def __enter__(self):
        deadline = time.monotonic() + docker_engine.START_SECONDS
        while not docker_engine.answers():
            # It tells nobody when it listens.
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.__exit__()
                docker_engine.skip("dockerd cannot be started here:\n" +
                                   self.log.read_text(errors="replace")[-1500:])
            time.sleep(0.05)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(docker_engine.START_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def main():
    place, program = pathlib.Path(sys.argv[1]), sys.argv[2:]
    for name in ("dockerd", "docker", "openssl", "ip", "docker-proxy"):
        if shutil.which(name) is None:
            docker_engine.skip(f"there is no {name} (Debian: docker.io, openssl, iproute2)")
    if os.geteuid() != 0:
        docker_engine.skip("only root may start a Docker engine")
    shutil.rmtree(place, ignore_errors=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # removes what was made
    try:
        make_certificates(place / "certificates")
        port = free_port()
        for name in ("DOCKER_CONTEXT", "DOCKER_TLS"):
            os.environ.pop(name, None)
        os.environ |= {"DOCKER_HOST": f"tcp://127.0.0.1:{port}", "DOCKER_TLS_VERIFY": "1",
                       "DOCKER_CERT_PATH": str(place / "certificates/client"),
                       "TLS_ENGINE_HOST": f"tcp://127.0.0.1:{port}",
                       "TLS_ENGINE_CERTS": str(place / "certificates")}
        with Bridge(place) as bridge, Daemon(place, bridge, port):
            docker_engine.start(place / "images")
            return subprocess.run(program).returncode
    finally:
        shutil.rmtree(place, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
