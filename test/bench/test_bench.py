#!/usr/bin/python3
"""Every load of rookery-bench against its null server for half a second, and a liar as server.

A generator that works is one whose counts are right: each run must have answers, no errors, nothing wrong
or unanswered, percentiles in order, and valid JSON. A generator that can be lied to is worse than none: a
server that answers wrongly must be found out.

usage: test_bench.py [BUILD]        (default: build)
"""
import json
import os
import socket
import struct
import subprocess
import sys
import tempfile
import threading

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(ROOT, "test", "blackbox"))
import zkharness as zk  # noqa: E402

BENCH = os.path.join(ROOT, sys.argv[1] if len(sys.argv) > 1 else os.environ.get("BUILD", "build"),
                     "rookery-bench")
HALF = ("--warmup", "0.1", "--duration", "0.5")


class Null:
    def __init__(self, *options):
        self.process = subprocess.Popen([BENCH, "--null", "--port", "0", *options],
                                        stdout=subprocess.PIPE, preexec_fn=zk._die_with_parent)
        line = self.process.stdout.readline().decode()
        zk.check("127.0.0.1:" in line, "the null server says %r" % line)
        self.port = int(line.rsplit(":", 1)[1])
        self.pid = self.process.pid

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        status = self.process.wait(10)
        self.process.stdout.close()
        zk.check_equal(status, 0, "exit status of the null server")


def bench(port, *options, status=0, pid=None):
    command = [BENCH, *options, "--server", "127.0.0.1:%d" % port, "--json", "-"]
    command += ["--pid", str(pid)] if pid else []
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60,
                          check=False)
    zk.check_equal(done.returncode, status, "exit status of %s\n%s%s" % (" ".join(command), done.stdout,
                                                                        done.stderr))
    zk.check("\r" not in done.stderr, "a progress line, though there is no terminal")
    return json.loads(done.stdout) if done.stdout else None


def check_good(result, least_ops=10):
    zk.check(result["ops"] >= least_ops, "only %d operations" % result["ops"])
    zk.check_equal(result["errors"], {}, "errors")
    zk.check_equal((result["wrong"], result["lost_connections"], result["unanswered"]), (0, 0, 0),
                   "wrong, lost, unanswered")
    zk.check(result["good"], "not good")
    latency = result["latency_us"]
    order = [latency[k] for k in ("min", "p50", "p95", "p99", "p99.9", "max")]
    zk.check(order == sorted(order) and order[0] > 0, "percentiles %s" % order)
    zk.check(latency["min"] <= latency["mean"] <= latency["max"], "mean of %s" % latency)
    seconds = result["seconds"]
    zk.check(abs(result["ops_per_s"] * seconds - result["ops"]) <= 0.01 * result["ops"] + 1, "rate")


def test_load(null, load, *options):
    result = bench(null.port, load, *options, *HALF, pid=null.pid)
    check_good(result)
    zk.check_equal(result["load"], load, "load")
    zk.check(0.4 <= result["seconds"] <= 5, "half a second took %s" % result["seconds"])
    zk.check(result["server"]["cpu_us_per_op"] > 0, "no CPU of the server")
    zk.check(result["server"]["rss_bytes"] > 100000, "no memory of the server")


def test_count(null):
    result = bench(null.port, "set", "--count", "1234", "--connections", "3")
    check_good(result)
    zk.check_equal(result["ops"], 1234, "operations")
    zk.check_equal(result["latency_us"]["count"], 1234, "latencies")


def test_rate(null):
    result = bench(null.port, "get", "--rate", "2000", *HALF)
    check_good(result)
    zk.check(600 <= result["ops"] <= 1100, "%d operations in half a second at 2000/s" % result["ops"])


def test_watch(null):
    result = bench(null.port, "watch", "--connections", "50", "--count", "20", "--warmup", "0")
    check_good(result)
    zk.check_equal((result["rounds"], result["ops"]), (20, 1000), "rounds and events")
    zk.check(result["round_max_us"] >= result["latency_us"]["max"] * 0.98, "a round ends with its last event")


def test_idle(null):
    result = bench(null.port, "idle", "--connections", "100", *HALF, pid=null.pid)
    check_good(result)
    zk.check_equal(result["ops"], 100, "sessions")
    zk.check("rss_per_session_bytes" in result, "no memory per session")


def test_two_servers(first, second):
    command = [BENCH, "get", *HALF, "--json", "-", "--server",
               "127.0.0.1:%d,127.0.0.1:%d" % (first.port, second.port)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=60, check=True)
    result = json.loads(done.stdout)
    check_good(result)
    zk.check_equal(result["servers"], 2, "servers")


def test_durable(folder, log):
    name = os.path.join(folder, "log-" + log)
    with Null("--null-file", name, "--null-log", log) as null:
        for load in ("set", "mix50", "create", "storm", "watch"):
            result = bench(null.port, load, *HALF, pid=null.pid)
            check_good(result)
            if load == "set":
                with open(name, "rb") as f:
                    zk.check(b"/bench/k0000000" in f.read(), "no records in the file")
        zk.check_equal(os.path.getsize(name), 64 << 20, "size of the preallocated file")


def test_raw_sync(folder):
    done = subprocess.run([BENCH, "--raw-sync", os.path.join(folder, "raw"), "--count", "20", "--json", "-"],
                          stdout=subprocess.PIPE, text=True, timeout=60, check=True)
    result = json.loads(done.stdout)
    check_good(result)
    zk.check_equal(result["ops"], 20, "operations")


def test_nobody_there():
    port = zk.free_port()
    zk.check_equal(bench(port, "get", status=1), None, "output")


def test_unknown_pid(null):
    zk.check_equal(bench(null.port, "get", "--pid", str(2**31 - 1), *HALF, status=1), None, "output")


class Liar:
    """Shakes hands, then answers every request with what `lie` makes of its xid and operation."""

    def __init__(self, lie):
        self.lie = lie
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(sock,), daemon=True).start()

    def serve(self, sock):
        stream = sock.makefile("rb")
        try:
            stream.read(struct.unpack(">i", stream.read(4))[0])
            self.send(sock, struct.pack(">iiqi", 0, 30000, 1, 16) + bytes(17))
            while True:
                head = stream.read(4)
                if len(head) < 4:
                    return
                xid, op = struct.unpack(">ii", stream.read(struct.unpack(">i", head)[0])[:8])
                self.send(sock, self.lie(xid, op))
        except (OSError, struct.error):
            pass
        finally:
            sock.close()

    @staticmethod
    def send(sock, payload):
        sock.sendall(struct.pack(">i", len(payload)) + payload)


def right_get(xid, zxid=5, data=b"a", length=1):
    stat = struct.pack(">qqqqiiiqiiq", 1, 1, 1, 1, 0, 0, 0, 0, length, 0, 1)
    return struct.pack(">iqii", xid, zxid, 0, len(data)) + data + stat


def test_liar(lie, wrong):
    """What it does wrong comes to light: the exit status says it and `wrong` names it."""
    liar = Liar(lie)
    result = bench(liar.port, "get", "--size", "1", "--connections", "1", "--outstanding", "2", "--no-prepare",
                   "--count", "5", status=0 if wrong is None else 1)
    liar.listener.close()
    if wrong is None:
        check_good(result, 5)
    else:
        zk.check(result["wrong"] > 0 and wrong in result["wrong_first"], "%s" % result)


def test_errors_are_counted():
    liar = Liar(lambda xid, op: struct.pack(">iqi", xid, 5, -101))
    result = bench(liar.port, "get", "--connections", "1", "--no-prepare", "--count", "7", status=1)
    liar.listener.close()
    zk.check_equal(result["errors"], {"NO_NODE -101": 7}, "errors")
    zk.check_equal(result["ops"], 0, "operations")


def main():
    suite = zk.Suite("bench")
    if not os.access(BENCH, os.X_OK):
        suite.fail("rookery-bench", "%s is not built" % BENCH)
        return suite.finish()
    with tempfile.TemporaryDirectory(prefix="rookery-test-bench-") as folder, Null() as null, Null() as other:
        for load in ("get", "set", "create", "exists", "children", "ping", "mix0", "mix10", "mix100", "storm"):
            suite.run("load %s" % load, test_load, null, load)
        suite.run("storm without closing", test_load, null, "storm", "--no-close")
        suite.run("deep pipelines", test_load, null, "get", "--connections", "2", "--outstanding", "1000")
        suite.run("count", test_count, null)
        suite.run("rate", test_rate, null)
        suite.run("watch fan-out", test_watch, null)
        suite.run("idle sessions", test_idle, null)
        suite.run("two servers", test_two_servers, null, other)
        suite.run("process that is not there", test_unknown_pid, null)
        suite.run("durable null server, loop", test_durable, folder, "loop")
        suite.run("durable null server, thread", test_durable, folder, "thread")
        suite.run("raw sync", test_raw_sync, folder)
        for size in ("0", "5000"):
            with Null("--size", size) as sized:
                suite.run("values of %s bytes" % size, test_load, sized, "mix50", "--size", size)
    suite.run("no server", test_nobody_there)
    suite.run("an honest server passes", test_liar, lambda xid, op: right_get(xid), None)
    suite.run("wrong data", test_liar, lambda xid, op: right_get(xid, data=b"b"), "data")
    suite.run("short data", test_liar, lambda xid, op: right_get(xid, data=b""), "length")
    suite.run("wrong length in the Stat", test_liar, lambda xid, op: right_get(xid, length=2), "Stat")
    suite.run("wrong xid", test_liar, lambda xid, op: right_get(xid + 1), "another request")
    suite.run("zxid going back", test_liar, lambda xid, op: right_get(xid, zxid=100 - xid), "zxid")
    suite.run("events nobody asked for", test_liar, lambda xid, op: right_get(-1), "event")
    suite.run("frames too short", test_liar, lambda xid, op: b"short", "frame")
    suite.run("errors are counted by code", test_errors_are_counted)
    return suite.finish()


if __name__ == "__main__":
    sys.exit(main())
