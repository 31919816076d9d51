"""Every mistake of tests/reference/kernels_mistakes.py gives a message that says line, what is wrong, and what to write."""

import re
from pathlib import Path

import numpy as np
import pytest

from disruptor import CompileError, Disruptor, handler, thread
from disruptor.compiled import JIT_ENABLED
from disruptor.complaint import complaint
from disruptor.testing import run
from tests.reference import kernels_mistakes as kernels

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "handlers.md"

pytestmark = pytest.mark.skipif(not JIT_ENABLED, reason="compiled code only")

TEXT = 'store the numbers in fields, and make text of them in a Python handler (one that takes `batch`)'
NOTE = (
    'note("CODE", a, b) writes numbers without waiting (declared: notes={"CODE": "text {a}, {b}"}); or print in a Python'
    " handler"
)
COLLECT = 'keep a sub-array and a count in the state: state=[("values", "f8", (64,)), ("count", "i8")]'
ADD_UP = 'a for loop that adds up: total = 0.0; for x in …: total += x'
TABLE = 'a sub-array of the state indexed by a small number, or an open-addressing table (disruptor.table)'
CODE = 'a number that stands for the text, or a sub-array of bytes: ("name", "u1", (8,))'
CONSTANT = 'raise ValueError("a constant text"): handler and sequence are named anyway; or return a status code'
FILLED = 'a sub-array field of the state, filled by a loop'
LOOP = 'write a loop over the elements: for i in range(…): state["window"][i] = …'
SORTED = 'keep the elements sorted while they are stored: a loop that moves the larger ones up by one'
VALUE = "'value', the closest name there is"
MEAN = "'mean', the closest name there is"
STAMP = 'let the producer stamp the event, and read the stamp from its field'
PARSE = 'keep numbers in records; make numbers of texts before they are published'
NEVER = ', which compiled handlers never do'

MISTAKES = {
    "f_string": ("it allocates memory (a text)" + NEVER, TEXT),
    "str_format": ("it makes a text (.format)", TEXT),
    "percent_format": ("it allocates memory (a text)" + NEVER, TEXT),
    "text_concatenation": ("it allocates memory (a text)" + NEVER, TEXT),
    "print_of_text": ("print is not for compiled code: it would wait for the GIL", NOTE),
    "list_display": ("it allocates memory (a list)" + NEVER, COLLECT),
    "list_comprehension": ("it allocates memory (a list)" + NEVER, ADD_UP),
    "generator_expression": ("a generator expression is not supported in compiled code", ADD_UP),
    "list_append": ("it allocates memory (a list)" + NEVER, COLLECT),
    "list_in_a_helper": ("it allocates memory (a list)" + NEVER, COLLECT),
    "dict_display": ("it allocates memory (a dict)" + NEVER, TABLE),
    "dict_of_texts": ("it allocates memory (a dict)" + NEVER, TABLE),
    "dict_call": ("it allocates memory (a dict)" + NEVER, TABLE),
    "set_display": (
        "it allocates memory (a set)" + NEVER,
        "`x in (1, 2, 3)`, a bit mask, or an open-addressing table (disruptor.table)",
    ),
    "text_into_bytes_field": ("field 'name' ([char x 8]) cannot hold a text", CODE),
    "raise_f_string": ("an exception with a text made at run time", CONSTANT),
    "raise_with_value": ("an exception with a text made at run time", CONSTANT),
    "except_named": (
        "`except` that names an exception is not supported in compiled code",
        'a test before it: if event["n"] != 0: …',
    ),
    "with_open": (
        "`with` is not supported in compiled code",
        "do it in a Python handler (one that takes `batch`), or in `prepare`",
    ),
    "np_zeros": ("it allocates memory (np.zeros(3) makes an array)" + NEVER, FILLED),
    "np_array": ("it allocates memory (np.array([1.0, event['value']]) makes an array)" + NEVER, FILLED),
    "np_roll": ("it allocates memory (np.roll(state['window'], 1) makes an array)" + NEVER, FILLED),
    "np_concatenate": (
        "it allocates memory (np.concatenate((state['window'], state['window'])) makes an array)" + NEVER,
        FILLED,
    ),
    "array_copy": ("it allocates memory (state['window'].copy() makes an array)" + NEVER, FILLED),
    "slice_store": ("it allocates memory (an assignment to a slice may copy first)" + NEVER, LOOP),
    "array_expression": ("it allocates memory (an expression over whole arrays makes a temporary one)" + NEVER, LOOP),
    "array_comparison": ("it allocates memory (an expression over whole arrays makes a temporary one)" + NEVER, LOOP),
    "np_median": (
        "np.median() of an array is not supported in compiled code",
        "write it out with numbers and loops (min, max, abs, round and math.* of numbers work)",
    ),
    "np_where": (
        "np.where(event['value'] > 0, 1.0, 2.0) is not supported for single values",
        "an expression: a if condition else b",
    ),
    "np_clip": ("np.clip(event['value'], 0, 1) is not supported for single values", "min(max(x, low), high)"),
    "np_dot": (
        "np.dot(state['window'], state['window']) needs scipy's linear algebra",
        "a loop: total = 0.0; for i in range(…): total += a[i] * b[i]",
    ),
    "np_einsum": (
        "np.einsum is not supported in compiled code",
        "write it out with a loop, or do it in a Python handler (one that takes `batch`), which has all of numpy",
    ),
    "np_misspelt": ("numpy has no 'sqr'", "numpy.sqrt, the closest name there is"),
    "array_sort": ("state['window'].sort() is not supported in compiled handlers", SORTED),
    "sorted_call": ("sorted(state['window']) is not supported in compiled handlers", SORTED),
    "array_append": ("an array has no 'append': its size is fixed", COLLECT),
    "field_misspelt_read": ("field 'vale' is not in the record (value, n, name, flag)", VALUE),
    "field_misspelt_stored": ("field 'men' is not in the record (count, mean, window)", MEAN),
    "attribute_misspelt_read": ("field 'vale' is not in the record (value, n, name, flag)", VALUE),
    "attribute_misspelt_stored": ("field 'men' is not in the record (count, mean, window)", MEAN),
    "field_by_variable": (
        "a field is named by a variable",
        'write the name out: event["value"]; one statement per field',
    ),
    "record_get": ("a record has no method 'get'", 'read a field with event["name"], a constant name'),
    "record_called": ("a record is called like a function", 'read a field with event["name"]'),
    "record_iterated": ("a record is iterated over", 'name its fields: event["value"]'),
    "record_length": ("a record has no length", 'len(state["window"]) is the length of a sub-array'),
    "recursion": ("a function calls itself", "a loop with a limit: for _ in range(64): …"),
    "global_list": ("the global 'TABLE' is a list", "a tuple of numbers"),
    "global_dict": ("the global 'NAMES' is a dict", "constants, or fields of the state filled by `prepare`"),
    "global_object": (
        "the global 'SETTINGS' is a Settings, a Python object",
        "numbers: constants of the module (LIMIT = 3), or fields of a params class that `params` hands over",
    ),
    "global_written": ("it writes a global variable", 'a field of the state: state=[("count", "i8")]'),
    "global_array_written": ("it writes to a global array", "a sub-array field of the state"),
    "plain_helper_called": (
        "'plain_helper' is a plain Python function",
        "put @compiled above `def plain_helper`: from disruptor import compiled",
    ),
    "handler_called": (
        "'other_handler' is a handler, and handlers do not call each other",
        "move what they share into a function with @compiled",
    ),
    "argument_missing": (
        "a function is called with the wrong arguments: missing a required argument: 'b'",
        "its signature is (a, b)",
    ),
    "argument_too_many": (
        "a function is called with the wrong arguments: too many positional arguments",
        "its signature is (a, b)",
    ),
    "undefined_name": ("nothing is called 'plain_helpr'", "'plain_helper', the closest name there is"),
    "import_inside": ("it imports inside the function", "import at the top of the module"),
    "clock_read": ("it reads a clock (time.time)", STAMP),
    "clock_datetime": ("it reads a clock (datetime.datetime)", STAMP),
    "class_inside": ("it defines a class", "fields of the state, and functions with @compiled"),
    "del_local": ("`del` is not supported in compiled code", "leave it out: locals end with the call"),
    "two_types": (
        "variable 'x' is a text on one path and int64 on another",
        "one type on every path: begin with 0.0 for a float, 0 for an integer, or use two variables",
    ),
    "tuple_by_variable": (
        "a tuple of different types is indexed by a variable",
        "make all its elements the same type, or write the index out",
    ),
    "none_in_arithmetic": ("None is used as a number ('+')", "begin with a number: 0, or np.nan for nothing yet"),
    "text_parsed": ("a text is used as a number: int() of a text", PARSE),
    "number_plus_text": ("a text is used as a number", PARSE),
    "index_by_float": ("an array is indexed by a float64", "int(…) around the index"),
    "array_into_number": ("field 'mean' (float64) cannot hold an array", "one element, or a loop over the elements"),
    "record_into_number": ("field 'count' (int64) cannot hold a record", 'one of its fields: event["value"]'),
    "tuple_into_number": ("field 'count' (int64) cannot hold a tuple", "one statement per value"),
    "none_into_number": (
        "field 'count' (int64) cannot hold None",
        "a number that means nothing is there: 0, -1 or np.nan",
    ),
    "complex_into_number": ("field 'mean' (float64) cannot hold complex128", "its .real or .imag"),
    "attribute_of_number": ("int64 has no attribute 'bit'", 'event["field"] reads a field; a number has none'),
    "walrus": ("`:=` is not supported here", "an assignment on a line of its own"),
    "returns_float": ("it returns float64", "nothing, or a whole number as status code"),
    "prints": ("print is not for compiled code: it would wait for the GIL", NOTE),
    "yields": ("`yield` makes a generator of the handler: it would never run", "return nothing, or a status code"),
    "bytes_compared": ("field 'name' holds text ([char x 8])", CODE),
    "bytes_stored": ("a text is stored", CODE),
}

ALL = [name for name, value in vars(kernels).items() if getattr(value, "__code__", None) and value.__code__.co_varnames[:2] == ("event", "state")]


def error_of(name):
    with pytest.raises(CompileError) as caught:
        run(getattr(kernels, name), [], fields=kernels.FIELDS, state=kernels.STATE)
    return caught.value


@pytest.mark.parametrize("name", MISTAKES)
def test_mistake_is_reported_with_its_line_and_a_remedy(name):
    error = error_of(name)
    what, remedy = MISTAKES[name]
    where = f"{kernels.__file__}:{error.line}:  {error.source}"
    assert str(error) == f"handler '{name}' cannot be compiled: {what}\n  at {where}\n  instead: {remedy}"
    assert error.source.endswith(("# here", f"# here: {name}"))
    assert (error.handler, error.path, error.remedy) == (name, kernels.__file__, remedy)


def test_every_kernel_is_in_the_table():
    assert sorted(MISTAKES) == sorted(ALL)
    assert len(MISTAKES) >= 70


def test_what_is_no_mistake_compiles():
    assert run(kernels.allowed, [{"value": 2.5, "n": 3}], fields=kernels.FIELDS, state=kernels.STATE).compared


def test_complaint_takes_the_text_alone_and_names_the_loop_when_no_handler_is_known():
    error = complaint("core", {}, "Failed in nopython mode pipeline (step: nopython frontend)\nsomething that nobody foresaw\n")
    assert str(error) == "handler 'core' cannot be compiled: something that nobody foresaw"
    assert (error.path, error.line, error.source, error.remedy) == ("", 0, "", "")


def test_complaint_names_the_handler_of_several_that_is_at_fault():
    functions = {"on_first": kernels.allowed, "on_second": kernels.np_zeros}
    text = (
        "No implementation of function Function(<built-in function zeros>) found for signature:\n \n >>> zeros(Literal[int](3))\n"
        f"During: typing of call at {kernels.__file__} ({kernels.np_zeros.__code__.co_firstlineno + 1})\n"
        "During: resolving callee type: type(CPUDispatcher(<function np_zeros at 0x7f3a3f299c60>))\n"
    )
    error = complaint("core", functions, text)
    assert (error.handler, error.line) == ("second", kernels.np_zeros.__code__.co_firstlineno + 1)
    assert error.source == "a = np.zeros(3)  # here"


def test_of_handlers_whose_functions_have_one_name_the_one_at_fault_is_named(tmp_path):
    fine, faulty = tmp_path / "fine.py", tmp_path / "faulty.py"
    fine.write_text("def on_event(event):\n    event['b'] = event['a']\n")
    faulty.write_text("import threading\nlock = threading.Lock()\ndef on_event(event):\n    if lock:\n        event['c'] = 1.0\n")
    handlers = []
    for file in (fine, faulty):
        space = {"__name__": "__main__"}
        exec(compile(file.read_text(), str(file), "exec"), space)
        handlers.append(handler(space["on_event"], name=file.stem))
    graph = Disruptor([("a", "f8"), ("b", "f8"), ("c", "f8")], 64, placement=[thread("fine", "faulty")]).then(handlers[0]).then(handlers[1])
    with pytest.raises(CompileError) as caught:
        graph.start()
    assert (caught.value.handler, Path(caught.value.path).name, caught.value.line) == ("faulty", "faulty.py", 4)


def test_handler_without_a_file_is_reported_without_its_line():
    space = {}
    exec("def made(event, state):\n    state['count'] = [1, 2][0] + event['nix']\n", space)
    with pytest.raises(CompileError, match=r"^handler 'made' cannot be compiled: field 'nix' is not in the record \(a\)") as caught:
        run(space["made"], {"a": np.zeros(2)}, state=[("count", "i8")])
    assert caught.value.source == ""


def test_the_graph_reports_alike():
    with pytest.raises(CompileError) as caught:
        Disruptor(kernels.FIELDS, slots=64).then(kernels.plain_helper_called_without_state).__enter__()
    assert re.search(r"'plain_helper' is a plain Python function\n  at .*kernels_mistakes.py:\d+:  .*# here\n  instead: put", str(caught.value))


def test_the_document_lists_every_message_with_its_remedy():
    rows = [line.split(" | ") for line in DOCUMENT.read_text().splitlines() if line.startswith("| ")]
    listed = {(row[1], row[2].removesuffix(" |")) for row in rows if len(row) == 3}
    assert [name for name, texts in MISTAKES.items() if texts not in listed] == []
