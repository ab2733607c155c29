"""What the kazoo tests share: clients that end with their test, and lists that callbacks fill."""

import threading

import kazoo.client
from kazoo.protocol.states import Callback

import clientkit as kit
from clientkit import zk

SESSION_S = 20.0


class Told:
    """A list that a callback fills and a test waits on."""

    def __init__(self):
        self._items = []
        self._grown = threading.Condition()

    def __call__(self, item):
        with self._grown:
            self._items.append(item)
            self._grown.notify_all()

    def wait_for(self, condition, what):
        """Wait until condition(list of items) holds; return the list."""
        with self._grown:
            if not self._grown.wait_for(lambda: condition(self._items), kit.PATIENCE_S):
                raise zk.CheckFailed('%s: told only %r' % (what, self._items))
            return list(self._items)

    def wait_count(self, count):
        return self.wait_for(lambda items: len(items) >= count, '%d things' % count)

    def now(self):
        with self._grown:
            return list(self._items)

    def clear(self):
        with self._grown:
            self._items.clear()


class Env:
    """What a test gets: a server, clients of it that end with the test, a node of its own."""

    def __init__(self, server, forwarder, plain_server):
        self.server = server
        self.forwarder = forwarder
        self.plain_server = plain_server
        self.base = None
        self._clients = []
        self._threads = []
        self._count = 0

    def client(self, hosts=None, start=True, timeout=SESSION_S, **options):
        retry = {'max_tries': -1, 'delay': 0.02, 'max_delay': 0.2}
        options.setdefault('connection_retry', retry)
        options.setdefault('command_retry', retry)
        # In the order they are named, where there is more than one: see ensemble_kit.
        options.setdefault('randomize_hosts', False)
        client = kazoo.client.KazooClient(hosts or self.server.hosts, timeout=timeout, **options)
        client.told_states = Told()
        client.add_listener(client.told_states)
        if start:
            client.start(kit.PATIENCE_S)
            client.told_states.wait_count(1)
        self._clients.append(client)
        return client

    def two(self):
        return self.client(), self.client()

    def thread(self, function, *args):
        """Run something beside the test; join_threads() passes on what it raised."""
        outcome = {}

        def run():
            try:
                outcome['value'] = function(*args)
            except BaseException as e:      # passed on by join_threads
                outcome['error'] = e

        thread = threading.Thread(target=run, daemon=True)
        thread.outcome = outcome
        self._threads.append(thread)
        thread.start()
        return thread

    def join(self, thread):
        thread.join(kit.PATIENCE_S)
        zk.check(not thread.is_alive(), 'a thread of the test does not end')
        if 'error' in thread.outcome:
            raise thread.outcome['error']
        return thread.outcome['value']

    def join_threads(self):
        return [self.join(thread) for thread in self._threads]

    def fence(self, client):
        """Everything the server told this client before now has reached its callbacks."""
        passed = threading.Event()
        client.get_async('/').rawlink(lambda _: passed.set())
        zk.check(passed.wait(kit.PATIENCE_S), 'no answer from the server')
        # Watch callbacks run on the handler's callback queue: wait for its turn too.
        turn = threading.Event()
        client.handler.dispatch_callback(Callback('watch', turn.set, ()))
        zk.check(turn.wait(kit.PATIENCE_S), 'the callback queue does not move')

    def begin(self, name):
        self._count += 1
        self.base = '/t%d-%s' % (self._count, name.split(':')[0].replace(' ', '-'))

    def end(self):
        self.forwarder.heal()
        for client in self._clients:
            client.stop()
            client.close()
        self._clients.clear()
        self._threads.clear()
