"""The LLVM text of a compiled function, reduced to what the function reaches, for a C program to link.

What numba gives holds the function, its wrapper for Python and everything else that it might need. Kept is the function
under a name of ours and what it calls; nothing of Python is left then, because our functions neither allocate nor count
references. The arrays of the call become C arguments in numba's order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import attrs
import llvmlite.binding as llvm
import numba
import numpy as np

from disruptor.codegen import LoopSource, build_loop

__all__ = ["c_arguments", "exported", "loop_ir"]


def loop_ir(source: LoopSource) -> tuple[str, str]:
    """Compile a loop as the engine does; return its optimised LLVM text and the name of its function there.

    What comes from the disk cache has no text any more, so it is compiled here; without vectors, whose wide, masked and gathered
    accesses the sanitizers pass by.
    """
    ordinary, numba.config.LOOP_VECTORIZE = numba.config.LOOP_VECTORIZE, 0
    try:
        dispatcher = build_loop(attrs.evolve(source, importable=False, side_by_side=False)).function
    finally:
        numba.config.LOOP_VECTORIZE = ordinary
    signature, = dispatcher.signatures
    return dispatcher.inspect_llvm(signature), dispatcher.overloads[signature].fndesc.llvm_func_name


def exported(text: str, function: str, name: str, attribute: str = "") -> str:
    """Return the text with `function` called `name`, and nothing that it does not reach.

    attribute : an attribute of every function that is defined, "sanitize_thread", "sanitize_address" or "".
    Raises: ValueError for accesses that sanitizers pass by.
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
        unseen = [f.name for f in module.functions if f.name.startswith("llvm.masked.")]
        if unseen:
            raise ValueError(f"'{name}': no sanitizer looks at {', '.join(unseen)}; compile it without vectors")
    return str(module)


def c_arguments(arrays: Sequence[np.ndarray], addresses: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield (C type, expression) for an array argument each: owner, parent, items, size of one, data, shape, strides."""
    for array, address in zip(arrays, addresses, strict=True):
        yield from (("void *", "NULL"), ("void *", "NULL"), ("long long", str(array.size)), ("long long", str(array.itemsize)))
        yield "void *", address
        yield from (("long long", str(n)) for n in (*array.shape, *array.strides))
