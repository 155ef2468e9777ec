"""Train in an older commit, by what `fit` of every commit is, and print the seconds of its epochs.

    python -P benchmarks/common/epoch_of_older.py SETTINGS_FILE FOLDER

This runs with the files of the other commit (`benchmarks/common/older.py`). Validation and checkpoints are not in the
seconds.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from sgg.config import validate

try:  # the older name first, since an editable installation adds the newer modules to every commit
    from sgg.fit import fit
except ModuleNotFoundError:
    from sgg.training.fit import fit


def main() -> None:
    """Train, write FOLDER/seconds.json."""
    settings, folder = map(Path, sys.argv[1:])
    folder.mkdir(parents=True)
    fit(validate(json.loads(settings.read_text())), folder)
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    (folder / "seconds.json").write_text(json.dumps([row["time"] for row in rows]))


if __name__ == "__main__":
    main()
