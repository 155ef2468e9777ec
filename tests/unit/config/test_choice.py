"""Fields of the schema that hold the section of a registry's entry, such as model.head and loss."""

import subprocess
import sys
from pathlib import Path
from platform.search.search_space import configurations, read_axes

import pytest

from sgg.config import Config, ConfigError, load, validate
from sgg.config.by_role import reference, role_of
from sgg.config.loading.resume import changes
from sgg.methods.edge_loss import EDGE_LOSSES
from sgg.methods.head import HEADS
from sgg.settings.keys import flatten


def faults(**settings) -> list[str]:
    with pytest.raises(ConfigError) as raised:
        validate(settings)
    return raised.value.faults


@pytest.mark.parametrize("head", ["imp", {"kind": "imp"}, {}, {"kind": None}, {"hidden_dim": 64}])
def test_choice_named_accepts_every_form_of_a_section(head) -> None:
    section = validate({"data": {"name": "toy"}, "model": {"head": head}}).model.head
    assert isinstance(section, HEADS["imp"])
    assert (section.kind, section.hidden_dim, section.iterations) == ("imp", 64, 3)


def test_validate_fills_in_defaults_of_an_entry_by_data_set() -> None:
    assert validate({"data": {"name": "vg"}}).model.head.hidden_dim == 512


def test_config_goes_to_json_and_back() -> None:
    config = validate({"loss": "dnorm-fgbg", "model": {"head": {"iterations": 1}}})
    assert Config.model_validate(config.model_dump(mode="json")) == config


def test_validate_reports_an_unknown_entry_and_the_settings_beside_it_at_once() -> None:
    assert faults(loss={"kind": "basline", "scale": -1}) == [
        "loss.kind must be one of "
        "'dnorm', 'baseline', 'class-balanced', 'dnorm-fgbg', 'focal', 'logit-adjusted' or 'tcar', "
        "got 'basline'; did you mean baseline?",
        "loss.scale must be >= 0, got -1"]


@pytest.mark.parametrize("loss", [3, [1]])
def test_validate_reports_a_value_that_is_no_section(loss) -> None:
    assert faults(loss=loss) == [f"loss must be a mapping of settings, got {loss!r}"]


def test_validate_reports_an_unknown_setting_of_an_entry() -> None:
    assert faults(model={"head": {"iteration": 3, "width": 2}}) == [
        "model.head.iteration is not a setting of imp; did you mean model.head.iterations?",
        "model.head.width is not a setting of imp; known here: kind, hidden_dim, iterations"]


def test_validate_reports_a_rule_of_an_entry_with_all_other_faults() -> None:
    found = faults(loss={"kind": "baseline", "foreground_weight": 2, "scale": -1}, trainng={})
    assert [fault.partition(",")[0] for fault in found] == [
        "loss.scale must be >= 0", "trainng is not a setting; did you mean training?",
        "loss: kind baseline takes no foreground_weight or background_weight"]


def load_text(tmp_path: Path, text: str, *overrides: str):
    (tmp_path / "a.yaml").write_text(text)
    return load(tmp_path / "a.yaml", overrides)


def test_load_reads_keys_of_earlier_versions(tmp_path, capsys) -> None:
    """They stay valid everywhere; a note names the current key of each key that the user wrote."""
    study = load_text(tmp_path, "model: {head: imp, iterations: 2, hidden_dim: {search: choice, of: [8, 16]}}",
                      "model.iterations=1")
    assert study.base.model.head.iterations == 1
    assert study.trial({"model.hidden_dim": 16}).model.head.hidden_dim == 16
    assert list(study.axes) == ["model.head.hidden_dim"]
    notes = capsys.readouterr().err.splitlines()
    assert len(notes) == 3
    assert all(note.startswith("note: ") for note in notes)
    assert notes[0].endswith("a.yaml: model.iterations is called model.head.iterations now")
    assert notes[2] == "note: model.iterations is called model.head.iterations now (on the command line)"
    assert validate({"model": {"head": "imp", "hidden_dim": 3}}).model.head.hidden_dim == 3
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(("gan", "augmentation"), [
    ({"enabled": False, "hidden_dim": 32, "perturb": {"method": "off", "alpha": 5}}, "off"),
    ({"hidden_dim": 32}, "off"), ({}, "off"),
    ({"enabled": True, "hidden_dim": 32, "perturb": {"method": "rand"}},
     {"kind": "gan", "hidden_dim": 32, "perturb": {"method": "rand"}})])
def test_validate_reads_the_gan_of_earlier_versions(gan, augmentation) -> None:
    assert validate({"gan": gan}) == validate({"augmentation": augmentation})


def test_load_enables_the_gan_of_earlier_versions_on_the_command_line(tmp_path) -> None:
    for file in ("gan: {hidden_dim: 32}", "gan: {enabled: false, hidden_dim: 32}"):
        base = load_text(tmp_path, file, "gan.enabled=true", "gan.perturb.method=graphn",
                         "gan.perturb.alpha=3").base
        assert (base.augmentation.kind, base.augmentation.hidden_dim) == ("gan", 32)
        assert base.augmentation.perturb.alpha == 3


def test_load_searches_the_gan_of_earlier_versions(tmp_path) -> None:
    study = load_text(tmp_path, "gan: {enabled: {search: grid, of: [false, true]}, hidden_dim: 32}")
    assert study.axes == {"augmentation.kind": {"search": "grid", "of": ["off", "gan"]}}
    assert study.trial({"gan.enabled": True}).augmentation.hidden_dim == 32
    assert study.trial({"augmentation.kind": "off"}).augmentation.kind == "off"


def test_validate_derives_one_width_of_vectors_from_the_earlier_one() -> None:
    config = validate({"gan": {"enabled": True, "embedding_dim": 50}})
    assert (config.embeddings.dim, config.augmentation.embedding_dim) == (50, 50)


def test_validate_allows_perturb_only_in_augmentations_that_have_it() -> None:
    for settings in ({"gan": {"perturb": {"method": "graphn"}}}, {"augmentation": {"perturb": {"method": "graphn"}}}):
        (fault,) = faults(**settings)
        assert fault.startswith("augmentation.perturb is not a setting of off; ")
        assert "augmentation.kind feature_mixing and gan; known here: kind" in fault


def test_validate_fills_in_the_training_of_a_backbone() -> None:
    """Earlier versions wrote None for its settings."""
    def training(detector, name="vg"):
        found = validate({"data": {"name": name}, "detector": detector}).detector
        return found.backbone, found.epochs, found.batch_size, found.learning_rate
    assert training({}) == ("vgg16", 10, 8, 0.01)
    assert training({}, "toy") == training("tiny") == ("tiny", 9, 16, 0.004)
    assert training({"epochs": None, "learning_rate": None, "batch_size": 2}, "toy") == ("tiny", 9, 2, 0.004)
    assert training({"backbone": "resnet50"}, "toy") == ("resnet50", 10, 8, 0.01)


def test_validate_allows_only_the_settings_that_a_data_set_reads() -> None:
    """Earlier versions wrote every setting for every data set."""
    old = {"num_val_images": None, "exclude_left_right": False}
    of = {name: validate({"data": {"name": name, **old}}).data.model_dump() for name in ("vg", "toy", "gqa", "custom")}
    assert {name: (data.get("num_val_images", "-"), data.get("exclude_left_right", "-")) for name, data in of.items()} \
        == {"vg": (5000, "-"), "toy": (None, "-"), "gqa": (5000, False), "custom": ("-", "-")}
    assert validate({"data": {"name": "gqa", "exclude_left_right": True}}).data.exclude_left_right
    images, sides = faults(data={"name": "custom", "num_val_images": 3, "exclude_left_right": True})
    assert images.startswith("data.num_val_images is not a setting of custom; ")
    assert "data.name vg, gqa, open-images, psg, toy, vrd and vtranse; did you mean data.eval_images?" in images
    assert sides.startswith("data.exclude_left_right is not a setting of custom; ")
    assert f"data.name gqa; known here: {', '.join(of['custom'])}" in sides


def test_validate_takes_auto_as_a_name_of_data_only(tmp_path) -> None:
    (tmp_path / "VG").mkdir()
    assert validate({"data": "auto"}).data.name == "toy"
    assert validate({"data": {"name": "auto", "root": str(tmp_path)}}).data.name == "vg"
    assert faults(data="coco") == ["data.name must be one of 'auto', 'vg', 'coco-relations', 'custom', 'gqa', "
                                   "'open-images', 'open-images-json', 'psg', 'toy', 'vrd' or 'vtranse', got 'coco'"]
    assert faults(loss="auto")


def test_validate_reports_an_earlier_key_beside_the_current_one() -> None:
    (fault,) = faults(model={"iterations": 2, "head": {"iterations": 3}})
    assert fault.startswith("model.iterations is called model.head.iterations now")
    assert "leave one of them out" in fault


def test_changes_of_a_run_of_an_earlier_version_are_none() -> None:
    now = flatten(validate({"data": {"name": "toy"}}).model_dump(mode="json"))
    then = {key: value for key, value in now.items() if not key.startswith("model.head")}
    then |= {"model.head": "imp", "model.hidden_dim": 64, "model.iterations": 3, "model.edge_boxes": "motifs",
             "training.drop_last": False, "augmentation.reconstruction_bias": False}
    assert changes(then, now, lambda role: role.fixed_for_trial) == []
    then["model.iterations"] = 4
    assert changes(then, now, lambda role: role.fixed_for_trial) == ["model.head.iterations was 4, is 3"]


@pytest.mark.parametrize("text", ["loss: {search: grid, of: [baseline, dnorm]}",
                                  "loss: {kind: {search: grid, of: [baseline, dnorm]}}"])
def test_read_axes_searches_entries(tmp_path, text: str) -> None:
    study, axes = read_axes(load_text(tmp_path, text))
    assert configurations(study, axes) == [{"loss.kind": "baseline"}, {"loss.kind": "dnorm"}]
    assert type(study.trial({"loss.kind": "baseline"}).loss) is EDGE_LOSSES["baseline"]


def test_read_axes_gives_each_searched_entry_its_own_settings(tmp_path) -> None:
    """Settings of another searched entry are left out; those of no searched entry are refused."""
    text = "model: {head: {kind: {search: grid, of: [imp, motifs]}, iterations: %s, edge_layers: 2%s}}"
    study, axes = read_axes(load_text(tmp_path, text % (5, "")))
    heads = [study.trial(values).model.head for values in configurations(study, axes)]
    assert (heads[0].kind, heads[0].iterations) == ("imp", 5)
    assert (heads[1].kind, heads[1].edge_layers) == ("motifs", 2)
    with pytest.raises(ConfigError, match=r"model\.head\.width is not a setting of imp"):
        load_text(tmp_path, text % (5, ", width: 3"))
    study, axes = read_axes(load_text(tmp_path, text % ("{search: grid, of: [1, 2]}", "")))
    assert [study.trial(values).model.head.kind for values in configurations(study, axes)] == ["imp", "imp", "motifs"]


@pytest.mark.parametrize(("there", "names"), [("VG", ["vg", "custom", "gqa"]), ("toy", ["toy", "custom", "gqa"])])
def test_read_axes_searches_auto_as_the_entry_that_it_stands_for(tmp_path, there, names) -> None:
    """With the settings of that entry, and only once if its name is listed, too."""
    (tmp_path / there).mkdir()
    text = (f"data: {{root: {tmp_path}, exclude_left_right: true, num_val_images: 3, "
            f"name: {{search: grid, of: [auto, {', '.join(names)}]}}}}")
    study, axes = read_axes(load_text(tmp_path, text))
    found = [study.trial(values).data for values in configurations(study, axes)]
    assert [data.name for data in found] == names
    assert [getattr(data, "num_val_images", None) for data in found] == [3, None, 3]
    assert [getattr(data, "exclude_left_right", None) for data in found] == [None, None, True]


def test_validate_names_the_entry_of_a_setting_of_another_entry() -> None:
    (fault, *_) = faults(model={"head": {"kind": "motifs", "iterations": 3}})
    assert fault.startswith("model.head.iterations is not a setting of motifs; ")
    assert "model.head.kind imp; known here: " in fault


def test_reference_has_the_settings_of_all_entries() -> None:
    assert {"model.head.kind", "model.head.iterations", "loss.kind", "loss.scale"} <= set(reference())
    assert role_of("model.head.iterations").searchable
    assert "dnorm-fgbg: " in reference()["loss.kind"].description


def test_main_describes_entries_without_torch() -> None:
    code = ("import sys; from sgg.methods.registry import Registry; import sgg.config.schema; "
            "print([list(registry) and registry.what for registry in Registry.instances], "
            "[m for m in ('torch', 'ray', 'numpy') if m in sys.modules])")
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "'relation head'" in printed
    assert printed.endswith(" []\n")
