#!/usr/bin/python3
"""Apache ZooKeeper and Rookery side by side: the same bytes to both, every byte back compared.

    test_differential.py                       everything, as `make test` runs it
    test_differential.py --only reattach       the scripts of that name (part of it is enough)
    test_differential.py --seed 7 --count 1    random streams from that seed on, nothing else
    test_differential.py --against apache      Apache against itself: no difference is excused
    test_differential.py --against alt         Apache of another version ($ZK_ALT_CLASSPATH)

Three parts: the test of this test (Apache against Apache must show nothing; a changed, lost,
doubled or swapped frame must show), the scripts, the random streams.  A difference prints the
seed, the step, the requests, both answers decoded and raw, and the steps before it.  The
differences that are kept stand in rules.py and docs/compatibility.md.
"""

import argparse
import os
import re
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import randoms
import rules
import scripting
import twin
import zkharness as zk
import zkwire as w
import scripts_nodes        # each of these registers its scripts
import scripts_acl
import scripts_multi
import scripts_watch
import scripts_session

REFERENCE = 'apache'
STREAM_STEPS = 150
DEFAULT_SEED, DEFAULT_COUNT = 1, 60
COMPATIBILITY = os.path.join(zk.ROOT, 'docs', 'compatibility.md')


class Lab:
    """The pairs of servers in use, one for each configuration, started when first needed."""

    def __init__(self, suite, against):
        self.suite, self.against = suite, against
        self.rules = () if against == REFERENCE else rules.RULES
        self.pairs = {}

    def pair(self, config):
        if config not in self.pairs:
            pair = twin.Pair((REFERENCE, self.against), self.rules, **scripting.CONFIGS[config])
            self.pairs[config] = pair
        pair = self.pairs[config]
        if not pair.is_started:
            pair.start()
        return pair

    def run(self, name, config, fn, *args, label=None):
        """Run one comparison; after a difference the servers are out of step: start anew."""
        try:
            pair = self.pair(config)
        except zk.Skipped as e:
            self.suite.skip(name, e)
            return False
        except zk.ServerFailed as e:
            self.suite.fail(name, e, servers=[])
            return False
        pair.label = label or name
        passed = self.suite.run(name, fn, pair, *args, servers=pair.servers)
        if passed:
            pair.drop_twins()
        else:
            pair.close()
        return passed

    def close(self):
        for pair in self.pairs.values():
            pair.close()

    @property
    def totals(self):
        return (sum(p.steps_total for p in self.pairs.values()),
                sum(p.frames_total for p in self.pairs.values()))


# ---------------------------------------------------------------------------------------------
# the test of the test

def a_pair_of_apaches(transcript=None):
    pair = twin.Pair((REFERENCE, REFERENCE), label='self-test', **scripting.CONFIGS['plain'])
    pair.transcript = transcript
    return pair.start()


def must_differ(pair, step, what):
    try:
        step()
    except twin.Difference:
        return
    raise zk.CheckFailed('not seen: %s' % what)


def every_byte_counts():
    """Change each byte of B's answers, one at a time: each change must be seen."""
    transcript = []
    pair = a_pair_of_apaches(transcript)
    try:
        for fn in (scripts_nodes.stat_arithmetic, scripts_acl.get_acl_masks,
                   scripts_multi.multi_success, scripts_multi.multi_failure,
                   scripts_multi.multi_read, scripts_watch.deleted_once_over_two_tables,
                   scripts_nodes.get_ephemerals, scripts_acl.who_am_i):
            fn(pair, '/' + fn.__name__)
        pair.transcript = None
        changed = 0
        for client, reqs, (a, b), is_unordered in transcript:
            for at, payload in enumerate(b):
                if payload == twin.EOF or len(payload) > 400:
                    continue
                for i in range(len(payload)):
                    bad = payload[:i] + bytes([payload[i] ^ (1 << (changed % 8))]) + payload[i + 1:]
                    streams = [list(a), b[:at] + [bad] + b[at + 1:]]
                    must_differ(pair, lambda: pair.compare(client, reqs, streams, is_unordered),
                                'byte %d of %s became %s' % (i, payload.hex(), bad.hex()))
                    changed += 1
        zk.check(changed > 10000, 'only %d bytes were tried' % changed)
    finally:
        pair.close()


def every_byte_of_a_handshake_counts():
    """The session id and the password are bound to each other, the rest is compared.  The two
    high bytes of the id do not enter the password, so a server may choose them."""
    pair = a_pair_of_apaches()
    try:
        for i in range(37):
            if i in (8, 9):
                continue
            pair.fault = lambda side, payload: (
                payload if side == 0 else payload[:i] + bytes([payload[i] ^ 4]) + payload[i + 1:])
            must_differ(pair, pair.open, 'byte %d of a ConnectResponse' % i)
            pair.drop_twins()
    finally:
        pair.close()


def lost_doubled_and_swapped_frames():
    """Faults between server B and the comparison, over live connections."""
    pair = a_pair_of_apaches()

    def scene():
        t, u = pair.open(), pair.open()
        t.create('/x')
        t.get('/x', True)
        t.ls('/x', True)
        pair.fault = fault
        u.send(twin.Req(w.SET_DATA, w.set_data('/x', b'1')),
               twin.Req(w.CREATE, w.create('/x/k')),
               twin.Req(w.GET_DATA, w.path_watch('/x')))
        u.tree('/x')

    def on_event(change):
        return lambda side, p: change(p) if side == 1 and w.is_event(p) else p

    def delayed(side, payload):
        # Swap two events: hold the first back until the second has come.
        if side == 0 or not w.is_event(payload):
            return payload
        held.append(payload)
        return None if len(held) == 1 else held[0]

    try:
        for what, fault in (
                ('an event is lost', on_event(lambda payload: None)),
                ('an event of another kind', on_event(lambda p: p[:19] + b'\2' + p[20:])),
                ('an event of another path', on_event(lambda p: p[:-1] + b'y')),
                ('an event comes later than another', delayed),
                ('a longer reply', lambda side, p: p + b'\0' if side else p),
                ('a shorter reply', lambda side, p: p[:-1] if side else p),
                ('another zxid', lambda side, p: p[:11] + bytes([p[11] ^ 1]) + p[12:] if side
                 else p)):
            held = []
            pair.fault = None
            must_differ(pair, scene, what)
            pair.restart()
    finally:
        pair.close()


def another_configuration_shows():
    """Two Apache servers that are set up differently are told apart."""
    pair = twin.Pair((REFERENCE, REFERENCE), label='self-test')
    pair.start()
    odd = zk.start(REFERENCE, conf={'extendedTypesEnabled': 'true'})
    try:
        pair.sides[1].server.destroy()
        pair.sides[1] = twin.Side(odd)
        t = pair.open()
        must_differ(pair, lambda: t.create_ttl('/ttl'), 'TTL nodes on B only')
    finally:
        pair.close()
        odd.destroy()


def self_test(suite, count):
    """Apache against Apache."""
    possible, why = zk.have(REFERENCE)
    checks = ((every_byte_counts, 'a changed byte is seen'),
              (every_byte_of_a_handshake_counts, 'a changed byte of a handshake is seen'),
              (lost_doubled_and_swapped_frames, 'lost, wrong and swapped frames are seen'),
              (another_configuration_shows, 'another configuration is seen'))
    if not possible:
        for _, name in checks:
            suite.skip('differential self-test: ' + name, why)
        return
    for fn, name in checks:
        suite.run('differential self-test: ' + name, fn)
    lab = Lab(suite, REFERENCE)
    try:
        for seed in range(count):
            lab.run('differential self-test: two Apache servers, seed %d' % seed, 'plain',
                    randoms.stream, seed, STREAM_STEPS)
    finally:
        lab.close()


# ---------------------------------------------------------------------------------------------
# the comparison

def run_scripts(lab, only):
    for name, config, fn in scripting.SCRIPTS:
        if only and only not in name:
            continue
        lab.run('differential %s' % name, config, fn, '/' + name)


def run_streams(lab, seed, count, steps):
    for number in range(seed, seed + count):
        config = 'extended' if number % 3 == 0 else 'plain'
        lab.run('differential random seed %d' % number, config, randoms.stream, number, steps,
                label='seed %d' % number)


def rules_are_narrow(lab):
    """Change each byte of each answer that a rule excused: no rule may excuse that."""
    tried = 0
    for pair in lab.pairs.values():
        for rule, contexts in pair.excused_samples.items():
            for c, side in contexts:
                for i in range(len(c.b)):
                    b = c.b[:i] + bytes([c.b[i] ^ 1]) + c.b[i + 1:]
                    problems = []
                    masked = side.mask(twin._op_of(c.req), b, problems)
                    changed = c._replace(b=b, masked_b=masked)
                    zk.check(problems or not any(r.excuses(changed) for r in pair.rules),
                             'rule %s also excuses %s with byte %d changed'
                             % (rule.name, w.describe_reply(twin._op_of(c.req), b), i))
                    tried += 1
    if not tried:
        raise zk.Skipped('no difference was excused')


def rules_are_used(lab):
    used = set()
    for pair in lab.pairs.values():
        used |= {name for name, count in pair.rules_used.items() if count}
    unused = sorted({rule.name for rule in lab.rules} - used)
    zk.check(not unused, 'rules that excuse nothing any more: %s' % ', '.join(unused))


def rules_are_documented():
    with open(COMPATIBILITY) as f:
        rows = set(re.findall(r'^\| `([a-z0-9-]+)` \|', f.read(), re.M))
    missing = sorted({rule.row for rule in rules.RULES} - rows)
    zk.check(not missing, 'no row in docs/compatibility.md for: %s' % ', '.join(missing))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--against', default='rookery', choices=sorted(zk.KINDS))
    parser.add_argument('--only', help='run only scripts whose name has this')
    parser.add_argument('--seed', type=int)
    parser.add_argument('--count', type=int)
    parser.add_argument('--steps', type=int, default=STREAM_STEPS)
    parser.add_argument('--no-self-test', action='store_true')
    args = parser.parse_args()
    is_whole = args.only is None and args.seed is None and args.count is None

    suite = zk.Suite('differential')
    started = time.monotonic()
    suite.run('differential rules are documented', rules_are_documented)
    if is_whole and not args.no_self_test:
        self_test(suite, 4)
    lab = Lab(suite, args.against)
    try:
        if args.seed is None and args.count is None:
            run_scripts(lab, args.only)
        if args.only is None:
            seed = DEFAULT_SEED if args.seed is None else args.seed
            count = DEFAULT_COUNT if args.count is None else args.count
            run_streams(lab, seed, count, args.steps)
        if lab.rules:
            suite.run('differential rules are narrow', rules_are_narrow, lab, servers=[])
        if lab.rules and is_whole and zk.have(args.against)[0] and not suite.failed:
            suite.run('differential rules are all needed', rules_are_used, lab, servers=[])
        steps, frames = lab.totals
        print('# %s against %s: %d steps, %d frames compared, %.0f s'
              % (REFERENCE, args.against, steps, frames, time.monotonic() - started))
        for name, uses in sorted(sum((p.rules_used for p in lab.pairs.values()),
                                     start=twin.collections.Counter()).items()):
            print('# excused %5d times: %s' % (uses, name))
    finally:
        lab.close()
    return suite.finish()


if __name__ == '__main__':
    sys.exit(main())
