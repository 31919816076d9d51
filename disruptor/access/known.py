"""What functions of numpy and of Python's own library do with arrays that they are handed, and methods with theirs.

Only what is listed here is believed to read: anything else may keep a view, return one, or store through it.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from disruptor.access.origin import module_name, stands_as

__all__ = ["IN_PLACE", "METHOD_OUT", "READING", "only_reads", "out_place"]

IN_PLACE = {f"__i{name}__" for name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "lshift", "rshift", "and", "or", "xor")} | {
    "__setitem__", "__setattr__", "__delitem__", "__delattr__", "__setstate__",
}
READING = {
    "all", "any", "argmax", "argmin", "argpartition", "argsort", "astype", "choose", "clip", "compress", "conj", "conjugate", "copy", "cumprod",
    "cumsum", "dot", "dump", "dumps", "flatten", "is_integer", "item", "max", "mean", "min", "nonzero", "prod", "ptp", "repeat", "round",
    "searchsorted", "std", "sum", "take", "tobytes", "tofile", "tolist", "tostring", "trace", "var", "bit_length", "bit_count", "hex",
    "pprint", "as_integer_ratio", "__len__", "__eq__", "__ne__", "__bool__", "__int__", "__float__", "__str__", "__repr__", "__hash__", "__copy__",
    "__deepcopy__", "__contains__", "__format__",
}
METHOD_OUT = {  # where a method takes the array that it writes into
    "all": 1, "any": 1, "argmax": 1, "argmin": 1, "choose": 1, "clip": 2, "compress": 2, "cumprod": 2, "cumsum": 2, "dot": 1, "max": 1,
    "mean": 2, "min": 1, "prod": 2, "ptp": 1, "round": 1, "std": 2, "sum": 2, "take": 2, "trace": 4, "var": 2,
}
_OUT = {  # where a function of numpy does
    **{name: place + 1 for name, place in METHOD_OUT.items()}, "amax": 2, "amin": 2, "around": 2, "nanmax": 2, "nanmin": 2, "nanmean": 3, "nansum": 3,
    "nancumsum": 3, "nancumprod": 3, "nanprod": 3, "nanstd": 3, "nanvar": 3, "nanargmax": 2, "nanargmin": 2, "median": 2, "nanmedian": 2,
    "percentile": 3, "quantile": 3, "nanpercentile": 3, "nanquantile": 3, "concatenate": 2, "stack": 2, "isposinf": 1, "isneginf": 1, "fix": 1,
    "isin": 4, "outer": 2, "einsum": 99, "average": 99,
}
_UFUNC_OUT = {"reduce": 3, "accumulate": 3, "reduceat": 4, "outer": 2}
_NUMPY = {
    *_OUT, "allclose", "array", "array_equal", "array_equiv", "argsort", "argwhere", "bincount", "column_stack", "convolve", "copy", "corrcoef",
    "correlate", "count_nonzero", "cov", "cross", "delete", "diff", "digitize", "dstack", "ediff1d", "empty_like", "flatnonzero", "full_like",
    "gradient", "histogram", "hstack", "in1d", "inner", "insert", "interp", "intersect1d", "isclose", "iscomplexobj", "isscalar", "kron", "lexsort",
    "may_share_memory", "nan_to_num", "ndim", "nonzero", "ones_like", "pad", "partition", "polyval", "ravel_multi_index", "repeat", "resize",
    "roll", "round_", "searchsorted", "select", "setdiff1d", "setxor1d", "shape", "shares_memory", "sinc", "size", "sort", "tensordot", "tile",
    "trapezoid", "tri", "tril", "triu", "union1d", "unique", "unwrap", "vdot", "vstack", "where", "zeros_like", "append", "argpartition",
    "save", "savez", "savetxt", "array2string", "array_repr", "array_str", "datetime_as_string", "result_type", "can_cast", "min_scalar_type",
}
_READ_ONLY = {"math", "cmath", "_struct", "struct", "json", "json.encoder", "logging", "zlib", "binascii", "_hashlib", "hashlib", "statistics", "time"}


def only_reads(function: Any, owner: Any, name: str, module: str) -> bool:
    """Whether a function of a library reads what it gets, and what it returns is memory of its own."""
    ufunc = owner if isinstance(owner, np.ufunc) else function
    if isinstance(ufunc, np.ufunc):  # one made by np.frompyfunc calls anything
        return getattr(np, ufunc.__name__, None) is ufunc
    if isinstance(function, type):
        return issubclass(function, np.generic | int | float | complex | bool | str | bytes | slice)
    if function in (copy.copy, copy.deepcopy):
        return True
    if not stands_as(function, module, name):
        return False
    if module.partition(".")[0] == "numpy":
        return name in _NUMPY
    return module in _READ_ONLY or module.startswith("logging")


def out_place(function: Any, owner: Any, name: str) -> int:
    """Return from which of its arguments on a function writes into what it gets."""
    if isinstance(function, np.ufunc):
        return function.nin
    if isinstance(owner, np.ufunc):
        return _UFUNC_OUT.get(name, 99)
    return _OUT.get(name, 99) if module_name(function).partition(".")[0] == "numpy" else 99
