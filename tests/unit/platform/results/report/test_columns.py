import base64
import math
from platform.results.report.columns import MISSING, SCALE, packed, whole

import pytest

from tests.report_columns import fractions


def test_packed_is_two_bytes_a_fraction_the_lower_one_first():
    assert base64.b64decode(packed([0.1, 1, None])) == bytes([5000 % 256, 5000 // 256, 50000 % 256, 50000 // 256,
                                                              0xFF, 0xFF])
    assert (SCALE, MISSING) == (50000, 0xFFFF)


def test_packed_keeps_fractions_to_a_hundredth_of_what_is_shown():
    values = [step / 7919 for step in range(7920)]
    assert fractions(packed(values)) == pytest.approx(values, abs=1.001e-5)


@pytest.mark.parametrize("value", [None, math.nan, math.inf, -0.5, 7.0])
def test_whole_of_what_is_no_fraction(value):
    assert whole(value) is None
    assert fractions(packed([value])) == [None]
