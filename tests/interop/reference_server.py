"""Runs the reference with time to see what it has typed.

As it is, it looks at its terminal right after typing, and where the terminal has not shown the
command yet it takes the prompt before for the one after: an empty answer, and output that turns up
in the next one. That race would bury what the test looks for. Here typing ends when the terminal has
changed, and the screen is looked at ten times a second instead of twice. Nothing else is touched."""

import runpy
import time

import libtmux
from openhands.runtime.utils.bash import BashSession

LONGEST_WAIT = 0.6
plain_send_keys = libtmux.Pane.send_keys


def send_keys_and_see(pane, *args, **kwargs):
    def screen():
        return pane.cmd("capture-pane", "-pJS", "-").stdout

    before = screen()
    plain_send_keys(pane, *args, **kwargs)
    until = time.monotonic() + LONGEST_WAIT
    while screen() == before and time.monotonic() < until:
        time.sleep(0.02)


libtmux.Pane.send_keys = send_keys_and_see
BashSession.POLL_INTERVAL = 0.1
runpy.run_module("openhands.runtime.action_execution_server", run_name="__main__")
