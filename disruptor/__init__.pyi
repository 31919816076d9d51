# ruff: noqa
# Made by tools/make_stub.py.
from disruptor.barrier import SequenceBarrier as SequenceBarrier
from disruptor.broadcast import Broadcast as Broadcast, BroadcastReceiver as BroadcastReceiver, broadcast_join as broadcast_join, broadcast_next as broadcast_next, broadcast_send as broadcast_send, broadcast_valid as broadcast_valid
from disruptor.byte_consumer import bytes_heartbeat as bytes_heartbeat, bytes_next as bytes_next, bytes_put_back as bytes_put_back, bytes_release as bytes_release, bytes_rewind as bytes_rewind, bytes_size as bytes_size, bytes_unblock as bytes_unblock
from disruptor.byte_layout import BytePort as BytePort
from disruptor.byte_producer import bytes_abort as bytes_abort, bytes_claim as bytes_claim, bytes_commit as bytes_commit, bytes_correlation as bytes_correlation, bytes_room as bytes_room, bytes_write as bytes_write, bytes_write_many as bytes_write_many
from disruptor.byte_ring import Action as Action, ByteRing as ByteRing, Claim as Claim
from disruptor.claims import release_upto as release_upto
from disruptor.clock import Calibration as Calibration, calibrate as calibrate, hiccups as hiccups
from disruptor.compiled import compiled as compiled, entry as entry
from disruptor.counters import CounterFile as CounterFile, CounterReader as CounterReader, counter_path as counter_path, set_control as set_control
from disruptor.digest import fold as fold, fold_float as fold_float
from disruptor.dsl import Disruptor as Disruptor
from disruptor.errors import Alerted as Alerted, CapacityError as CapacityError, CompileError as CompileError, CounterFileError as CounterFileError, DamagedMessage as DamagedMessage, DisruptorError as DisruptorError, ForkError as ForkError, GraphError as GraphError, HandlerError as HandlerError, InsufficientCapacity as InsufficientCapacity, LayoutError as LayoutError, LogError as LogError, MemoryMapError as MemoryMapError, OwnerGone as OwnerGone, Rewind as Rewind, SharedRingError as SharedRingError, WaitTimeout as WaitTimeout
from disruptor.faults import ExceptionHandler as ExceptionHandler, FatalExceptionHandler as FatalExceptionHandler, IgnoreExceptionHandler as IgnoreExceptionHandler
from disruptor.handler import Handler as Handler, handler as handler
from disruptor.layout import record_dtype as record_dtype
from disruptor.lossy import Finding as Finding, check_stores as check_stores
from disruptor.memory import Mapping as Mapping, runtime_folder as runtime_folder
from disruptor.node import ProcessorFactory as ProcessorFactory, into as into
from disruptor.note_file import Note as Note, NoteFile as NoteFile, NoteLane as NoteLane, NoteReader as NoteReader
from disruptor.notes import note as note
from disruptor.observer import Observer as Observer
from disruptor.placing import thread as thread
from disruptor.poller import EventPoller as EventPoller, PollState as PollState
from disruptor.processor import BatchEventProcessor as BatchEventProcessor
from disruptor.rate import RATE as RATE, RateLimit as RateLimit, rate_set as rate_set, rate_take as rate_take, rate_tokens as rate_tokens, rate_wait as rate_wait
from disruptor.rcu import rcu_edit as rcu_edit, rcu_publish as rcu_publish, rcu_slot as rcu_slot, rcu_slots as rcu_slots, rcu_words as rcu_words
from disruptor.rcu_table import Rcu as Rcu, RcuReader as RcuReader
from disruptor.record import Record as Record
from disruptor.review import review as review
from disruptor.rewind import EventuallyGiveUp as EventuallyGiveUp, PauseRewind as PauseRewind, REWIND as REWIND, RewindAction as RewindAction, RewindStrategy as RewindStrategy, SimpleRewind as SimpleRewind
from disruptor.ring import Inlet as Inlet, Port as Port, Ring as Ring
from disruptor.ring_buffer import RingBuffer as RingBuffer
from disruptor.seqlock import Seqlock as Seqlock, seqlock_read as seqlock_read, seqlock_words as seqlock_words, seqlock_write as seqlock_write
from disruptor.sequence import FixedSequenceGroup as FixedSequenceGroup, Sequence as Sequence, SequenceGroup as SequenceGroup
from disruptor.sequencer import Sequencer as Sequencer
from disruptor.single_producer import claim as claim, payload_claim as payload_claim, payload_index as payload_index
from disruptor.stealing import Spawn as Spawn, task_push as task_push, task_room as task_room
from disruptor.stealing_pool import StealingPool as StealingPool
from disruptor.threads import PinnedThread as PinnedThread
from disruptor.wait import Wait as Wait
from disruptor.waiting import WaitStrategy as WaitStrategy
