"""rookery-cli as a person has it: in a terminal."""

import os
import signal
import struct
import tempfile
import threading
import time

import clikit
from clikit import Terminal, expect, kit, run, zk

PROMPT = r'\[zk: \S+\(\S*CONNECTED\S*\) \d+\] $'


def shell(server, **more):
    return Terminal('-server', server.hosts, **more)


def test_prompt_and_commands(server):
    with shell(server) as t:
        t.wait(r'rookery-cli \S+\. help lists the commands')
        t.wait(r'\[zk: %s\(\x1b\[32mCONNECTED\x1b\[0m\) 0\] ' % server.hosts)
        zk.check('Created /term' in t.command('create /term "a b"'), t.text)
        zk.check('a b\r\n' in t.command('get /term'), t.text)
        zk.check('\x1b[31mNode does not exist: /nowhere' in t.command('get /nowhere'), t.text)
        t.command('delete /term')
        t.type('quit\r')
        zk.check_equal(t.end(), 0)


def test_no_colours(server):
    with Terminal('-server', server.hosts, '--no-color') as t:
        t.wait(r'CONNECTED\) 0\] ')
        t.command('ls /')
        t.command('get /nowhere')
        t.type('\x04')
        zk.check_equal(t.end(), 0)
        zk.check('\x1b[3' not in t.text and '\x1b[1' not in t.text, t.text)


def test_completion(server):
    expect(run(server.hosts, '-c', 'create /tab; create /tab/first 1; create "/tab/second two" 2'), 0)
    with shell(server) as t:
        t.wait(PROMPT)
        t.type('getAc\t')
        t.wait(r'getAc.*l ')
        t.type('/tab/f\t')
        t.wait(r'irst')
        t.type('\r')
        t.wait(r"'world,'anyone")
        t.wait(PROMPT)
        t.type('get /tab/\t\t')
        t.wait(r'first +second two')
        t.type('sec\t')
        t.wait(r'ond two')
        t.type('"\r')
        t.wait(r'\r\n2\r\n')
        t.wait(PROMPT)
        t.type('stat -\t')
        t.wait(r'w ')
        t.type('\x15nothing\t\t')
        t.wait('\x07')
        t.type('\x15\x04')
        zk.check_equal(t.end(), 0)
    expect(run(server.hosts, 'deleteall', '/tab'), 0)


def test_completion_without_the_characters(server):
    """In a locale that cannot show a name the word that is completed stays."""
    expect(run(server.hosts, '-c', 'create /plain; create /plain/\u00fcber'), 0)
    with shell(server, env={'LC_ALL': 'C'}) as t:
        t.wait(PROMPT)
        t.type('getAllChildrenNumber /plain/\t')
        prompts_since(t, 0)
        t.type('\x7f\r')
        t.wait(r'\r\n1\r\n')
        t.wait(PROMPT)
        t.type('\x04')
        zk.check_equal(t.end(), 0)
    expect(run(server.hosts, 'deleteall', '/plain'), 0)


def test_too_many_children_are_not_listed(server):
    def answer(op, body):
        del body
        return (0, clikit.stat(children=5000000)) if op == 3 else None

    liar = clikit.Liar(answer)
    with Terminal('-server', liar.hosts) as t:
        t.wait(PROMPT)
        t.type('ls /\t')
        t.wait('5000000 children: too many to list')
        t.type('\x03')
        t.wait(PROMPT)
        t.type('\x04')
        zk.check_equal(t.end(), 0)
    liar.close()
    del server


def test_events_above_the_line(server):
    with shell(server) as t:
        t.wait(PROMPT)
        t.command('create /above 1')
        t.command('get -w /above')
        t.type('half a li')
        t.wait('half a li')
        expect(run(server.hosts, 'set', '/above', '2'), 0)
        t.wait(r'WATCHER::\r\n\r\nWatchedEvent state:SyncConnected type:NodeDataChanged path:/above zxid: \d+')
        t.wait(r'\] half a li')     # the line is there again
        t.type('\x15delete /above\r')
        t.wait(PROMPT)
        t.type('\x04')
        zk.check_equal(t.end(), 0)


def test_ctrl_c_drops_the_line(server):
    with shell(server) as t:
        t.wait(PROMPT)
        t.type('deleteall /')
        t.wait('deleteall /')
        t.type('\x03')
        t.wait(r'\^C\r\n')
        t.wait(PROMPT)
        zk.check('[zookeeper]' in t.command('ls /').replace('\x1b[1;34m', '').replace('\x1b[0m', ''), t.text)
        t.type('\x04')
        zk.check_equal(t.end(), 0)


def test_ctrl_c_ends_the_command(server):
    asked, go_on = threading.Event(), threading.Event()

    def answer(op, body):
        del body
        if op == 4:         # answers come in order: what is behind it waits as well
            asked.set()
            go_on.wait(10)
            return -101, b''
        return 0, b'\0\0\0\0' + clikit.stat()

    liar = clikit.Liar(answer)
    with Terminal('-server', liar.hosts) as t:
        t.wait(PROMPT)
        t.type('get /slow\r')
        zk.check(asked.wait(10), 'no request')
        t.type('\x03')
        t.wait(r'\^C\r?\n')
        t.wait(PROMPT)
        go_on.set()
        zk.check('[]' in t.command('ls /'), t.text)
        t.type('quit\r')
        zk.check_equal(t.end(), 0)
    liar.close()
    del server


def prompts_since(t, begin):
    """How often the prompt was drawn since then, when all is quiet."""
    while t._read(0.4):
        pass
    return t.text[begin:].count('[zk: ')


def test_ctrl_c_draws_one_prompt(server):
    silent = clikit.Liar(lambda op, body: None)
    with Terminal('-server', silent.hosts) as t:
        t.wait(PROMPT)
        begin = len(t.text)
        t.type('\x03')
        t.wait(r'\^C\r\n')
        zk.check_equal(prompts_since(t, begin), 1, t.text[begin:])
        t.type('get /silent\r')
        t.wait(r'get /silent\r?\n')
        time.sleep(0.2)
        begin = len(t.text)
        t.type('\x03')
        t.wait(r'\^C\r?\n')
        zk.check_equal(prompts_since(t, begin), 1, t.text[begin:])
        t.type('quit\r')
        zk.check_equal(t.end(), 0)
    silent.close()
    del server


def test_history_in_a_file(server):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, 'history')
        with shell(server, env={'ROOKERY_HISTORY': path}) as t:
            t.wait(PROMPT)
            t.command('version')
            t.command('addauth digest bob:verysecret')
            t.command('getAllChildrenNumber /')
            t.type('quit\r')
            zk.check_equal(t.end(), 0)
        with open(path, encoding='utf-8') as f:
            kept = f.read()
        zk.check('version' in kept and 'secret' not in kept, kept)
        zk.check_equal(os.stat(path).st_mode & 0o77, 0)
        with shell(server, env={'ROOKERY_HISTORY': path}) as t:
            t.wait(PROMPT)
            t.type('\x1b[A\x1b[A')      # up, up: quit, then what was before it
            t.wait('getAllChildrenNumber')
            t.type('\r')
            t.wait(r'\r\n\d+\r\n')
            t.wait(PROMPT)
            t.type('\x04')
            zk.check_equal(t.end(), 0)


def test_values_in_a_terminal(server):
    expect(run(server.hosts, 'create', '/esc', 'a\x1b]0;owned\x07\tb\nc\u20ac'), 0)
    with shell(server) as t:
        t.wait(PROMPT)
        zk.check('a\\x1b]0;owned\\x07\tb\r\nc\u20ac\r\n' in t.command('get /esc').replace(' ' * 6, '\t'), t.text)
        t.command('delete /esc')
        t.type('\x04')
        zk.check_equal(t.end(), 0)


def test_json_in_a_terminal(server):
    """JSON may hold U+009B as it is; to a terminal that begins a sequence."""
    expect(run(server.hosts, 'create', '/c1', 'a\u009b31m \u202eb \u20ac'), 0)
    with Terminal('-server', server.hosts, '--json', 'get', '/c1') as t:
        zk.check_equal(t.end(), 0)
        zk.check('\\u009B31m' in t.text and '\\u202E' in t.text and '\u009b' not in t.text, t.text)
    with Terminal('-server', server.hosts, 'export', '/c1') as t:
        zk.check_equal(t.end(), 0)
        zk.check('\\u009B31m' in t.text and '\u009b' not in t.text, t.text)
    zk.check('\u009b31m' in run(server.hosts, '--json', 'get', '/c1').out, 'into a pipe as it is')
    expect(run(server.hosts, 'delete', '/c1'), 0)


def test_progress_of_deleteall(server):
    sent = []

    def answer(op, body):
        if op == 14:        # multi: late, and well
            time.sleep(0.15)
            count = body.count(b'\0\0\0\x02\0\xff\xff\xff\xff')
            sent.append(count)
            return 0, struct.pack('>ibi', 2, 0, 0) * count + struct.pack('>ibi', -1, 1, -1)
        path = body[4:4 + struct.unpack('>i', body[:4])[0]]
        names = [b'n%d' % i for i in range(20)] if path == b'/' else []
        children = struct.pack('>i', len(names)) + b''.join(clikit.ustr(n) for n in names)
        if op == 4:
            return 0, b'\xff\xff\xff\xff' + clikit.stat()
        return 0, children + (clikit.stat() if op == 12 else b'')

    liar = clikit.Liar(answer)
    with Terminal('-server', liar.hosts) as t:
        t.wait(PROMPT)
        t.type('deleteall / -b 3\r')
        t.wait(r'deleted \d+ of 21 \[#+\.*\] \d+%  \d+/s')
        t.wait(PROMPT)
        t.type('\x04')
        zk.check_equal(t.end(), 0)
    liar.close()
    del server


def test_server_that_is_killed(server):
    with shell(server) as t:
        t.wait(PROMPT)
        server.kill()
        t.wait('-- disconnected: looking for a server')
        t.wait(r'\(\S*CONNECTING\S*\) 0\] ')
        t.type('ls /\r')
        server.start()
        t.wait('-- connected')
        t.wait(r'zookeeper\S*\]')
        t.wait(PROMPT)
        t.type('\x04')
        zk.check_equal(t.end(), 0)


def test_session_that_expires(server):
    with Terminal('-server', server.hosts, '-timeout', '1000') as t:
        t.wait(PROMPT)
        t.command('create -e /gone 1')
        os.kill(t.pid, signal.SIGSTOP)
        kit.wait_until(lambda: run(server.hosts, 'stat', '/gone').status == 1, 'the end of the session')
        os.kill(t.pid, signal.SIGCONT)
        t.wait('-- session expired: its ephemerals and watches are gone')
        t.wait(r'CLOSED\S*\) 1\] ')
        said = t.command('stat /gone')
        zk.check('the session has expired: opening a new one' in said and 'Node does not exist: /gone' in said, said)
        t.type('quit\r')
        zk.check_equal(t.end(), 0)


TESTS = [
    test_prompt_and_commands, test_no_colours, test_completion,
    test_completion_without_the_characters, test_too_many_children_are_not_listed,
    test_events_above_the_line, test_ctrl_c_drops_the_line, test_ctrl_c_ends_the_command,
    test_ctrl_c_draws_one_prompt, test_history_in_a_file,
    test_values_in_a_terminal, test_json_in_a_terminal, test_progress_of_deleteall, test_server_that_is_killed,
    test_session_that_expires,
]
