// The reference in Java: the LMAX Disruptor on the same work. Started by lmax.py; works with Disruptor 3.4 and 4.
//
// One command per line: kind slots batch count seed wait gap_ns cpu,cpu,...   One answer per line: ns sum [p50 p99 p999 max].
// Records of eight longs, written and summed; word k of record s is seed + s + k. Every thread pins itself with taskset.
import com.lmax.disruptor.*;
import com.lmax.disruptor.dsl.Disruptor;
import com.lmax.disruptor.dsl.ProducerType;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ThreadFactory;

public final class Lmax {
    static final class Record { long w0, w1, w2, w3, w4, w5, w6, w7; }

    static void write(Record r, long v) {
        r.w0 = v; r.w1 = v + 1; r.w2 = v + 2; r.w3 = v + 3; r.w4 = v + 4; r.w5 = v + 5; r.w6 = v + 6; r.w7 = v + 7;
    }

    static long sum(Record r) { return r.w0 + r.w1 + r.w2 + r.w3 + r.w4 + r.w5 + r.w6 + r.w7; }

    static void pin(int cpu) {
        try {
            String tid = Files.readSymbolicLink(Path.of("/proc/thread-self")).getFileName().toString();
            Process p = new ProcessBuilder("taskset", "-cp", Integer.toString(cpu), tid).redirectErrorStream(true).start();
            p.getInputStream().readAllBytes();
            if (p.waitFor() != 0) throw new IllegalStateException("taskset failed for core " + cpu);
        } catch (java.io.IOException | InterruptedException e) { throw new IllegalStateException(e); }
    }

    /** Threads that pin themselves to the next core of the list before they run. */
    static final class Pinned implements ThreadFactory {
        final int[] cpus; int next; final CountDownLatch there;
        Pinned(int[] cpus, int first, int threads) { this.cpus = cpus; next = first; there = new CountDownLatch(threads); }
        public Thread newThread(Runnable work) {
            int cpu = cpus[next++ % cpus.length];
            Thread t = new Thread(() -> { pin(cpu); there.countDown(); work.run(); });
            t.setDaemon(true);
            return t;
        }
    }

    /** Sums every record; at the last one stops the clock. */
    static final class Sums implements EventHandler<Record> {
        final long last; final CountDownLatch done; long sum, end;
        Sums(long last, CountDownLatch done) { this.last = last; this.done = done; }
        public void onEvent(Record r, long sequence, boolean endOfBatch) {
            sum += Lmax.sum(r);
            if (sequence == last) { end = System.nanoTime(); done.countDown(); }
        }
    }

    /** The two steps before the last in pipeline and diamond: each writes a word of its own. */
    static final class First implements EventHandler<Record> {
        public void onEvent(Record r, long sequence, boolean endOfBatch) { r.w6 = r.w0 + r.w1; }
    }
    static final class Second implements EventHandler<Record> {
        final boolean after;
        Second(boolean after) { this.after = after; }
        public void onEvent(Record r, long sequence, boolean endOfBatch) { r.w7 = (after ? r.w6 : r.w0) + r.w2; }
    }

    static WaitStrategy strategy(String name) {
        switch (name) {
            case "busy-spin": return new BusySpinWaitStrategy();
            case "yielding": return new YieldingWaitStrategy();
            case "blocking": return new BlockingWaitStrategy();
            default: throw new IllegalArgumentException(name);
        }
    }

    static void produce(RingBuffer<Record> ring, int batch, long count, long seed) {
        for (long made = 0; made < count; made += batch) {
            long high = ring.next(batch), low = high - batch + 1;
            for (long s = low; s <= high; s++) write(ring.get(s), seed + s);
            ring.publish(low, high);
        }
    }

    static void produceOne(RingBuffer<Record> ring, long count, long seed) {
        for (long made = 0; made < count; made++) {
            long s = ring.next();
            write(ring.get(s), seed + s);
            ring.publish(s);
        }
    }

    static String throughput(String kind, int slots, int batch, long count, long seed, String wait, int[] cpus) throws Exception {
        int producers = kind.equals("three_to_one") ? 3 : 1;
        int handlers = kind.equals("one_to_one") || producers == 3 ? 1 : 3;
        Pinned threads = new Pinned(cpus, producers, handlers);
        Disruptor<Record> d = new Disruptor<>(Record::new, slots, threads, producers == 1 ? ProducerType.SINGLE : ProducerType.MULTI, strategy(wait));
        CountDownLatch done = new CountDownLatch(kind.equals("multicast") ? 3 : 1);
        Sums[] sums = new Sums[kind.equals("multicast") ? 3 : 1];
        for (int i = 0; i < sums.length; i++) sums[i] = new Sums(count - 1, done);
        if (kind.equals("pipeline")) d.handleEventsWith(new First()).then(new Second(true)).then(sums[0]);
        else if (kind.equals("diamond")) d.handleEventsWith(new First(), new Second(false)).then(sums[0]);
        else d.handleEventsWith(sums);
        RingBuffer<Record> ring = d.start();
        threads.there.await();
        CountDownLatch ready = new CountDownLatch(producers), go = new CountDownLatch(1);
        Thread[] makers = new Thread[producers];
        for (int i = 0; i < producers; i++) {
            int cpu = cpus[i % cpus.length];
            makers[i] = new Thread(() -> {
                pin(cpu);
                ready.countDown();
                try { go.await(); } catch (InterruptedException e) { return; }
                if (batch == 1) produceOne(ring, count / producers, seed); else produce(ring, batch, count / producers, seed);
            });
            makers[i].start();
        }
        ready.await();
        long begin = System.nanoTime();
        go.countDown();
        done.await();
        long end = begin, total = 0;
        for (Sums s : sums) { end = Math.max(end, s.end); total += s.sum; }
        for (Thread maker : makers) maker.join();
        d.halt();
        return (end - begin) + " " + total;
    }

    static final class Pong implements EventHandler<Record> {
        final RingBuffer<Record> out;
        Pong(RingBuffer<Record> out) { this.out = out; }
        public void onEvent(Record in, long sequence, boolean endOfBatch) {
            long s = out.next();
            Record r = out.get(s);
            r.w0 = in.w0; r.w1 = in.w1; r.w2 = in.w2; r.w3 = in.w3; r.w4 = in.w4; r.w5 = in.w5; r.w6 = in.w6; r.w7 = in.w7;
            out.publish(s);
        }
    }

    static final class Ping implements EventHandler<Record> {
        final RingBuffer<Record> out; final long[] samples; final long seed, gap; final CountDownLatch done = new CountDownLatch(1);
        long sent, sum;
        Ping(RingBuffer<Record> out, int count, long seed, long gap) { this.out = out; samples = new long[count]; this.seed = seed; this.gap = gap; }
        void send() {
            sent = System.nanoTime();
            long s = out.next();
            write(out.get(s), seed + s);
            out.publish(s);
        }
        public void onEvent(Record in, long sequence, boolean endOfBatch) {
            long now = System.nanoTime();
            samples[(int) sequence] = now - sent;
            sum += Lmax.sum(in);
            while (System.nanoTime() - now < gap) Thread.onSpinWait();
            if (sequence + 1 < samples.length) send(); else done.countDown();
        }
    }

    static String roundTrip(int slots, int count, long seed, String wait, long gap, int[] cpus) throws Exception {
        Pinned pongThread = new Pinned(cpus, 1, 1), pingThread = new Pinned(cpus, 0, 1);
        Disruptor<Record> there = new Disruptor<>(Record::new, slots, pongThread, ProducerType.SINGLE, strategy(wait));
        Disruptor<Record> back = new Disruptor<>(Record::new, slots, pingThread, ProducerType.SINGLE, strategy(wait));
        Ping ping = new Ping(there.getRingBuffer(), count, seed, gap);
        there.handleEventsWith(new Pong(back.getRingBuffer()));
        back.handleEventsWith(ping);
        there.start();
        back.start();
        pongThread.there.await();
        pingThread.there.await();
        long begin = System.nanoTime();
        ping.send();
        ping.done.await();
        long ns = System.nanoTime() - begin;
        there.halt();
        back.halt();
        long[] x = ping.samples;
        Arrays.sort(x);
        return ns + " " + ping.sum + " " + x[x.length / 2] + " " + x[(int) (x.length * 0.99)] + " " + x[(int) (x.length * 0.999)] + " " + x[x.length - 1];
    }

    /** A consumer that waits for `count` nanoseconds and gets nothing. */
    static String idle(int slots, long ns, String wait, int[] cpus) throws Exception {
        Disruptor<Record> d = new Disruptor<>(Record::new, slots, new Pinned(cpus, 1, 1), ProducerType.SINGLE, strategy(wait));
        d.handleEventsWith(new Sums(-1, new CountDownLatch(1)));
        d.start();
        long begin = System.nanoTime();
        Thread.sleep(ns / 1_000_000);
        ns = System.nanoTime() - begin;
        d.halt();
        return ns + " 0";
    }

    public static void main(String[] arguments) throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            String[] w = line.split(" ");
            int slots = Integer.parseInt(w[1]), batch = Integer.parseInt(w[2]);
            long count = Long.parseLong(w[3]), seed = Long.parseLong(w[4]), gap = Long.parseLong(w[6]);
            int[] cpus = Arrays.stream(w[7].split(",")).mapToInt(Integer::parseInt).toArray();
            String answer;
            if (w[0].equals("round_trip")) answer = roundTrip(slots, (int) count, seed, w[5], gap, cpus);
            else if (w[0].equals("idle")) answer = idle(slots, count, w[5], cpus);
            else answer = throughput(w[0], slots, batch, count, seed, w[5], cpus);
            System.out.println(answer);
        }
    }
}
