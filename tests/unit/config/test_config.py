"""Config files: valid values, and the messages for invalid ones."""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from sgg.config import Config, ConfigError, load, validate


@pytest.fixture
def write(tmp_path: Path):
    def write(text: str) -> Path:
        path = tmp_path / "study.yaml"
        path.write_text(textwrap.dedent(text))
        return path
    return write


def faults(path: Path, *overrides: str) -> list[str]:
    with pytest.raises(ConfigError) as raised:
        load(path, overrides)
    return raised.value.faults


def test_load_of_an_empty_file_has_all_defaults(write) -> None:
    assert load(write("")).base == Config()


def test_load_reports_all_faults_at_once(write) -> None:
    path = write("""
        augmentation: {kind: gan, perturb: {alpha: 0, topkk: 3}}
        trainng: {}
        loss: {kind: vocal}
        evaluation: {ks: [20, many]}
    """)
    assert faults(path) == [
        "loss.kind must be one of "
        "'dnorm', 'baseline', 'class-balanced', 'dnorm-fgbg', 'focal', 'logit-adjusted' or 'tcar', "
        "got 'vocal'; did you mean focal?",
        "augmentation.perturb.alpha must be >= 1, got 0",
        "augmentation.perturb.topkk is not a setting; did you mean augmentation.perturb.topk?",
        "evaluation.ks[1] must be a valid integer, unable to parse string as an integer, got 'many'",
        "trainng is not a setting; did you mean training?",
    ]


@pytest.mark.parametrize(("text", "message"), [
    ("[1, 2]", "must be a mapping of settings, got a list"),
    ("loss: 3", "loss must be a mapping of settings, got 3"),
    ("loss: {kind: dnorm, kind: baseline}", "key kind is given twice"),
    ("loss: {", "is not valid YAML"),
    ("gan: {perturb: {method: graphn}}", "augmentation.perturb is not a setting of off; "),
    ("loss: {kind: baseline, foreground_weight: 2}", "loss: kind baseline takes no foreground_weight"),
    ("augmentation: {kind: gan, perturb: {intensity: 0}}", "augmentation.perturb.intensity must be > 0, got 0"),
    ("experiment: {seed: [1, 1]}", "experiment.seed lists a value twice: [1, 1]"),
    ("evaluation: {pred_weight: [0, 0.0]}", "evaluation.pred_weight lists a value twice: [0, 0.0]"),
    ("evaluation: {modes: [sgcls, sgcls]}", "evaluation.modes lists a value twice: ['sgcls', 'sgcls']"),
    ("evaluation: {ks: [20, 50, 20]}", "evaluation.ks lists a value twice: [20, 50, 20]"),
    ("experiment: {seed: 4294967296}", "experiment.seed[0] must be < 2147483648, got 4294967296"),
    ("experiment: {output: 3}", "experiment.output must be a path, got 3"),
    ("training: {epochs: 1.5}", "training.epochs must be a whole number, got 1.5"),
    ("evaluation: {ks: []}", "evaluation.ks must list at least 1 value, got []"),
    ("augmentation: {kind: gan, terms: [D, D]}", "augmentation.terms lists a value twice: ['D', 'D']"),
    ("data: {min_objects: 5, max_objects: 4}", "data.min_objects must be at most data.max_objects, got 5 and 4"),
    ("data: {root: ~nobody-of-that-name/data}", "data.root: ~nobody-of-that-name/data: Could not determine home"),
    ("experiment: {name: ../up}", "experiment.name must match the pattern ^[A-Za-z0-9][A-Za-z0-9_.-]*$, got '../up'"),
    ("augmentation: {kind: gan, terms: []}", "augmentation.terms must list at least 1 value"),
    ("augmentation: {kind: gan, perturb: {method: neigh, topk: 0}}", "augmentation.perturb: method neigh needs topk"),
    ("resources: {gpus: 1.5}", "resources.gpus above 1 must be a whole number, got 1.5"),
    ("resources: {gpus: 2, workers: 3}", "gpus must be auto, 0 or one for each of 3 workers, got 2"),
    ("{resources: {workers: 4}, training: {batch_size: 3}}", "resources.workers (4), got 3"),
    ("training: {learning_rate: .inf}", "training.learning_rate must be a finite number"),
])
def test_load_reports_one_fault(write, text: str, message: str) -> None:
    found = faults(write(text))
    assert len(found) == 1
    assert message in found[0]


def test_disagreements_are_reported_beside_single_faults(write) -> None:
    path = write("""
        data: {min_objects: 5, max_objects: 4, flipp: true}
        loss: {kind: baseline, foreground_weight: 2, scale: -1}
        augmentation: {kind: gan, perturb: {method: graphn}}
        training: {mode: sgdet}
        search: {metric: val/sgcls/zs/ngR@70}
    """)
    assert [fault.partition(",")[0] for fault in faults(path)] == [
        "data.flipp is not a setting of toy; did you mean data.flip?",
        "loss.scale must be >= 0",
        "loss: kind baseline takes no foreground_weight or background_weight",
        "data.min_objects must be at most data.max_objects",
        "training.mode sgdet cannot be combined with augmentation.kind gan",
        "search.metric must be loss",
    ]


@pytest.mark.parametrize("text", [
    "gan: {enabled: perhaps, perturb: {method: graphn}}",  # enabled or not: nobody can say
    "{evaluation: {ks: [20, many]}, search: {metric: val/sgcls/zs/ngR@70}}",
    "{evaluation: 3, search: {metric: val/sgcls/zs/ngR@70}}",
    "{resources: {workers: none}, training: {batch_size: 1}}",
])
def test_disagreements_skip_settings_that_are_invalid(write, text: str) -> None:
    assert len(faults(write(text))) == 1


def test_load_reports_a_value_of_several_kinds_as_one_fault(write) -> None:
    assert faults(write("resources: {gpus: much}")) == [
        "resources.gpus must be a valid number or one of 'auto', got 'much'"]
    assert faults(write("resources: {gpus: -1, workers: 0}")) == [
        "resources.gpus must be >= 0 or one of 'auto', got -1",
        "resources.workers must be > 0 or one of 'auto', got 0"]


def test_load_names_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nowhere\.yaml: no such config file"):
        load(tmp_path / "nowhere.yaml")


def test_load_applies_overrides(write) -> None:
    path = write("loss: {kind: baseline}")
    base = load(path, ["loss.kind=dnorm", "training.learning_rate=1e-3", "tracking.wandb=off"]).base
    assert (base.loss.kind, base.training.learning_rate, base.tracking.wandb) == ("dnorm", 1e-3, "off")


@pytest.mark.parametrize(("override", "message"), [
    ("loss.kind", "'loss.kind' must have the form key=value, for example loss.kind=dnorm"),
    ("loss.scale.deep=1", "loss.scale must be a valid number, got {'deep': 1}"),
    ("loss.kind.deep=1", "loss.kind.deep: loss.kind is no section of settings"),
    ("loss.scale={", "loss.scale: '{' is not YAML: while parsing"),
])
def test_load_names_faulty_overrides(write, override: str, message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        load(write("loss: {kind: dnorm}"), [override])
    (fault,) = raised.value.faults
    assert fault.startswith(message)
    assert fault.endswith(" (on the command line)")
    assert raised.value.source == "command line"


def test_load_reports_faults_of_file_and_command_line_at_once(write) -> None:
    """No fault hides another, and each names where it comes from."""
    path = write("loss: {kind: dnorm, scale: much}\naugmentation: {kind: gan, hidden_dim: 0}")
    with pytest.raises(ConfigError) as raised:
        load(path, ["word", "augmentation.hidden_dim=64", "loss.scal=2", "training.epochs=none", "model.head=imp"])
    assert raised.value.source == f"{path} and the command line"
    of_file, *of_words = raised.value.faults
    assert of_file == "loss.scale must be a valid number, unable to parse string as a number, got 'much'"
    assert [fault.split()[0] for fault in of_words] == ["'word'", "loss.scal", "training.epochs"]
    assert all(fault.endswith(" (on the command line)") for fault in of_words)
    mended = load(write("augmentation: {kind: gan, hidden_dim: 0}"), ["augmentation.hidden_dim=64"]).base
    assert mended.augmentation.hidden_dim == 64


def test_load_names_the_file_alone_without_overrides(write) -> None:
    path = write("loss: {kind: vocal}")
    with pytest.raises(ConfigError, match=str(path)) as raised:
        load(path, ["model.head=imp"])
    assert raised.value.source == str(path)
    assert load(write(""), ["model.head=imp"]).source == f"{path} and the command line"
    assert load(write("")).source == str(path)


def test_load_keeps_axes_apart(write) -> None:
    study = load(write("""
        loss: {kind: {search: choice, of: [baseline, dnorm]}}
        augmentation: {kind: gan, perturb: {method: graphn, alpha: {search: choice, of: [2, 5]}}}
    """))
    assert study.axes == {"loss.kind": {"search": "choice", "of": ["baseline", "dnorm"]},
                          "augmentation.perturb.alpha": {"search": "choice", "of": [2, 5]}}
    assert study.trial({"loss.kind": "baseline", "augmentation.perturb.alpha": 5}).augmentation.perturb.alpha == 5
    with pytest.raises(ConfigError, match=r"augmentation\.perturb\.alpha must be >= 1, got 0"):
        study.trial({"augmentation.perturb.alpha": 0})


def test_validate_reads_one_seed_as_a_list_of_one() -> None:
    config = validate({"experiment": {"seed": 7}})
    assert config.experiment.seed == [7]
    assert config.seed == 7


def of(data: str, **sections) -> Config:
    return validate({"data": {"name": data}, **sections})


def test_complete_fills_only_settings_that_are_not_given() -> None:
    """The papers' rate is 1e-3 per image (docs/SYSTEM.md section 2): batch 24 gives .024, batch 8 gives .008."""
    paper = of("vg")
    assert (paper.training.batch_size, paper.training.learning_rate, paper.detector.backbone) == (24, 0.024, "vgg16")
    assert of("vg", training={"batch_size": 8}).training.learning_rate == 0.008
    assert of("toy", training={"learning_rate": 0.5}).training.learning_rate == 0.5
    for name in ("vg", "toy"):
        settings = of(name).model_dump()
        undecided = [f"{section}.{key}" for section, values in settings.items() for key, value in values.items()
                     if value is None]
        assert undecided == [
            "data.cache", "data.max_objects", "data.train_images", "data.eval_images",
            *(["data.seed", "data.num_val_images"] if name == "toy" else []),
            "detector.weights", "detector.features", "embeddings.path", "training.checkpoint_steps",
            "evaluation.val_images", "evaluation.zero_shot_list", "search.max_concurrent",
            "search.time_budget_s", "tracking.wandb_entity"]


def test_complete_by_data_set_and_by_other_settings() -> None:
    toy, gqa = of("toy"), of("gqa")
    assert (toy.model.head.hidden_dim, toy.training.batch_size, toy.training.learning_rate) == (64, 8, 0.016)
    assert (gqa.model.head.hidden_dim, gqa.model.edge_boxes) == (512, "image_frame")
    assert toy.model.edge_boxes == "union_frame"
    assert [config.model.pairs_per_image for config in (of("vg"), toy, of("toy", training={"mode": "sgdet"}))] == [
        1024, 48, 64]
    assert of("toy", evaluation={"modes": "predcls", "ks": [20, 50]}).search.metric == "val/predcls/zs/ngR@50"


def test_complete_decides_auto(tmp_path) -> None:
    assert of("auto", training={"epochs": 1}).data.name == "toy"
    (tmp_path / "VG").mkdir()
    found = validate({"data": {"root": str(tmp_path)}})
    assert (found.data.name, found.training.epochs) == ("vg", 20)


def test_complete_takes_none_as_not_given() -> None:
    """The first edition wrote None for "the default of the data set"."""
    assert of("toy", training={"epochs": None, "learning_rate": None}, model={"hidden_dim": None}) == of("toy")


def test_complete_keeps_none_where_it_is_a_value() -> None:
    """All background pairs, and not the default of 16."""
    config = of("toy", augmentation={"kind": "feature_mixing", "mixed_per_image": None})
    assert config.augmentation.mixed_per_image is None


def test_complete_follows_searched_values(write) -> None:
    study = load(write("""
        data: {name: {search: grid, of: [vg, toy]}}
        training: {batch_size: {search: choice, of: [8, 24]}}
    """))
    trial = study.trial({"data.name": "toy", "training.batch_size": 24})
    assert (trial.training.learning_rate, trial.model.head.hidden_dim) == (0.048, 64)
    assert study.trial({"data.name": "vg", "training.batch_size": 24}).training.learning_rate == 0.024


@pytest.mark.parametrize("number", ["1e-4", "1E-4", "+1.e-4", ".1e-3", "1.0e-4"])
def test_read_yaml_numbers_of_yaml_1_2(write, number: str) -> None:
    """In a file, within a search, on the command line; YAML 1.1 reads some of them as text."""
    study = load(write(f"""
        loss: {{scale: {{search: uniform, low: {number}, high: 1e+3}}}}
        training: {{weight_decay: {number}}}
    """), ["augmentation.kind=gan", f"augmentation.learning_rate_generator={number}"])
    assert study.axes["loss.scale"] == {"search": "uniform", "low": 1e-4, "high": 1000.0}
    assert study.base.training.weight_decay == study.base.augmentation.learning_rate_generator == 1e-4
    assert load(write("experiment: {name: 2e}")).base.experiment.name == "2e"


def test_read_yaml_refuses_a_key_twice(write) -> None:
    (fault,) = faults(write(""), "loss={kind: dnorm, kind: baseline}")
    assert "key kind is given twice" in fault


def test_load_expands_the_home_folder_in_paths(write, monkeypatch) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")
    config = load(write("{data: {root: ~/data}, embeddings: {path: ~/v.txt}}"),
                  ["experiment.output=~/runs", "detector.weights=~/d"]).base
    assert [str(path) for path in (config.data.root, config.embeddings.path, config.experiment.output,
                                   config.detector.weights)] == [f"/home/somebody/{name}" for name in
                                                                 ("data", "v.txt", "runs", "d")]


def test_glove_is_the_file_that_prepare_writes() -> None:
    assert validate({"data": {"root": "/d"}}).glove == Path("/d/glove/glove.6B.200d.txt")
    assert validate({"data": {"root": "/d"}, "embeddings": {"path": "v.txt"}}).glove == Path("v.txt")


def test_config_goes_to_json_and_back() -> None:
    config = of("toy", augmentation={"kind": "gan", "perturb": {"method": "graphn"}})
    assert Config.model_validate(config.model_dump(mode="json")) == config


def test_settings_need_neither_torch_nor_ray() -> None:
    """So a typo is reported before slow imports."""
    code = "import sys, sgg.config; print([m for m in ('torch', 'ray', 'numpy') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
