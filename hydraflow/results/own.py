"""Records of rings of one's own, as a run recorded them: tables whose fields mean nothing to the engine."""

from __future__ import annotations

import numpy as np

from hydraflow.results.scales import Scales
from hydraflow.results.table import Numbers, Table

__all__ = ["RecordTable"]


class RecordTable(Table):
    """Records of one ring. `array` has the record's own dtype; columns are its fields, those with several values one by one."""

    def __init__(self, name: str, array: np.ndarray, instruments: Scales | None = None) -> None:
        super().__init__(name, array, instruments or Scales(known=False))

    def columns(self, numbers: Numbers = "float") -> dict[str, np.ndarray]:
        """Return the columns by name: `celsius`, of a sub-array `window[0]`, `window[1]`, …, of a record inside `place.x`.

        Texts are decoded, bytes that are no UTF-8 replaced. numbers : has no meaning here; numbers stay as they are.
        """
        out: dict[str, np.ndarray] = {}
        for name in self.fields:
            _flatten(name, self.array[name], out)
        return out


def _flatten(name: str, values: np.ndarray, out: dict[str, np.ndarray]) -> None:
    if values.dtype.names is not None and values.ndim == 1:
        for field in values.dtype.names:
            _flatten(f"{name}.{field}", values[field], out)
    elif values.ndim > 1:
        for index in range(values.shape[1]):
            _flatten(f"{name}[{index}]", values[:, index], out)
    elif values.dtype.kind == "S":
        out[name] = np.char.decode(values, "utf-8", "replace")
    else:
        out[name] = values
