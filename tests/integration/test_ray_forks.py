import json
import subprocess
import sys
from pathlib import Path

TWO_FORKS = """
import json, os
from ray import ObjectID
from ray_forks import THREADS, draw_apart, in_a_thread

def fork(pipe):
    ObjectID.from_random()
    if os.fork() == 0:
        drawn = [ObjectID.from_random().hex()]
        for _ in range(THREADS - 1):
            in_a_thread(lambda: drawn.append(ObjectID.from_random().hex()))
        os.write(pipe, json.dumps(drawn).encode())
        os._exit(0)

for _ in range(2):
    reading, writing = os.pipe()
    draw_apart()
    in_a_thread(fork, writing)
    os.close(writing)
    with os.fdopen(reading) as drawn:
        print(drawn.read())
"""


def test_draw_apart_gives_forks_identifiers_of_their_own():
    """The two forks would share most identifiers if each took the same seeds: a placement group of one trial was then
    taken for that of another, which had been removed."""
    run = subprocess.run([sys.executable, "-c", TWO_FORKS], cwd=Path(__file__).parent, capture_output=True, text=True,
                         check=True)
    first, second = (set(json.loads(line)) for line in run.stdout.splitlines())
    assert len(first) == len(second) == 256
    assert not first & second
