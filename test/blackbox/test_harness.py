#!/usr/bin/python3
"""Shows that the harness itself works: start, ready, words, kill, restart, clean-up, runner."""

import io
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import zkharness as zk


def serves_and_restarts(kind):
    server = zk.start(kind)
    try:
        zk.check_equal(server.four('ruok'), 'imok', 'ruok')
        zk.check_equal(server.srvr()['Mode'], 'standalone', 'mode')
        zk.check_equal(server.kill(), -9, 'status after kill')
        zk.check(not server.is_running(), 'a killed server still runs')
        server.start()
        zk.check_equal(server.four('ruok'), 'imok', 'ruok after restart')
        zk.check(server.rss_kb() > 0, 'no resident size')
        zk.check(server.terminate() is not None, 'no exit status after SIGTERM')
        zk.check(server.log_text() != '', 'no log was captured')
    finally:
        folder = server.dir
        server.destroy()
    zk.check(not os.path.exists(folder) or os.environ.get('ROOKERY_TEST_KEEP'),
             '%s was left behind' % folder)


def failed_start_shows_the_log(kind):
    try:
        server = zk.start(kind, conf={'tickTime': 'junk'})
    except zk.ServerFailed as e:
        zk.check('junk' in str(e), 'the log is not in the error: %s' % e)
        return
    server.destroy()
    raise zk.CheckFailed('a server started with tickTime=junk')


def runner_counts():
    out = io.StringIO()
    suite = zk.Suite(out=out)

    def bad():
        raise zk.CheckFailed('seen')

    def absent():
        raise zk.Skipped('not here')

    suite.run('a', lambda: None)
    suite.run('b', bad, servers=[])
    suite.run('c', absent)
    zk.check_equal(suite.finish(), 1, 'exit code')
    zk.check_equal(out.getvalue(), 'ok a\nFAIL b: seen\nskip c: not here\n'
                   '1 passed, 1 failed, 1 skipped\n', 'output')


def main():
    suite = zk.Suite('harness')
    suite.run('the runner counts and prints', runner_counts)
    for kind in ('apache', 'rookery'):
        possible, why = zk.have(kind)
        for name, fn in (('serves, dies, restarts and cleans up', serves_and_restarts),
                         ('failed start shows the log', failed_start_shows_the_log)):
            name = '%s %s' % (kind, name)
            if possible:
                suite.run(name, fn, kind)
            else:
                suite.skip(name, why)
    return suite.finish()


if __name__ == '__main__':
    sys.exit(main())
