#!/usr/bin/env python3
"""reload.py SANDFLEET: `sandfleet serve` with TLS reads its certificate, its key and its file of API keys
again at SIGHUP; a file that cannot be used changes nothing and is told. What it tells a service manager
is what systemd waits for."""

import http.client
import json
import os
import pathlib
import signal
import socket
import ssl
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "support"))

from serve_process import KEY, SKIPPED, Service  # noqa: E402

NEW_KEY = "another-key-of-the-tests"
PATIENCE = 30


def make_certificate(place, serial):
    """Of an authority of its own, for localhost."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                    "-nodes", "-keyout", place / "key.pem", "-out", place / "cert.pem", "-days", "2",
                    "-set_serial", str(serial), "-subj", "/CN=localhost",
                    "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
                   check=True, capture_output=True)


class Client:
    """One connection, over which it may ask again and again."""

    def __init__(self, service, trusted):
        context = ssl.create_default_context(cadata=trusted)
        self.connection = http.client.HTTPSConnection("127.0.0.1", service.port, timeout=PATIENCE,
                                                      context=context)
        self.connection.connect()

    def serial(self):
        return int(self.connection.sock.getpeercert()["serialNumber"], 16)

    def ask(self, key=KEY):
        self.connection.request("GET", "/list", headers={"X-API-Key": key})
        reply = self.connection.getresponse()
        told = json.loads(reply.read())
        return reply.status, told


def expect(what, found, wanted):
    if found != wanted:
        raise AssertionError(f"{what}: {found!r} instead of {wanted!r}")


def taken_over(service):
    """After SIGHUP, that it was said so."""
    service.process.send_signal(signal.SIGHUP)
    expect("a word on standard output", service.process.stdout.readline()[:10], "read again")


def refused(service, *names):
    """After SIGHUP, that one of the files was named on standard error."""
    service.process.send_signal(signal.SIGHUP)
    told = os.read(service.errors, 65536).decode()
    if not any(str(each) in told for each in names):
        raise AssertionError(f"the mistake in {names}: {told!r}")


def main():
    program = sys.argv[1]
    if subprocess.run(["openssl", "version"], capture_output=True, check=False).returncode != 0:
        print("skipped: there is no openssl")
        sys.exit(SKIPPED)
    service = Service(program)
    try:
        check(service)
    except BaseException:
        print(service.said(), file=sys.stderr)
        raise
    finally:
        service.close()
    print("certificates and keys were taken over, and mistakes changed nothing")


def check(service):
    cert, key = service.place / "cert.pem", service.place / "key.pem"
    service.command += ["--tls-cert", str(cert), "--tls-key", str(key)]
    make_certificate(service.place, 0x1001)
    first = cert.read_text()
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    manager.bind(str(service.place / "manager"))
    manager.settimeout(PATIENCE)
    service.environment["NOTIFY_SOCKET"] = str(service.place / "manager")
    service.errors, errors = os.pipe()
    service.start(errors)
    os.close(errors)
    expect("what a service manager is told", manager.recv(100), b"READY=1")

    old = Client(service, first)
    expect("the first certificate", old.serial(), 0x1001)
    expect("an answer", old.ask()[0], 200)

    make_certificate(service.place, 0x1002)
    second = cert.read_text()
    taken_over(service)
    new = Client(service, second)
    expect("the second certificate", new.serial(), 0x1002)
    expect("an answer by the second", new.ask()[0], 200)
    expect("an answer over the old connection", old.ask()[0], 200)

    cert.write_text("no certificate")
    refused(service, cert)
    expect("the certificate after a broken file", Client(service, second).serial(), 0x1002)
    expect("an answer over the second connection", new.ask()[0], 200)
    cert.write_text(second)

    key.write_text("no key")
    refused(service, key, cert)
    expect("the certificate after a broken key", Client(service, second).serial(), 0x1002)
    make_certificate(service.place, 0x1003)

    service.keys.write_text("[test\n")
    refused(service, service.keys)
    expect("an answer after a broken file of keys", new.ask()[0], 200)
    expect("the certificate beside it", Client(service, second).serial(), 0x1002)

    service.keys.write_text(f'[test]\nkey = "{NEW_KEY}"\n')
    taken_over(service)
    expect("the certificate in the end", Client(service, cert.read_text()).serial(), 0x1003)
    expect("the key that was taken away", new.ask()[0], 401)
    expect("the new key", new.ask(NEW_KEY)[0], 200)

    service.process.send_signal(signal.SIGTERM)
    expect("what a service manager is told", manager.recv(100), b"STOPPING=1")
    expect("its end", service.wait(), 0)


main()
