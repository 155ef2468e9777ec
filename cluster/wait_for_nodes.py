"""`python cluster/wait_for_nodes.py ADDRESS COUNT [SECONDS]`: returns once a Ray cluster has COUNT nodes."""

from __future__ import annotations

import sys
import time


def main(address: str, count: str, seconds: str = "300") -> int:
    """Returns 0, or 1 when the nodes do not come in time."""
    import ray

    end = time.monotonic() + float(seconds)
    while time.monotonic() < end:
        try:
            ray.init(address=address, log_to_driver=False, ignore_reinit_error=True)
        except ConnectionError as error:
            print(f"no head yet: {str(error).partition(chr(10))[0]}", flush=True)
            time.sleep(5)
            continue
        alive = sum(node["Alive"] for node in ray.nodes())
        if alive >= int(count):
            return 0
        print(f"{alive} of {count} nodes", flush=True)
        time.sleep(5)
    return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
