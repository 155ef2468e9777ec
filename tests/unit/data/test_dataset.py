"""An opened data set."""

from sgg.data.catalogue import open_dataset
from tests.darkened import darken


def test_image_hash_changes_with_the_images_and_hash_does_not(toy_copy, toy_root):
    data, copy = open_dataset("toy", toy_root), open_dataset("toy", toy_copy)
    assert copy.hash == data.hash
    assert copy.image_hash(copy.split("train")) == data.image_hash(data.split("train"))
    darken(copy.split("train"))
    assert open_dataset("toy", toy_copy).hash == data.hash
    assert copy.image_hash(copy.split("train")) != data.image_hash(data.split("train"))
    assert copy.image_hash(copy.split("test")) == data.image_hash(data.split("test"))
