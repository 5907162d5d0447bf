"""G.711 by table."""

import numpy as np
import pytest
from tavs.audio import g711


@pytest.mark.parametrize(("table", "silence"), [(g711.ALAW, 0xD5), (g711.ULAW, 0xFF)])
def test_every_code_means_itself(table: np.ndarray, silence: int) -> None:
    codes = bytes(range(256))
    again = g711.encode(g711.decode(codes, table), table)
    assert np.array_equal(g711.decode(codes, table), g711.decode(again, table))
    assert abs(int(table[silence])) <= 8


def test_the_reference_values_of_the_recommendation() -> None:
    assert [32256, -32256, 8, -8] == [int(g711.ALAW[code]) for code in (0xAA, 0x2A, 0xD5, 0x55)]
    assert [32124, -32124, 0] == [int(g711.ULAW[code]) for code in (0x80, 0x00, 0xFF)]
