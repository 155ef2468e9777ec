"""Import of a source file without Python's bytecode files."""

import os
import sys
from importlib.util import module_from_spec, spec_from_file_location

from sgg.common.source_loader import SourceLoader


def test_source_loader_runs_an_edited_source_of_equal_length_and_time(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    monkeypatch.setattr(sys, "pycache_prefix", None)
    path = tmp_path / "edited.py"

    def value_of(source):
        path.write_text(source)
        os.utime(path, (1e9, 1e9))
        spec = spec_from_file_location("edited", path, loader=SourceLoader("edited", str(path)))
        module = module_from_spec(spec)
        spec.loader.exec_module(module)
        return module.value

    assert [value_of("value = 7"), value_of("value = 8")] == [7, 8]
    assert list(tmp_path.iterdir()) == [path]
