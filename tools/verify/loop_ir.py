"""The LLVM text of a compiled function, reduced to what the function reaches, for a C program to link.

What numba gives holds the function, its wrapper for Python and everything else that it might need. Kept is the function
under a name of ours and what it calls; nothing of Python is left then, because our functions neither allocate nor count
references. The arrays of the call become C arguments in numba's order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import attrs
import llvmlite.binding as llvm
import numpy as np

from disruptor.codegen import LoopSource, build_loop

__all__ = ["c_arguments", "exported", "loop_ir"]


def loop_ir(source: LoopSource) -> tuple[str, str]:
    """Compile a loop as the engine does; return its optimised LLVM text and the name of its function there.

    What comes from the disk cache has no text any more, so it is compiled here.
    """
    dispatcher = build_loop(attrs.evolve(source, importable=False)).function
    signature, = dispatcher.signatures
    return dispatcher.inspect_llvm(signature), dispatcher.overloads[signature].fndesc.llvm_func_name


def exported(text: str, function: str, name: str, attribute: str = "") -> str:
    """Return the text with `function` called `name`, and nothing that it does not reach.

    attribute : an attribute of every function that is defined, "sanitize_thread", "sanitize_address" or "".
    """
    llvm.initialize_native_target()
    module = llvm.parse_assembly(text)
    bodies = [f for f in module.functions if not f.is_declaration]
    for body in bodies:
        body.linkage, body.visibility = "internal", "default"
    for value in module.global_variables:
        if not value.is_declaration:
            value.linkage = "internal"
    wanted = module.get_function(function)
    wanted.linkage, wanted.name = "external", name
    passes = llvm.create_new_module_pass_manager()
    passes.add_global_dead_code_eliminate_pass()
    machine = llvm.Target.from_default_triple().create_target_machine()
    passes.run(module, llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options()))
    if attribute:
        for body in module.functions:
            if not body.is_declaration:
                body.add_function_attribute(attribute)
    return str(module)


def c_arguments(arrays: Sequence[np.ndarray], addresses: Sequence[str]) -> Iterator[str]:
    """Return the C expressions for an array argument each: owner, parent, items, size of one, data, shape, strides."""
    for array, address in zip(arrays, addresses, strict=True):
        yield from ("NULL", "NULL", f"{array.size}LL", f"{array.itemsize}LL", address)
        yield from (f"{n}LL" for n in (*array.shape, *array.strides))
