"""A signal stops a program whatever its main thread does when it comes."""

import subprocess
import sys

from tests.limits import PATIENCE

#: Another process sends signals all the while: within this one they would not come at just any moment.
PROGRAM = """
import os, signal, subprocess, sys
from ordergen_server.stop_signals import stop_signals

SENDER = '''
import os, signal, sys, time
while os.getppid() == int(sys.argv[1]):
    os.kill(int(sys.argv[1]), signal.SIGTERM)
    time.sleep(0.00005)
'''
signal.signal(signal.SIGTERM, lambda *_: None)  # between two blocks
sender = subprocess.Popen([sys.executable, "-c", SENDER, str(os.getpid())])
for number in range(5000):
    with stop_signals() as stop:
        while not stop.wait(0.00001):
            pass
        assert stop.is_set() and stop.wait(0)
sender.kill()
sender.wait()
print("stopped each time")
"""


def test_signals_that_come_at_any_moment_are_heard() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert (done.stdout, done.returncode) == ("stopped each time\n", 0)
