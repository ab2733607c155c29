#!/usr/bin/python3
"""kazoo's own test suite, as Debian ships it with the package, against a server.

The suite expects to start a cluster of Java servers and to be run by pytest.  Here it is given one
server of the kind under test and the two names of pytest that it uses; its tests are unmodified.
Tests that only exercise Python code and never connect are left out.
"""

import gc
import importlib
import logging
import os
import signal
import sys
import types
import unittest
import unittest.mock
import warnings

import clientkit as kit
from clientkit import zk

DEBIAN_PYTHON = '/usr/bin/python3'

# Modules with tests that talk to a server.
MODULES = ('test_barrier', 'test_cache', 'test_client', 'test_connection', 'test_counter',
           'test_election', 'test_lease', 'test_lock', 'test_partitioner', 'test_party',
           'test_queue', 'test_watchers')

# What one server cannot be asked.
SKIPPED = {
    'client.TestReconfig': 'needs an ensemble',
    'client.TestClient.test_update_host_list': 'needs an ensemble',
    'connection.TestReadOnlyMode': 'needs an ensemble',
}
TEST_TIMEOUT_S = 60


class Pytest(types.ModuleType):
    """The two names of pytest that the suite uses."""

    def __init__(self):
        super().__init__('pytest')

    class Raises:
        def __init__(self, *errors):
            self.errors = errors
            self.value = None

        def __enter__(self):
            return self

        def __exit__(self, error_type, error, _):
            if error_type is None:
                raise AssertionError('did not raise %r' % (self.errors,))
            self.value = error
            return issubclass(error_type, self.errors)

    @classmethod
    def raises(cls, errors, call=None, *args, **kwargs):
        guard = cls.Raises(*(errors if isinstance(errors, tuple) else (errors,)))
        if call is None:
            return guard
        with guard:
            call(*args, **kwargs)
        return guard

    @staticmethod
    def skip(why):
        raise unittest.SkipTest(why)


def count_objects(type_name):
    """What the suite uses of objgraph."""
    return sum(1 for thing in gc.get_objects() if type(thing).__name__ == type_name)


class Member:
    """What the suite knows of one server of its cluster."""

    def __init__(self, server):
        self._server = server
        self._forwarder = kit.Forwarder(server)
        self.address = self._forwarder.hosts

    @property
    def running(self):
        return self._server.is_running()

    def run(self):
        if not self.running:
            self._server.start()
        self._forwarder.heal()

    def stop(self):
        # See kit.restart().
        if self._server.kind == 'apache':
            self._forwarder.refuse()
        self._server.kill()


class Cluster(list):
    def start(self):
        for member in self:
            member.run()


def too_long(_number, _frame):
    raise TimeoutError('no end after %d s' % TEST_TIMEOUT_S)


def tests_of(module):
    for suite in unittest.defaultTestLoader.loadTestsFromModule(module):
        yield from suite


def main():
    args = kit.parse_args(__doc__)
    suite = zk.Suite('kazoo-own')
    sys.modules['pytest'] = Pytest()
    sys.modules['mock'] = unittest.mock
    sys.modules['objgraph'] = types.SimpleNamespace(count=count_objects)
    os.environ['ZOOKEEPER_CLUSTER_SIZE'] = '1'
    try:
        from kazoo.testing import harness
        modules = [importlib.import_module('kazoo.tests.' + name) for name in MODULES]
    except ImportError as why:
        # Debian's package is for Debian's interpreter only.
        if os.path.realpath(sys.executable) != os.path.realpath(DEBIAN_PYTHON):
            os.execv(DEBIAN_PYTHON, [DEBIAN_PYTHON] + sys.argv)
        suite.skip('kazoo', 'python3-kazoo: %s' % why)
        return suite.finish()
    logging.disable(logging.CRITICAL)
    warnings.simplefilter('ignore')
    try:
        server = kit.make_server(args.server).start()
    except (zk.Skipped, zk.ServerFailed) as why:
        suite.run('server starts', kit.reraise, why)
        return suite.finish()
    signal.signal(signal.SIGALRM, too_long)
    cluster = Cluster([Member(server)])
    harness.get_global_cluster = lambda: cluster
    for module in modules:
        for test in tests_of(module):
            if not isinstance(test, harness.KazooTestHarness):
                continue
            name = test.id().replace('kazoo.tests.test_', '')
            if args.only and args.only not in name:
                continue

            def run_one(test=test, name=name):
                for prefix, why in SKIPPED.items():
                    if name.startswith(prefix):
                        raise zk.Skipped(why)
                result = unittest.TestResult()
                signal.alarm(TEST_TIMEOUT_S)
                try:
                    test.run(result)
                finally:
                    signal.alarm(0)
                for _, why in result.skipped:
                    raise zk.Skipped(why)
                for _, why in result.failures + result.errors:
                    raise zk.CheckFailed(why.strip().splitlines()[-1] + '\n' + why)

            suite.run(name, run_one, servers=[server])
    suite.run('server ends in order', kit.end_in_order, server)
    return suite.finish()


if __name__ == '__main__':
    sys.exit(main())
