"""Records of a ring of one's own as a .npy file: every record as it was when the last stage on the ring had done with it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from disruptor.plain import plain_dtype
from hydraflow.errors import OutputError, UsageError
from hydraflow.runtime.npy_file import NpyFile
from hydraflow.runtime.recording import NPY, beside

__all__ = ["RingRecording"]


class RingRecording:
    """Writes one ring. An existing file is replaced at the end only.

    Raises: UsageError for a file that is not called *.npy, OutputError for one that cannot be made.
    """

    def __init__(self, ring: str, path: str, dtype: np.dtype) -> None:
        self.path = Path(path)
        if self.path.suffix != NPY:
            raise UsageError(f"ring '{ring}' is recorded as a .npy file, not as '{path}'", where="--record",
                             remedy=f"write --record {ring}={self.path.with_suffix(NPY)}")
        try:
            self._file = open(beside(self.path), "xb", buffering=1 << 20)
            self._rows = NpyFile(self._file, plain_dtype(dtype))
        except OSError as error:
            raise OutputError(f"cannot write the records of ring '{ring}': {error.strerror}", where=path,
                              remedy="name a file in a folder that exists and that you may write") from error

    def on_batch(self, batch: np.ndarray, first_sequence: int) -> None:
        """The Python handler."""
        self._rows.append(batch)

    def close(self, *, keep: bool = True) -> None:
        """Finish the file and give it its name. keep : False removes it. Raises: OSError; close again with `keep` False then."""
        if keep and not self._file.closed:
            self._rows.finish()
        self._file.close()
        part = Path(self._file.name)
        if part.exists():
            part.replace(self.path) if keep else part.unlink(missing_ok=True)
