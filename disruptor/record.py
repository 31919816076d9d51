"""The record that un-jitted code sees: its fields come first.

numpy's own `np.record` offers fields as attributes, but a field named `mean`, `size` or `flags` is hidden by the method
or attribute of that name, and the elements of a sub-array of records are plain `np.void` without attributes. Compiled
code knows neither exception. With `Record`, `event.x` is `event["x"]` in both modes, at every depth.
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["Record", "as_record"]


class Record(np.record):  # type: ignore[misc]  # numpy allows what its stubs do not
    """A numpy record whose fields are attributes before anything else (`dtype` and names with `__` excepted)."""

    def __getattribute__(self, name: str) -> Any:
        if name != "dtype" and not name.startswith("__"):
            fields = np.void.__getattribute__(self, "dtype").fields
            if fields is not None and name in fields:
                return self[name]
        return super().__getattribute__(name)

    def __setattr__(self, name: str, value: Any) -> None:
        fields = np.void.__getattribute__(self, "dtype").fields
        if fields is not None and name in fields:
            self[name] = value
        else:
            super().__setattr__(name, value)


def as_record(dtype: np.dtype, record: type = Record) -> np.dtype:
    """Return a structured dtype as one of `record`, the records inside it too. The layout stays what it is."""
    if dtype.subdtype is not None:
        base, shape = dtype.subdtype
        return np.dtype((as_record(base, record), shape))
    if dtype.names is None or dtype.fields is None:
        return dtype
    plain = np.dtype(
        {
            "names": list(dtype.names),
            "formats": [as_record(dtype.fields[name][0], record) for name in dtype.names],
            "offsets": [dtype.fields[name][1] for name in dtype.names],
            "itemsize": dtype.itemsize,
        },
        align=dtype.isalignedstruct,
    )
    return np.dtype((record, plain))
