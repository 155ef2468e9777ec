"""The identity of a feature store."""

from dataclasses import replace

import pytest

from sgg.features import StoreIdentity, StoreMismatchError


def test_store_identity_of_the_first_edition():
    now = StoreIdentity(["a"], "d", "h", pictures="p")
    before = replace(now, pictures="")
    assert "pictures" not in before.to_json()
    assert StoreIdentity.from_json(before.to_json()) == before
    assert StoreIdentity.from_json(now.to_json()) == now
    now.require(before, "there")
    with pytest.raises(StoreMismatchError, match="there: holds other features than asked for: pictures is 'q', not"):
        now.require(replace(now, pictures="q"), "there")
