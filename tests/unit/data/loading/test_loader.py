"""Batches: their content, and that nothing but seed, epoch and image decides it."""

import gc
import os
import pickle
import signal
import weakref
from collections import Counter
from contextlib import suppress
from dataclasses import fields, replace

import numpy as np
import pytest
import torch

from sgg.data.images.image_files import read_image
from sgg.data.loading import shared_batch, shared_memory
from sgg.data.loading.collate import collate
from sgg.data.loading.loader import BatchSampler, SplitImages, draw_predicates, load_batches
from sgg.data.loading.transforms import to_square
from sgg.data.readers.visual_genome import open_visual_genome


@pytest.fixture
def part(genome_directory):
    return open_visual_genome(genome_directory, num_val_images=1).split("train")


def content(batch):
    assert batch.outputs is None
    arrays = [getattr(batch, entry.name) for entry in fields(batch) if entry.name != "outputs"]
    return [x.tolist() if isinstance(x, torch.Tensor) else [getattr(y, "tolist", lambda y=y: y)() for y in x]
            for x in arrays]


def epoch(batches, number):
    return [content(batch) for batch in batches.epoch(number)]


def test_collate_puts_images_one_after_another(part):
    batch = next(load_batches(part, 3).epoch(0))
    assert batch.image_ids == ("101", "102", "104")
    assert batch.sizes.tolist() == [[48, 64]] * 3
    assert batch.image_index.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert batch.relations[:, :3].tolist() == [[0, 0, 1], [0, 2, 0], [1, 3, 4], [1, 5, 3], [2, 6, 7], [2, 8, 6]]
    for index, graph in enumerate(batch.graphs()):
        expected = part.graph(index)
        assert graph.numpy().relations.tolist() == expected.relations.tolist()
        assert graph.numpy().labels.tolist() == expected.labels.tolist()
        assert torch.equal(batch.images[index], to_square(read_image(part.image_path(index))))
    assert [batch.boxes.dtype, batch.labels.dtype, batch.relations.dtype] == [torch.float32, torch.int64, torch.int64]


@pytest.mark.parametrize("workers", [0, 1])
def test_epoch_begins_at_a_later_batch(part, workers, monkeypatch):
    """Its batches are the last ones of the whole epoch; the images of those before are not loaded. The next epoch is
    whole again."""
    batches = load_batches(part, 1, augment=True, shuffle=True, seed=1, workers=workers, start_method="fork")
    whole = epoch(batches, 4)
    loaded, load = [], SplitImages.__getitem__
    monkeypatch.setattr(SplitImages, "__getitem__", lambda self, key: loaded.append(key) or load(self, key))
    for first in (0, 2, len(whole)):
        loaded.clear()
        assert [content(batch) for batch in batches.epoch(4, first)] == whole[first:]
        assert workers or len(loaded) == len(whole) - first
    assert epoch(batches, 4) == whole


def test_load_batches_mirrors_images_and_boxes_together(part):
    samples, plain = SplitImages(part, augment=True, seed=3), SplitImages(part, augment=False, seed=3)
    mirrored = 0
    for number in range(200):
        sample, original = samples[number, 0], plain[number, 0]
        if not torch.equal(sample.image, original.image):
            mirrored += 1
            assert torch.equal(sample.image[:, :48], original.image[:, :48].flip(2))
            x1, y1, x2, y2 = original.graph.boxes.T
            assert sample.graph.boxes.tolist() == np.stack([64 - x2, y1, 64 - x1, y2], axis=1).tolist()
        else:
            assert sample.graph.boxes.tolist() == original.graph.boxes.tolist()
    assert 70 < mirrored < 130  # of 200; by more than four standard deviations else


@pytest.mark.parametrize("workers", [0, 1])
def test_load_batches_resizes_images_that_are_larger_than_the_detectors(part, workers):
    """Images of 64x48 pixels; boxes and sizes stay those of the whole image."""
    options = {"augment": True, "shuffle": True, "seed": 5, "workers": workers, "start_method": "fork"}
    whole, resized, same = (next(load_batches(part, 4, largest=largest, **options).epoch(0))
                            for largest in (None, 40, 64))
    assert content(same) == content(whole)
    assert content(replace(resized, images=())) == content(replace(whole, images=()))
    for small, image in zip(resized.images, whole.images, strict=True):
        expected = torch.nn.functional.interpolate(image[None].float(), size=(40, 40), mode="bilinear")[0]
        assert (small.float() - expected).abs().max() <= 0.501


def test_load_batches_without_flips(part):
    samples, plain = SplitImages(part, augment=True, seed=3, flip=False), SplitImages(part, augment=False, seed=3)
    assert all(torch.equal(samples[number, 0].image, plain[0, 0].image) for number in range(20))


def test_draw_predicates_is_uniform_over_annotated_relations():
    relations = np.array([[0, 1, 1], [1, 0, 2], [0, 1, 2], [0, 1, 2], [2, 1, 3]])
    draws = [draw_predicates(relations, np.random.default_rng(seed)) for seed in range(600)]
    assert all(sorted(map(tuple, drawn[:, :2].tolist())) == [(0, 1), (1, 0), (2, 1)] for drawn in draws)
    counts = Counter(int(drawn[drawn[:, 0] == 0][0, 2]) for drawn in draws)
    assert abs(counts[2] / 600 - 2 / 3) < 0.08
    assert draw_predicates(relations[:0], np.random.default_rng(0)).shape == (0, 3)


@pytest.mark.parametrize(("workers", "start_method"), [(1, "fork"), (2, "fork"), (1, "spawn")])
def test_load_batches_does_not_depend_on_workers(workers, start_method, part):
    alone = load_batches(part, 2, augment=True, shuffle=True, seed=5)
    helped = load_batches(part, 2, augment=True, shuffle=True, seed=5, workers=workers, start_method=start_method)
    for number in (0, 1, 7, 1):
        assert epoch(helped, number) == epoch(alone, number)


def test_load_batches_epochs_differ_and_repeat(part):
    batches = load_batches(part, 2, augment=True, shuffle=True, seed=5)
    first, second = epoch(batches, 0), epoch(batches, 1)
    assert first != second
    assert epoch(batches, 0) == first
    assert epoch(load_batches(part, 2, augment=True, shuffle=True, seed=6), 0) != first


def test_load_batches_epoch_has_every_image_once(part):
    batches = load_batches(part, 3, shuffle=True)
    assert sorted(sum((batch.image_ids for batch in batches.epoch(2)), ())) == ["101", "102", "104", "105"]
    assert len(batches) == len(list(batches.epoch(2))) == 2


def test_load_batches_shares_every_batch_between_processes(part):
    whole = load_batches(part, 3, shuffle=True, seed=1)
    shares = [load_batches(part, 3, shuffle=True, seed=1, share=(rank, 2)) for rank in range(2)]
    kept = [batch.image_ids for batch in whole.epoch(1) if len(batch) >= 2]
    dealt = [[batch.image_ids for batch in share.epoch(1)] for share in shares]
    assert list(zip(*dealt, strict=True)) == [(ids[::2], ids[1::2]) for ids in kept]
    assert [len(share) for share in shares] == [len(kept)] * 2


def test_load_batches_drop_last(part):
    """Of four images in batches of three one batch is left, of which other epochs leave out other images."""
    dropping = load_batches(part, 3, shuffle=True, seed=1, drop_last=True)
    keeping = load_batches(part, 3, shuffle=True, seed=1)
    assert len(dropping) == 1
    epochs = [[batch.image_ids for batch in dropping.epoch(number)] for number in range(8)]
    assert epochs == [[next(keeping.epoch(number)).image_ids] for number in range(8)]
    assert {name for (names,) in epochs for name in names} == {"101", "102", "104", "105"}
    assert len(load_batches(part, 2, shuffle=True, drop_last=True)) == 2  # nothing is left over


@pytest.mark.parametrize(("images", "batches"), [(57_723, 2405), (57_720, 2405), (57_719, 2404), (24, 1)])
def test_batch_sampler_gives_the_updates_of_an_epoch_of_visual_genome(images, batches):
    """57,723 images in batches of 24: 2,405, and 3 images that are left out."""
    assert len(BatchSampler(images, 24, True, 0, (0, 1), drop_last=True)) == batches
    assert len(BatchSampler(images, 24, True, 0, (0, 1), drop_last=False)) == batches + (images % 24 > 0)


@pytest.mark.parametrize("workers", [2, 3])
def test_load_batches_drop_last_is_the_same_for_all_processes(part, workers):
    """Every process gets its share of each whole batch, also where all of them could have had an image of the last."""
    whole = [batch.image_ids for batch in load_batches(part, 3, shuffle=True, seed=1, drop_last=True).epoch(1)]
    dealt = [[batch.image_ids for batch in load_batches(part, 3, shuffle=True, seed=1, drop_last=True,
                                                        share=(rank, workers)).epoch(1)] for rank in range(workers)]
    assert len(whole) == 1
    assert list(zip(*dealt, strict=True)) == [tuple(ids[rank::workers] for rank in range(workers)) for ids in whole]


def test_load_batches_refuses_to_drop_everything(part):
    with pytest.raises(ValueError, match="split train has 4 images, fewer than a batch of 5, and drop_last leaves out"):
        load_batches(part, 5, shuffle=True, drop_last=True)
    with pytest.raises(ValueError, match=r"2 images in an epoch, .* repeats each, fewer than a batch of 4"):
        load_batches(part, 4, shuffle=True, drop_last=True, repeats=np.array([0, 1, 0, 1]))
    assert len(load_batches(part, 4, shuffle=True, drop_last=True)) == 1


@pytest.mark.parametrize("batch_size", [1, 2, 100])
def test_load_batches_shares_the_split_without_shuffle(part, batch_size):
    """Also where a batch is one image: the other process has work too."""
    shares = [[name for batch in load_batches(part, batch_size, share=(rank, 2)).epoch(0) for name in batch.image_ids]
              for rank in range(2)]
    names = [part.image_id(image) for image in range(len(part))]
    assert shares == [names[::2], names[1::2]]


def test_load_batches_keeps_the_random_state_of_torch(part):
    state = torch.get_rng_state()
    epoch(load_batches(part, 2, augment=True, shuffle=True, workers=1, start_method="fork"), 0)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("workers", [0, 1])
def test_epoch_names_a_wrong_image_in_one_line(part, workers):
    missing, cut = part.image_path(0), part.image_path(1)
    cut.write_bytes(cut.read_bytes()[:300])
    batches = load_batches(part, 1, workers=workers)
    in_order = batches.epoch(0)
    assert next(in_order).image_ids == ("101",)
    with pytest.raises(ValueError, match=rf"^image file {cut} cannot be read, or is cut off: .*$"):
        next(in_order)
    missing.unlink()
    with pytest.raises(FileNotFoundError, match=rf"^image file {missing} is missing$"):
        next(batches.epoch(1))


@pytest.mark.parametrize("workers", [0, 1])
def test_epoch_keeps_nothing_alive_after_an_error(part, workers):
    """Neither the images nor the processes, without a search for circular references."""
    part.image_path(0).unlink()
    batches = load_batches(part, 1, workers=workers, start_method="fork")
    images = weakref.ref(batches._loader.dataset)
    gc.collect()
    gc.disable()
    try:
        with suppress(FileNotFoundError):
            next(batches.epoch(0))
        del batches
        assert images() is None
    finally:
        gc.enable()


def test_load_batches_names_wrong_arguments(part, tmp_path):
    with pytest.raises(ValueError, match="batch_size must be >= 1 and workers >= 0, got 0 and 0"):
        load_batches(part, 0)
    with pytest.raises(FileNotFoundError, match=r"image folder .*nowhere is missing"):
        load_batches(replace(part, image_folder=tmp_path / "nowhere"), 1)
    with pytest.raises(ValueError, match="the split train has no images"):
        load_batches(part.head(0), 1)


def test_load_batches_names_too_little_shared_memory(part, monkeypatch):
    monkeypatch.setattr(shared_memory, "free_bytes", lambda: 25_000)  # an image has 3 * 64**2 = 12,288 bytes
    load_batches(part, 2, workers=0)
    with pytest.raises(OSError, match=r"data\.workers=2 needs 0\.1 MiB for batches of 2 images .*--shm-size.*"
                                      r"data\.workers=0"):
        load_batches(part, 2, workers=2)  # 2 batches ahead for each and one in use: 5 * 2 * 12,288 bytes
    with pytest.raises(OSError, match="for batches of 3 images"):
        load_batches(part, 3, workers=1)
    load_batches(part, 2, workers=2, largest=28)  # 5 * 2 * 3 * 28**2 = 23,520 bytes
    with pytest.raises(OSError, match="for batches of 2 images"):
        load_batches(part, 2, workers=2, largest=29)
    monkeypatch.setattr(shared_memory, "free_bytes", lambda: None)  # a system that has it elsewhere
    load_batches(part, 2, workers=2)


@pytest.mark.parametrize("full", ["seen", "not seen"])
def test_epoch_ends_if_shared_memory_is_full(part, monkeypatch, full):
    """Torch alone prints the error, and waits for the batch for ever."""
    here = os.getpid()
    if full == "seen":
        monkeypatch.setattr(shared_batch, "free_bytes", lambda: 2**40 if os.getpid() == here else 10)
    else:
        def taken(size):
            raise RuntimeError("unable to allocate shared memory(shm): No space left on device (28)")

        monkeypatch.setattr(torch.UntypedStorage, "_new_shared", taken)
    with pytest.raises(OSError, match=r"/dev/shm has no room for a batch of 0\.0 MiB .*--shm-size"):
        next(load_batches(part, 3, workers=1, start_method="fork").epoch(0))


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGBUS])
def test_epoch_ends_if_a_loading_process_dies(part, monkeypatch, how):
    def dies(images, keys):
        signal.signal(how, signal.SIG_DFL) if how != signal.SIGKILL else None
        os.kill(os.getpid(), how)

    monkeypatch.setattr(SplitImages, "__getitems__", dies)
    with pytest.raises(ChildProcessError, match=rf"was ended by {how.name}, as the system does .*data\.workers=0"):
        next(load_batches(part, 2, workers=1, start_method="fork").epoch(0))


def test_shared_batch_unpack_returns_the_packed_values():
    """Tensors of every type and form, in their order within a value; contiguous or not."""
    value = {"a": torch.arange(6).reshape(2, 3).T, "b": [torch.zeros(0, 4), torch.tensor(True)], "c": "text",
             "d": torch.tensor([0.5], dtype=torch.float16), "e": torch.tensor(2.5, dtype=torch.float64)}
    found = shared_batch.SharedBatch.of(value).unpack()
    assert found["c"] == "text"
    for sent, got in zip([value["a"], *value["b"], value["d"], value["e"]],
                         [found["a"], *found["b"], found["d"], found["e"]], strict=True):
        assert (got.dtype, got.shape) == (sent.dtype, sent.shape)
        assert torch.equal(got, sent)
        assert got.is_shared()


def test_shared_batch_message_is_short(part):
    large = collate([SplitImages(part, augment=False, seed=0)[0, 0]] * 24)
    assert len(pickle.dumps(shared_batch.SharedBatch.of(large).message)) < 4096
