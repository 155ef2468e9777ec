"""The notebooks of `examples/` run from their first cell to the last one, and are kept with what they show."""

from pathlib import Path

import pytest

from sgg import show

nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed: pip install -e '.[test]'")
NOTEBOOKS = sorted((Path(__file__).parents[2] / "examples").glob("*.ipynb"))


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def test_there_are_notebooks() -> None:
    assert [path.stem for path in NOTEBOOKS] == ["feature_quality", "perturbations", "quick_start", "search_analysis",
                                                 "zero_shot"]


def test_notebooks_call_every_function_that_writes_a_page() -> None:
    """So what a command of `sgg.show` writes is what a notebook shows."""
    sources = "\n".join(cell.source for path in NOTEBOOKS for cell in code_cells(nbformat.read(path, as_version=4)))
    functions = {name for name in show.__all__ if name.startswith("show_")}
    assert len(functions) == 4
    assert {name for name in functions if f"{name}(" in sources} == functions


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_is_kept_as_it_ran(path: Path) -> None:
    """In the order of its cells, without an error, with a picture, and without paths of the machine."""
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    cells = code_cells(notebook)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell.outputs]
    assert "error" not in {output.output_type for output in outputs}
    assert any(kind.startswith("image/") for output in outputs for kind in output.get("data", {}))
    assert not [text for text in ("/tmp/", "/home/", "/root/") if text in path.read_text()]
    assert path.stat().st_size < 500_000


@pytest.mark.ray
@pytest.mark.slow  # a kernel for each notebook, which imports torch and trains; one of them starts a Ray
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs(path: Path, clone: Path, toy_root: Path) -> None:
    """On a small toy genome, from the folder in which Jupyter would start it."""
    from nbclient import NotebookClient

    (clone / "data").symlink_to(toy_root)
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(clone)}}).execute()
    assert all(cell.execution_count for cell in code_cells(notebook))


def test_quick_start_names_the_relations_of_its_image(toy_root: Path, tmp_path: Path, monkeypatch, capsys) -> None:
    """Those of `triplets`, which stand in another order than the columns of `relations`."""
    (tmp_path / "data").symlink_to(toy_root)
    monkeypatch.chdir(tmp_path)
    cells = code_cells(nbformat.read(NOTEBOOKS[2], as_version=4))
    names: dict = {"Path": Path}  # of the first cell, which looks for the repository
    for cell in cells[1:3]:
        exec(compile(cell.source, "quick_start.ipynb", "exec"), names)
    data = names["data"]
    expected = [f"{data.classes[subject]} {data.predicates[predicate]} {data.classes[other]}"
                for subject, predicate, other in data.split("train").graph(0).triplets()]
    assert len(set(expected)) > 1
    assert capsys.readouterr().out.splitlines()[1:] == expected
