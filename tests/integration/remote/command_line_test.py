#!/usr/bin/env python3
"""The command line with RUNTIME=remote, against a real `sandfleet serve` behind TLS.

command_line_test.py SANDFLEET
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "support"))
import remote_service  # noqa: E402

SANDFLEET = sys.argv[1]


def make_certificate(place):
    """One that is its own authority, for 127.0.0.1."""
    certificate, key = f"{place}/c.pem", f"{place}/k.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1", "-subj", "/CN=tests",
                    "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate],
                   check=True, capture_output=True)
    return certificate, key


class CommandLine(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.place = tempfile.TemporaryDirectory(prefix="sf-remote-cli-")
        cls.addClassCleanup(cls.place.cleanup)
        certificate, key = make_certificate(cls.place.name)
        cls.service = remote_service.Service(SANDFLEET, certificate, key, certificate)
        cls.service.__enter__()
        cls.addClassCleanup(cls.service.__exit__)
        cls.surroundings = {
            "PATH": os.environ["PATH"], "HOME": cls.place.name, "RUNTIME": "remote",
            "SANDBOX_REMOTE_RUNTIME_API_URL": cls.service.url,
            "SANDBOX_API_KEY": remote_service.KEY, "SSL_CERT_FILE": certificate,
            "SANDFLEET_STATE_DIR": f"{cls.place.name}/s"}

    def tearDown(self):
        self.assertEqual(self.service.stop_what_is_left(), 0)

    def run_it(self, *arguments, status=0, **more):
        done = subprocess.run([SANDFLEET, *arguments], env=self.surroundings | more,
                              capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertNotIn(remote_service.KEY, done.stdout + done.stderr)
        return done

    def test_a_command_runs_and_its_sandbox_goes(self):
        done = self.run_it("run", "--", "echo", "hi")
        self.assertEqual(done.stdout, "hi\n")
        self.assertEqual(done.stderr, "")
        self.run_it("run", "--", "sh", "-c", "exit 3", status=3)

    def test_a_kept_sandbox_is_used_paused_resumed_and_stopped(self):
        self.run_it("run", "--rm=false", "--name", "pet", "--", "sh", "-c", "echo note > note")
        self.assertEqual(self.run_it("exec", "pet", "--", "cat", "note").stdout, "note\n")
        self.run_it("pause", "pet")
        self.assertEqual(self.service.runtimes()[0]["status"], "paused")
        shown = self.run_it("ps").stdout
        self.assertIn("pet", shown)
        self.assertIn("paused", shown)
        self.run_it("resume", "pet")
        self.assertEqual(self.service.runtimes()[0]["status"], "running")
        self.run_it("pause", "pet")
        self.assertEqual(self.run_it("exec", "pet", "--", "cat", "note").stdout, "note\n")
        self.run_it("stop", "pet")

    def test_another_machine_finds_it_by_the_service(self):
        self.run_it("run", "--rm=false", "--name", "far", "--", "true")
        elsewhere = {"SANDFLEET_STATE_DIR": f"{self.place.name}/t"}
        found = json.loads(self.run_it("ps", "--output", "json", **elsewhere).stdout)
        found = found["sandboxes"] if isinstance(found, dict) else found
        self.assertEqual(len(found), 1)
        self.assertEqual(self.run_it("exec", found[0]["id"], "--", "echo", "there",
                                     **elsewhere).stdout, "there\n")
        self.run_it("stop", found[0]["id"], **elsewhere)
        self.run_it("gc")

    def test_a_batch_runs(self):
        tasks = pathlib.Path(self.place.name) / "tasks.jsonl"
        tasks.write_text("".join(json.dumps(
            {"id": str(i), "files": {"add.py": f"print(1 + {i})"}, "commands": ["python3 add.py"],
             "expect": {"output_contains": str(1 + i)}}) + "\n" for i in range(4)))
        results = pathlib.Path(self.place.name) / "results.jsonl"
        self.run_it("batch", str(tasks), "-o", str(results), "--concurrency", "2")
        passed = [json.loads(line)["passed"] for line in results.read_text().splitlines()]
        self.assertEqual(passed, [True] * 4)

    def test_what_is_wrong_with_the_service_is_said(self):
        wrong = self.run_it("run", "--", "true", status=125, SANDBOX_API_KEY="another-key-0123456789")
        self.assertIn("SANDBOX_API_KEY", wrong.stderr)
        stranger = self.run_it("run", "--", "true", status=125, SSL_CERT_FILE="/dev/null")
        self.assertIn("certificate", stranger.stderr)
        away = self.run_it("run", "--", "true", status=125, SANDFLEET_START_ATTEMPTS="1",
                           SANDBOX_REMOTE_RUNTIME_ENABLE_RETRIES="false",
                           SANDBOX_REMOTE_RUNTIME_API_URL="http://127.0.0.1:1")
        self.assertIn("SANDBOX_REMOTE_RUNTIME_API_URL", away.stderr)

    def test_doctor_says_whether_the_service_accepts_the_key(self):
        self.assertIn("runtime service", self.run_it("doctor").stdout)
        done = subprocess.run([SANDFLEET, "doctor"], capture_output=True, text=True, timeout=60,
                              env=self.surroundings | {"SANDBOX_API_KEY": "another-key-0123456789"})
        self.assertIn("set SANDBOX_API_KEY", done.stdout)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], "-v"])
