#!/usr/bin/python3
"""Four-letter words: Rookery's answers have the shape of Apache's.

Both servers are brought into the same state by the same requests; then each word is asked of
both.  The text is compared line by line after values that cannot be equal (times, sizes, session
ids, ports) have become the name of their format, so keys, order, punctuation, number formats and
every value that the requests determine must be equal.
"""

import argparse
import os
import re
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import rules
import twin
import zkharness as zk
import zkwire as w
from scripting import CONFIGS

REFERENCE = 'apache'
WORDS = ('conf cons crst dirs dump envi gtmk hash isro mntr ruok srst srvr stat stmk wchc wchp '
         'wchs').split()
NOT_WORDS = ('lead', 'orst', 'obsr', 'icfg', 'kill', 'reqs', 'RUOK', 'Stat', 'xxxx', '    ')
VERSION = r'(\d+\.\d+\.\d+\S*, built on \d{4}-\d\d-\d\d \d\d:\d\d UTC)'

_FORMATS = (
    (VERSION, '<version>'),
    (r'[A-Z][a-z]{2} [A-Z][a-z]{2} \d\d \d\d:\d\d:\d\d \S+ \d{4}', '<date>'),
    (r'/(\[[0-9a-f:]+\]|[0-9a-f:.]+):\d+', '<address>'),
)


def formats(text, keep=()):
    """The text with everything that may differ replaced by the name of its format."""
    for pattern, name in _FORMATS:
        if name not in keep:
            text = re.sub(pattern, name, text)
    return text


def number(text):
    if re.fullmatch(r'-?\d+', text):
        return '<int>'
    if re.fullmatch(r'-?\d+\.\d{1,4}', text):
        return '<decimal>'
    return text


class Bench:
    """A pair of servers and what the tests ask of them."""

    def __init__(self, against, config='plain'):
        self.pair = twin.Pair((REFERENCE, against), () if against == REFERENCE else rules.RULES,
                              **CONFIGS[config])
        self.pair.start()
        self.t = self.pair.open('t')
        self.u = self.pair.open('u')

    def ask(self, word, **options):
        return [server.four(word, **options) for server in self.pair.servers]

    def same(self, word, shape=lambda side, text: formats(text)):
        """Ask both, compare the shapes; returns the raw answers.  Counters may lag behind the
        replies by a moment, so the question is asked again before it counts as different."""
        for _ in range(5):
            answers = self.ask(word)
            shapes = [shape(side, answer) for side, answer in enumerate(answers)]
            if shapes[0] == shapes[1]:
                return answers
            time.sleep(0.1)
        raise zk.CheckFailed('%s differs\nApache:\n%s\nother:\n%s' % (
            word, _indent(shapes[0]), _indent(shapes[1])))

    def session_names(self, side, text):
        """Session ids become the names of their twins, ports too."""
        for client in self.pair.twins:
            session = client.sessions[side] & (2 ** 64 - 1)
            port = client.wires[side].sock.getsockname()[1]
            text = text.replace('0x%x' % session, '<session %s>' % client.name)
            text = re.sub(r'/127\.0\.0\.1:%d\b' % port, '<client %s>' % client.name, text)
        return re.sub(r'/127\.0\.0\.1:\d+', '<the word itself>', text)


def _indent(value):
    return '\n'.join('    %r' % (line,) for line in (value.splitlines() if isinstance(value, str)
                                                  else value))


# -- the words, one by one

def fixed_answers(b):
    for word, answer in (('ruok', 'imok'), ('isro', 'rw'), ('gtmk', '306'),
                         ('crst', 'Connection stats reset.\n'), ('srst', 'Server stats reset.\n')):
        for text in b.ask(word):
            zk.check_equal(text, answer, word)


def trace_mask(b):
    for mask in (0, 306, 2 ** 40, -1, 306):
        for text in b.ask(b'stmk' + w.i64(mask)):
            zk.check_equal(text, str(mask), 'stmk')
        for text in b.ask('gtmk'):
            zk.check_equal(text, str(mask), 'gtmk')
    for text in b.ask(b'stmk'[:4]):
        zk.check_equal(text, '', 'stmk without a mask')


def conf(b):
    def shape(side, text):
        server = b.pair.servers[side]
        text = text.replace(server.data_dir, '<data>').replace(str(server.port), '<port>')
        return re.sub(r'Size=\d+', 'Size=<int>', text)
    b.same('conf', shape)


def dirs(b):
    b.same('dirs', lambda side, text: re.sub(r'\d+', '<int>', text))


def envi(b):
    # The Java keys stay, so that scripts find them; their values mean nothing here.
    def keys(side, text):
        lines = text.splitlines()
        zk.check(text.endswith('\n') and lines[0] == 'Environment:', 'head of envi: %r' % text[:60])
        found = [line.split('=')[0] for line in lines[1:]]
        return found
    first, second = [keys(side, text) for side, text in enumerate(b.ask('envi'))]
    zk.check_equal(second, first, 'keys of envi')
    memory = re.findall(r'os\.memory\.\w+=(.*)', b.ask('envi')[1])
    zk.check(len(memory) == 3 and all(re.fullmatch(r'\d+MB', m) for m in memory),
             'memory of envi: %s' % memory)


def _summary_shape(side, text):
    text = formats(text)
    text = re.sub(r'(Latency min/avg/max: )(\S+)',
                  lambda m: m.group(1) + '/'.join(map(number, m.group(2).split('/'))), text)
    # Apache prints a whole average as "3.0"; four decimals at most.
    return re.sub(r'((Received|Sent): )\d+', r'\1<int>', text)


def srvr(b):
    answers = b.same('srvr', _summary_shape)
    zk.check(re.match('Zookeeper version: ' + VERSION + '\n', answers[1]),
             'first line of srvr: %r' % answers[1].splitlines()[0])


def stat(b):
    def shape(side, text):
        lines = _summary_shape(side, b.session_names(side, text)).splitlines()
        at = lines.index('')
        return lines[:2] + sorted(lines[2:at]) + lines[at:]
    b.same('stat', shape)


def _connection_shape(b, side, text):
    text = b.session_names(side, text)
    # Where a reply is still on its way out, it is queued and the socket waits for writing.
    text = re.sub(r'\[[15]\]\(queued=[01],', '[1](queued=0,', text)
    text = re.sub(r'(est|lresp|llat|minlat|avglat|maxlat)=\d+', r'\1=<int>', text)
    lines = text.split('\n')
    zk.check(lines[-2:] == ['', ''], 'cons does not end with an empty line: %r' % text[-50:])
    return sorted(lines)


def cons(b):
    b.same('cons', lambda side, text: _connection_shape(b, side, text))


def last_operations(b):
    """cons names the last operation of a connection, its zxid and xid."""
    t = b.u
    b.ask('crst')
    b.same('cons', lambda side, text: _connection_shape(b, side, text))
    n = '/4lw-ops'
    for op, body in ((w.CREATE, w.create(n)), (w.CREATE2, w.create(n + '/2')),
                     (w.CREATE_CONTAINER, w.create(n + '/c', flags=4)),
                     (w.CREATE_TTL, w.create_ttl(n + '/t')), (w.GET_DATA, w.path_watch(n)),
                     (w.EXISTS, w.path_watch(n)), (w.SET_DATA, w.set_data(n, b'x')),
                     (w.GET_ACL, w.path_only(n)), (w.SET_ACL, w.set_acl(n, w.OPEN)),
                     (w.GET_CHILDREN, w.path_watch(n)), (w.GET_CHILDREN2, w.path_watch(n)),
                     (w.SYNC, w.path_only(n)), (w.MULTI, w.multi([])),
                     (w.MULTI_READ, w.multi([])), (w.SET_WATCHES, w.set_watches(0, [], [], [])),
                     (w.SET_WATCHES2, w.set_watches(0, [], [], [], [], [])),
                     (w.ADD_WATCH, w.path_type(n, 0)), (w.CHECK_WATCHES, w.path_type(n, 3)),
                     (w.REMOVE_WATCHES, w.path_type(n, 3)), (w.WHO_AM_I, b''),
                     (w.GET_EPHEMERALS, w.path_only('/')),
                     (w.GET_ALL_CHILDREN_NUMBER, w.path_only('/')),
                     (w.DELETE, w.path_version(n + '/2')), (w.RECONFIG, w.reconfig()),
                     (w.EXISTS, w.path_watch('/none')), (w.GET_DATA, w.path_watch('/none'))):
        t.send_unfenced(twin.Req(op, body), count=1)
        b.same('cons', lambda side, text: _connection_shape(b, side, text))
    t.check_alive()
    b.same('cons', lambda side, text: _connection_shape(b, side, text))


def counters_after_a_reset(b):
    """Received, Sent and the packets of a connection count the same things."""
    b.ask('srst')
    b.ask('crst')
    b.t.get('/')
    b.t.send(*[twin.Req(w.EXISTS, w.path_watch('/none', True))] * 1,
             *[twin.Req(w.CREATE, w.create('/4lw-counted-', flags=2)) for _ in range(5)])
    b.t.add_watch('/4lw-counted', 0)
    b.u.create('/4lw-counted')
    b.u.auth('digest', b'u:p')

    def shape(side, text):
        return re.sub(r'Latency.*', '', formats(text))
    b.same('srvr', shape)
    b.same('cons', lambda side, text: _connection_shape(b, side, text))


def dump(b):
    b.t.create('/4lw-e1', flags=1)
    b.t.create('/4lw-e2', flags=1)
    b.u.create('/4lw-e3', flags=1)

    def shape(side, text):
        # Which buckets there are depends on the moment; their form and their content do not.
        text = formats(b.session_names(side, text), keep=('<address>',))
        sections = re.split(
            r'(?m)^(?=SessionTracker dump:|ephemeral nodes dump:|Connections dump:)', text)
        zk.check_equal(len(sections), 4, 'sections of dump')
        tracker, ephemerals, connections = sections[1:]
        out = []
        for section in (tracker, connections):
            section = re.sub(r'\((\d+)\)/\(', '(<int>)/(', section)
            lines = section.splitlines()
            zk.check(all(re.fullmatch(r'\d+ expire at <date>:', line) for line in lines[2:]
                         if not line.startswith('\t')), 'a bucket of dump: %s' % section)
            out += lines[:2] + sorted(line for line in lines[2:] if line.startswith('\t'))
        lines = ephemerals.splitlines()
        blocks = re.findall(r'(?m)^(<session \w+>:)\n((?:\t.*\n)+)', ephemerals)
        head = 'Sessions with Ephemerals (%d):' % len(blocks)
        if b.pair.kinds[side] == REFERENCE:
            # It lists sessions whose last ephemeral is gone: row dump-empty.
            zk.check(re.fullmatch(r'Sessions with Ephemerals \(\d+\):', lines[1]), lines[1])
            lines[1] = head
        zk.check_equal(lines[1], head, 'head of the ephemerals')
        out += lines[:2]
        out += sorted((owner, sorted(paths.splitlines())) for owner, paths in blocks)
        return ['%s' % (line,) for line in out]
    b.same('dump', shape)
    b.t.delete('/4lw-e1')
    b.t.delete('/4lw-e2')
    b.u.delete('/4lw-e3')
    b.same('dump', shape)


def watches(b):
    """wchs, wchc, wchp: only the table of data watches is counted."""
    def blocks(side, text):
        text = b.session_names(side, text)
        zk.check(text.endswith('\n'), 'no line end: %r' % text)
        found = re.findall(r'(?m)^(\S.*)\n((?:\t.*\n)*)', text)
        rest = re.sub(r'(?m)^(\S.*)\n((?:\t.*\n)*)', '', text)
        if b.pair.kinds[side] == REFERENCE:
            found = [block for block in found if block[1]]      # the same row
        return [(head, sorted(body.splitlines())) for head, body in sorted(found)] + [rest]

    def counted(side, text):
        # Apache 3.8.0 counts connections whose last watch has fired (row wchs-count of
        # docs/compatibility.md), so the first number is held against wchc instead.
        connections = re.match(r'(\d+) connections watching', text)
        zk.check(connections, 'head of wchs: %r' % text)
        if b.pair.kinds[side] != REFERENCE:
            listed = len(re.findall(r'(?m)^0x', b.pair.servers[side].four('wchc')))
            zk.check_equal(int(connections.group(1)), listed, 'connections in wchs')
        return text[connections.end():]

    def all_three():
        b.same('wchs', counted)
        b.same('wchc', blocks)
        b.same('wchp', blocks)

    all_three()
    b.t.create('/4lw-w')
    b.t.get('/4lw-w', True)
    all_three()
    b.u.get('/4lw-w', True)
    b.u.exists('/4lw-none', True)
    b.u.ls('/4lw-w', True)
    all_three()
    b.t.add_watch('/4lw-p', 0)
    b.u.add_watch('/4lw-r', 1)
    all_three()
    b.t.set('/4lw-w', b'')
    b.t.remove_watches('/4lw-p', 3)
    b.u.remove_watches('/4lw-r', 3)
    all_three()


# Summaries of threads and queues that Rookery does not have: row mntr-threads of
# docs/compatibility.md.  (Row mntr-namespaces: nothing is counted by namespace.)
LEFT_OUT = set('''
    close_session_prep_time jvm_pause_time_ms prep_process_time prep_processor_queue_size
    prep_processor_queue_time_ms propagation_latency proposal_process_time
    request_throttle_queue_time_ms startup_snap_load_time startup_txns_load_time sync_process_time
    sync_processor_queue_and_flush_time_ms sync_processor_queue_flush_time_ms
    sync_processor_queue_size sync_processor_queue_time_ms'''.split())


def base_name(key):
    """zk_p99_x, zk_avg_x, ... -> x"""
    return re.sub(r'^zk_((avg|min|max|cnt|sum|p50|p95|p99|p999)_)?', '', key)


def mntr(b):
    def parse(text):
        lines = text.splitlines()
        bad = [line for line in lines if not re.fullmatch(r'zk_\S+\t.*', line)]
        zk.check(not bad and text.endswith('\n'), 'lines of mntr: %s' % bad[:5])
        return [line.split('\t', 1) for line in lines]

    first, second = [parse(text) for text in b.ask('mntr')]
    zk.check_equal([k for k, _ in second[:2]], ['zk_version', 'zk_server_state'], 'first keys')
    zk.check_equal(second[1][1], 'standalone', 'zk_server_state')
    zk.check(re.fullmatch(VERSION, second[0][1]), 'zk_version is %r' % second[0][1])
    zk.check_equal(len({k for k, _ in second}), len(second), 'keys that are there twice')
    first, second = dict(first), dict(second)
    absent = {base_name(key) for key in set(first) - set(second)}
    if b.pair.kinds[1] == 'rookery':
        stale = LEFT_OUT - absent
        zk.check(not stale, 'no longer left out: %s' % ' '.join(sorted(stale)))
        absent -= LEFT_OUT
    missing = sorted(name for name in absent if not name.endswith('_per_namespace'))
    zk.check(not missing, '%d metrics of Apache are missing: %s' % (len(missing), ' '.join(missing)))
    wrong = ['%s %s, Apache %s' % (k, second[k], first[k]) for k in first
             if k in second and k != 'zk_version' and number(second[k]) != number(first[k])]
    zk.check(not wrong, 'other number formats: %s' % '; '.join(wrong))
    for key in ('zk_znode_count', 'zk_ephemerals_count', 'zk_watch_count', 'zk_global_sessions',
                'zk_local_sessions', 'zk_num_alive_connections', 'zk_approximate_data_size',
                'zk_outstanding_requests'):
        zk.check_equal(second[key], first[key], key)


def hash_lines(b):
    b.t.send(*[twin.Req(w.SET_DATA, w.set_data('/', b'')) for _ in range(200)])
    b.t.send(*[twin.Req(w.SET_DATA, w.set_data('/', b'')) for _ in range(100)])

    def shape(side, text):
        lines = text.splitlines()
        zk.check(lines and all(re.fullmatch(r'[0-9a-f]+: -?\d+', line) for line in lines),
                 'lines of hash: %s' % lines[:3])
        return [line.split(':')[0] for line in lines]
    b.same('hash', shape)


def how_they_are_sent(b):
    """Cut in pieces, with bytes behind, and what is no word at all."""
    for server in b.pair.servers:
        for word, answer in (('ruok\n', b'imok'), ('ruok\r\n', b'imok'), ('isro and more', b'rw')):
            zk.check_equal(server.four(word, raw=True), answer, '%s %r' % (server.name, word))
        sock = server.connect()
        for byte in (b'r', b'u', b'o', b'k'):
            sock.sendall(byte)
            time.sleep(0.02)
        zk.check_equal(w.Wire(sock).recv_all(), b'imok', '%s: in pieces' % server.name)
        sock.close()
        for word in NOT_WORDS:
            zk.check_equal(server.four(word, raw=True), b'', '%s %r' % (server.name, word))
        zk.check_equal(server.four(b'\xff\xf4\xff\xfd', raw=True), b'', 'telnet close')
        c = w.Client(server)
        c.wire.send_raw(b'ruok')
        zk.check_equal(c.wire.recv_all(), b'', '%s: ruok behind the handshake' % server.name)
        c.close()


def whitelist(kind, words):
    """Which words answer under 4lw.commands.whitelist=words (None: not set)."""
    allowed = {'srvr'} | (set() if words is None else {x.strip() for x in words.split(',')})
    if words == '*':
        allowed = set(WORDS)
    with zk.start(kind, conf={'4lw.commands.whitelist': words}) as server:
        for word in WORDS:
            refusal = '%s is not executed because it is not in the whitelist.\n' % word
            text = server.four(b'stmk' + w.i64(306) if word == 'stmk' else word)
            if word in allowed:
                zk.check(text != refusal, '%s is refused' % word)
            else:
                zk.check_equal(text, refusal, '%s under whitelist %s' % (word, words))
        for word in NOT_WORDS:
            zk.check_equal(server.four(word), '', '%r under whitelist %s' % (word, words))


NOT_SERVING = 'This ZooKeeper instance is not currently serving requests\n'


def not_serving(kind):
    """A member of an ensemble without a quorum."""
    ports = zk.free_ports(6)
    conf = {'server.%d' % (i + 1): '127.0.0.1:%d:%d' % (ports[2 * i], ports[2 * i + 1])
            for i in range(3)}
    conf.update(initLimit=5, syncLimit=2)
    server = zk.make(kind, conf=conf, myid=1)
    try:
        server.start(wait=False)
        deadline = time.monotonic() + 30
        while True:
            zk.check(server.is_running(), 'the server ended\n' + server.log_tail())
            try:
                if server.four('ruok') == 'imok':
                    break
            except OSError:
                pass
            zk.check(time.monotonic() < deadline, 'no answer to ruok')
            time.sleep(0.1)
        special = {'hash': NOT_SERVING[:-1], 'isro': 'null', 'ruok': 'imok', 'gtmk': '306',
                   'stmk': '306'}
        for word in WORDS:
            text = server.four(b'stmk' + w.i64(306) if word == 'stmk' else word)
            if word == 'envi':
                zk.check(text.startswith('Environment:\n'), 'envi: %r' % text[:60])
            else:
                zk.check_equal(text, special.get(word, NOT_SERVING), word)
        sock = server.connect()
        wire = w.Wire(sock)
        wire.send(w.connect_request(10000))
        zk.check_equal(wire.recv(), None, 'a client that connects')
        sock.close()
    finally:
        server.destroy()


STATE_TESTS = (('words with a fixed answer', fixed_answers), ('gtmk and stmk', trace_mask),
               ('conf', conf), ('dirs', dirs), ('envi', envi), ('srvr', srvr), ('stat', stat),
               ('cons', cons), ('counters after a reset', counters_after_a_reset),
               ('last operations in cons', last_operations), ('dump', dump),
               ('wchs, wchc, wchp', watches), ('mntr', mntr), ('hash', hash_lines),
               ('how words are sent', how_they_are_sent))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--against', default='rookery', choices=sorted(zk.KINDS))
    parser.add_argument('--only')
    args = parser.parse_args()
    suite = zk.Suite('4lw')
    kinds = list(dict.fromkeys((REFERENCE, args.against)))
    bench = None
    for title, fn in STATE_TESTS:
        name = '4lw ' + title
        if args.only and args.only not in name:
            continue
        for kind in kinds:
            possible, why = zk.have(kind)
            if not possible:
                break
        if not possible:
            suite.skip(name, why)
            continue
        if bench is None:
            bench = Bench(args.against)
        if not suite.run(name, fn, bench, servers=[]):
            bench.pair.close()
            bench = None
    if bench:
        bench.pair.close()
    for kind in kinds:
        tests = [('whitelist %s' % words, whitelist, (kind, words))
                 for words in (None, '', 'ruok, stat,wchs', '*')]
        tests.append(('not serving', not_serving, (kind,)))
        for title, fn, arguments in tests:
            name = '4lw %s: %s' % (kind, title)
            if args.only and args.only not in name:
                continue
            possible, why = zk.have(kind)
            if possible:
                suite.run(name, fn, *arguments, servers=[])
            else:
                suite.skip(name, why)
    return suite.finish()


if __name__ == '__main__':
    sys.exit(main())
