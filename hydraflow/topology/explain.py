"""What each diagnostic code means. Codes are stable: a number is never reused, and `hfx explain CODE` prints these texts."""

from __future__ import annotations

__all__ = ["EXPLANATIONS"]

EXPLANATIONS = {
    # the text of the file
    "HF001": "The file is not YAML that a topology can be read from. The parser's own words are shown; a value that holds "
             "': ', ' #', braces or a comma must be quoted.",
    "HF002": "YAML forbids tabs in the indentation. Replace them by spaces.",
    "HF003": "A key is given twice in the same mapping. YAML readers that accept this keep the last one silently.",
    "HF004": "Every topology says `version: 1`, so that a program that does not know its format refuses it instead of "
             "guessing.",
    "HF005": "The file is larger, deeper or more repetitive than any topology: 1 MiB, 32 levels, 20,000 values after aliases "
             "are expanded, 256 stages.",
    "HF006": "A value has the wrong type, for example text where a number belongs.",
    "HF007": "A key that this part of the file does not have. Keys that begin with `x-` are free for your own use.",
    "HF008": "A key is missing that has no default.",
    "HF009": "An environment variable is not set. `${NAME:-default}` gives a default, `${NAME:?message}` a message of your "
             "own.",
    "HF010": "A `${...}` that is not `${NAME}`, `${NAME:-default}`, `${NAME:?message}`, `${file:PATH}` or `${secret:NAME}`. `$$` "
             "stands for a dollar sign.",
    "HF011": "A value lies outside its range, or is not one of the words that are allowed.",
    "HF012": "A file that `include:` names cannot be read. Its path is relative to the file that includes it.",
    "HF013": "Files include each other in a circle.",
    "HF014": "The file whose contents `${file:PATH}` stands for cannot be read, is no text, or has more than 64 KiB.",
    "HF015": "`${secret:NAME}` is the contents of the file NAME in the folder that HYDRAFLOW_SECRETS names or, when that is not "
             "set, the environment variable NAME. Neither is there, or it is empty.",
    "HF016": "Every user of the machine can read the file of a secret: `chmod o-r FILE`.",
    "HF017": "A secret stands where everybody sees it: as a name, a ring, a number of slots. Only parameters, below a stage's "
             "`with:`, may be secrets.",
    "HF018": "The path of a `--set PATH=VALUE` leads nowhere. It is the keys as the file writes them, with dots between; items "
             "of a list are named by their name or index: `--set sources.simulator.with.frames=1000`.",
    # names and order
    "HF101": "Two stages, or two threads, have the same name. Names identify stages in `after`, in placements and in reports.",
    "HF102": "Stages wait for each other in a circle, so none could ever begin. An answer to an earlier stage goes through a "
             "feedback ring.",
    "HF103": "A stage waits for itself.",
    "HF104": "`after` names a stage that does not exist.",
    "HF105": "`after` orders stages that read the same ring. Across rings the order follows from who fills which ring.",
    "HF106": "A ring is named that neither is declared nor has a well-known name (frames, decoded, main, egress, feedback).",
    "HF107": "Without a source nothing ever enters the first ring.",
    "HF108": "A stage reads a ring that nothing writes: it would never get a record.",
    "HF109": "Names of stages begin with a letter, that of the engine with a letter or digit; they hold letters, digits, '_', '-' and '.'; "
             "ring names are Python names; "
             "`sequencer` is the engine's own stage.",
    "HF110": "A ring has one writer. Several writers get a ring each, and the sequencer merges them into one order.",
    "HF111": "Following the rings from writer to reader comes back to the beginning without a feedback edge: when these rings "
             "are full, every stage waits for another.",
    "HF112": "Two stages touch the same field of a record, at least one writes it, and neither waits for the other: which one "
             "is first would be chance.",
    "HF113": "One ring has `sequence:`; there all that changes state gets one order. `feedback:` belongs to that ring.",
    "HF114": "A ring without a reader: its records are dropped.",
    "HF115": "A stage that drains a ring itself (`from:`) must come after the stage that fills it, or what it finds there would "
             "depend on timing.",
    "HF116": "The sequencer knows that a ring will get no more when its decoder and that decoder's source are done: source → "
             "frames → decoder → ring.",
    "HF117": "`on_error: continue` is about the journal's disk. Other stages have halt (a fault ends the run), skip (the message is "
             "passed by) and park (the stage handles nothing more).",
    "HF118": "Without a handler nothing is done with what the sources bring.",
    "HF119": "Stages or instruments stand in a section that is not theirs: the line that begins their own is missing or moved.",
    "HF120": "A handler publishes into a feedback ring that no ring with `sequence:` names under `feedback:`, so nobody gets its answers.",
    # timers and live parameters
    "HF130": "The period of a stage's timer is a duration with its unit, from 1us to 24h: `every: 100ms`.",
    "HF131": "A stage with `every:` needs a handler that declares what to do then: @handler(on_timer=function).",
    "HF132": "Timers come in the order of the sequenced ring, so only a stage on that ring can have one.",
    "HF133": "A handler's on_timer or on_params is a function whose arguments are names that the handler itself may ask for.",
    "HF134": "Only parameters that their class marks with metadata {\"live\": True}, of stages on the sequenced ring, change while the "
             "engine runs; others shape memory or code, or have no place in the order.",
    "HF135": "A change of parameters names a stage that the running engine does not have.",
    "HF136": "A change of a running engine's parameter is written STAGE.PARAMETER=VALUE: risk.max_position=5.",
    "HF137": "The handler has a timer, and nothing says how often: its on_timer is never called. Add `every:` to the stage.",
    "HF138": "A live parameter is a number or a flag: texts, paths and lists are for Python only, and not in the record that a "
             "running handler reads.",
    "HF139": "A timer is one message; the shards of a stage (`replicas:`) would all handle it at once.",
    # notes and faults
    "HF140": "A handler calls `note(CODE, …)` with a code that it does not declare, without the numbers that the code's text "
             "shows, or with a code that is no constant text. Codes are declared by the handler: @handler(notes={\"CODE\": "
             "\"text {a}, {b}\"}).",
    "HF141": "A stage whose faults cannot be passed by: it publishes orders or what became of them, drains a ring itself, stands in the "
             "middle of an order, or keeps a state that a left-out message would make untrue. Its fault ends the run.",
    "HF142": "A fault that is passed by makes the stage's own fields of that message zero. A field that another stage writes too "
             "would lose what that one wrote.",
    # rings
    "HF201": "Slots are found by masking a sequence, so their number is a power of two.",
    "HF202": "This record has a variable part (bytes of a frame, levels of a book), which needs a payload ring.",
    "HF203": "This record has no variable part.",
    "HF204": "A payload ring is a power of two of units and fills whole pages of 4,096 bytes, for it is mapped twice.",
    "HF205": "Nothing ever waits on a feedback ring, so it must hold the answers to every message that the sequenced ring can "
             "hold: its slots × max_out.",
    "HF206": "A handler is called only when there is room for all that it may publish; with a smaller ring that never happens.",
    "HF207": "A ring holds records of another kind than its writer or reader works with.",
    # components and parameters
    "HF301": "`use:` names no known component. Short names are listed by the message; anything importable is written "
             "package.module:name, a file beside the topology ./file.py:name.",
    "HF302": "The module that `use:` names cannot be imported.",
    "HF303": "What `use:` names is not a handler (or not a source).",
    "HF304": "The component has no parameter of this name.",
    "HF305": "A parameter has the wrong type or unit.",
    "HF306": "A parameter lies outside its range.",
    "HF307": "A parameter is missing that has no default.",
    "HF308": "The component itself refuses this combination of parameters.",
    "HF309": "A handler publishes only into outputs that it declares with `max_out`.",
    "HF310": "A handler's argument is neither one that every handler may ask for nor an inlet (`from:`) nor an output.",
    "HF311": "A handler declares an output that the topology does not connect.",
    "HF312": "A module was still being imported when the patience with it ended (HYDRAFLOW_IMPORT_SECONDS, 120): it loops, waits or computes "
             "at import. It is stopped, and what it does belongs into functions, or under `if __name__ == \"__main__\":`.",
    "HF313": "numba, llvmlite or numpy cannot be imported, most often because two of them do not fit together. `hfx doctor` looks closer.",
    # what handlers touch and do
    "HF330": "An access whose field is not known before the handler runs: `event[name]` with a computed name, a record that is kept in a "
             "list or handed to code that cannot be read. It counts as a read and a write of every field, until the handler declares "
             "what it touches: `@handler(reads=(…), writes=(…))`.",
    "HF331": "A stage reads a field, and every stage that writes it comes later. It sees the zero that the record began with, in every run: no race, but hardly what was meant.",
    "HF332": "A compiled handler never allocates: it would wait for the allocator in the middle of the flow, and compiling it fails. The "
             "line is named, and what to write instead.",
    "HF333": "A handler reads a clock, so a replay would decide otherwise. Time is `event[\"receive_ns\"]`; who needs to be woken has "
             "a timer. A Python handler that neither writes fields nor publishes may.",
    "HF334": "A handler draws random numbers, so a replay would decide otherwise. disruptor.random has numbers that follow from a key in "
             "the parameters and a counter in the state.",
    "HF335": "Two stages share an object (a global of a module, the object whose methods they are, a table that all stages see), one of "
             "them changes it, and nothing orders the two. Across rings nothing ever does.",
    "HF336": "Parameters belong to the file, and to whoever changes them while it runs. What a handler changes itself is its state.",
    "HF337": "The handler's source touches a field that its declaration, `reads=` or `writes=`, leaves out. What is declared counts in the "
             "proof, so it has to be all of it.",
    "HF338": "Two stages that say `after: auto` write the same field. Which one is first decides what the others see, so the file has to "
             "say it: `after: [auto, first]`.",
    "HF339": "An `after` that orders nothing: another one says it already, or no two stages that it orders have a field, an order line, a "
             "payload or a ring in common. It may go, and may stay.",
    "HF340": "What handlers touch is kept on disk, so that the next check need not look again. That cannot be read or written now; the "
             "check is complete, and slower.",
    "HF341": "With `after: auto` a stage comes after the writers of what it reads; here that goes round in a circle.",
    "HF342": "The records of this ring have no field of this name.",
    "HF343": "The input part of a message is what the sequencer published and the journal holds; no handler may change it.",
    # placement
    "HF401": "An explicit placement names every stage, the sequencer too.",
    "HF402": "A placement names something that is not a stage.",
    "HF403": "A stage runs on exactly one thread.",
    "HF404": "The affinity mask of this process (taskset, cgroup cpuset) does not contain that core.",
    "HF405": "Two threads that spin on one core stop each other for whole time slices of the kernel.",
    "HF406": "A spinning thread without a core of its own is moved about by the kernel.",
    "HF407": "A Python handler needs the GIL; compiled stages on its thread would stop whenever Python does.",
    "HF410": "A thread does one thing when there is nothing to do. The stages that share it, and its own `wait:`, must ask for the "
             "same, or be on different threads.",
    "HF411": "A Python handler sleeps between looks at its ring: a loop that spins in Python would keep the GIL from all other "
             "Python threads.",
    "HF412": "`replicas: 1` divides nothing; it is what a stage without `replicas:` is.",
    "HF413": "`replicas: n` and `by: field` belong together: the field's value modulo n is the number of the shard that owns a "
             "record.",
    "HF414": "There is one of it, or several would not run beside each other: a source, the sequencer of a ring, the journal, a Python "
             "handler.",
    "HF415": "Records are divided `by:` a whole-number field that they have; a fraction or an array has no remainder.",
    "HF416": "All shards must see the same key in a record, and one that means something: an input of the ring, or a field that is "
             "written by stages in `after:` and by nobody else.",
    "HF417": "Shards run beside each other, so the order in which they publish into a ring would be chance. They write fields of "
             "the record; one stage after them publishes, in the order of the ring.",
    "HF420": "`priority:` is for real-time threads, scheduler fifo and rr, which need one; `nice:` is for all others.",
    "HF421": "A real-time thread that never sleeps is never put aside, not even for the kernel's own work on its core: interrupts that "
             "are finished there, the disk's among them, wait until the kernel steps in (stalls of 0.95 s). So it spins on an isolated core, "
             "which has no such work, or it sleeps: `wait: blocking`.",
    "HF422": "The memory of a thread's stages can lie on a NUMA node that this machine has.",
    # instruments
    "HF501": "An instrument is declared twice.",
    "HF502": "A symbol, tick, lot or address that cannot be represented exactly.",
    "HF503": "A pool trades against an exchange instrument, whose tick and lot it shares.",
    "HF504": "A pool has no tick and lot of its own.",
    "HF505": "Nothing says what is traded, or what a tick and a lot of it are: neither `instruments:`, nor the source, nor the "
             "decimals in a capture.",
    "HF785": "A lot so fine that an order, which holds at most 2^40 lots, is less than one whole unit of the base currency. Tokens count "
             "in steps of 10^-18; a lot need not: it is what quantities are counted in here, in frames and in orders.",
    # tests
    "HF601": "Tests are told apart by their names.",
    "HF602": "The input of a test is text with lines `<receive ns> <json>`, or one of {lines: …}, {file: …} and {simulator: …}. "
             "Files are relative to the folder of the topology file.",
    "HF603": "A test speaks of a handler, counter, reason, latency or field that the topology, or the record, does not have.",
    "HF604": "An expectation that cannot be compared. Numbers are `5`, or text with a sign: '>= 5', '> 0', '!= 0', '3..7'.",
    # records and sources of one's own
    "HF560": "A ring's `record:` names something that its module or file does not have. It is ./file.py:NAME, package.module:NAME, or a "
             "short name that an installed package offers (entry points of the group hydraflow.records).",
    "HF561": "A record is a list of fields, READING = [(\"station\", \"i8\"), (\"celsius\", \"f8\")], or a structured numpy dtype: numbers "
             "and fixed sub-arrays, no Python objects, no gaps between fields.",
    "HF562": "A record has at most 64 KiB, a ring at most 16 GiB.",
    "HF563": "A ring of own records has a payload only where its record says which part of it is its own: fields payload_position and "
             "payload_count.",
    "HF564": "A Python generator yields records; frames and payload are bytes that a compiled step brings.",
    "HF565": "A compiled source publishes through an argument: `frames` into a ring of frames, `records` or the ring's own name into a ring "
             "of own records.",
    "HF566": "Journal, order lines and the table of instruments belong to messages. On a ring of own records they are not there.",
    "HF567": "A ring of own records that a handler drains itself (`from:`) comes as the argument of that name.",
    "HF568": "A literal record of a test that the ring of its source cannot hold, or a .npy file with other records.",
    "HF569": "`expect: {rings: …}` speaks of a ring whose records are the topology's own, and of fields that they have.",
    # what a run left
    "HF650": "`hydraflow.open_run` was given something that is no run. It takes the JSON of `hfx run --json`, a journal's folder, an "
             "engine's .cnc file, a file of `--record`, or a folder with any of these.",
    "HF651": "What was asked for is not there: nobody recorded it and there is no journal; or a folder holds several runs, so that one "
             "must be named.",
    "HF652": "Orders and books that were not recorded come from a replay of the journal, which failed for the reason that is shown: "
             "damage, a handler that is not there any more, a secret that must be set again.",
    "HF653": "An optional library is missing. `to_pandas` needs pandas, `to_arrow` needs pyarrow: `pip install 'hydraflow-x[pandas]'`, "
             "`pip install 'hydraflow-x[arrow]'`.",
    "HF654": "A recorded file is damaged, cut off, or of another version of this program. The journal, where there is one, holds the "
             "same.",
    "HF655": "`numbers=` is 'float', 'decimal' or 'ticks'. The first two need to know what a tick and a lot are: from the journal, the "
             "report, or the decimals of recorded JSON lines.",
    # left-over files
    "HF660": "`hfx clean` does not ask where nobody can answer: without a terminal it wants `--yes`, or `--dry-run` to look only.",
    "HF661": "An age is a number with a unit: `90s`, `15m`, `12h`, `30d`, `4w`.",
    # rings of own records, of several sources
    "HF860": "A handler drains a ring (`from:`) whenever its own ring brings a record. Where another source fills that ring, what is there "
             "depends on timing: two runs may differ. And when the handler's own ring ends first, nobody takes the rest, "
             "and the run does not end. One source that yields both puts them into one order.",
}
