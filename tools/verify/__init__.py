"""Verification of what is compiled and shared: `python -m tools.verify` runs all parts and prints one table.

    explore     the real ring code, un-jitted, over every interleaving to a bound
    models      Promela models, by spin
    races       ThreadSanitizer over the LLVM text of compiled loops
    litmus      two pinned threads, our atomics, millions of trials
    fuzz        libFuzzer and AddressSanitizer over compiled parsers
    arm         the loops as aarch64 instructions
    emulated    the conformance suite on aarch64, emulated (`make verify-arm` only)

    figures, toolchain, loop_ir, image    rows and tables; clang; a compiled function as LLVM text; memory for a C program

docs/verification.md says what each shows, and what it does not.
"""
