"""`python -m platform.extract` before Ray starts."""

from platform import extract

import pytest

from sgg.features import __main__ as features
from tests.plugins import BACKBONE, no_plugin_stays


def test_main_names_a_plugins_backbone_that_cannot_be_built(toy_root, tmp_path, monkeypatch, capsys) -> None:
    """`sgg.features extract` says the same."""
    monkeypatch.setattr(extract, "ray_session", lambda *given: pytest.fail("Ray was started"))
    (tmp_path / "small.py").write_text(BACKBONE)
    (tmp_path / "a.yaml").write_text(f"experiment: {{plugins: small.py, output: {tmp_path / 'runs'}}}\n"
                                     f"data: {{name: toy, root: {toy_root}}}\ndetector: small\n")
    with no_plugin_stays():
        assert extract.main([str(tmp_path / "a.yaml")]) == 2
        assert f"  detector: {tmp_path / 'small.py'}:14: RuntimeError: no\n" in capsys.readouterr().err
        assert features.main(["extract", str(tmp_path / "a.yaml")]) == 2
        assert f"error: detector: {tmp_path / 'small.py'}:14: RuntimeError: no\n" in capsys.readouterr().err
