"""Records without `Record`: the dtype that files, and readers who know only numpy, get."""

from __future__ import annotations

import numpy as np

__all__ = ["plain_dtype"]


def plain_dtype(dtype: np.dtype) -> np.dtype:
    """Return a record dtype as numpy's own, fields at the same places: for files, and for readers that do not know `Record`."""
    if dtype.subdtype is not None:
        base, shape = dtype.subdtype
        return np.dtype((plain_dtype(base), shape))
    if dtype.names is None or dtype.fields is None:
        return dtype
    return np.dtype({"names": list(dtype.names), "formats": [plain_dtype(dtype.fields[n][0]) for n in dtype.names],
                     "offsets": [dtype.fields[n][1] for n in dtype.names], "itemsize": dtype.itemsize})
