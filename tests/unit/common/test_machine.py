import os
import subprocess
import sys

from sgg.common.machine import this_machine


def test_this_command_can_be_typed_again(tmp_path):
    code = "from sgg.common.machine import this_command; print(this_command())"
    words = [sys.executable, "-c", code, "a b", "c=[1, 2]"]
    said = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    assert said.startswith("python")
    assert said.rstrip().endswith("'a b' 'c=[1, 2]'")


def test_this_machine_names_no_host():
    assert f"{os.cpu_count()} cores" in this_machine()
    assert os.uname().nodename not in this_machine()
