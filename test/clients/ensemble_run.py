#!/usr/bin/python3
"""The kazoo, zkCli.sh and Curator tests against three servers that are killed and restarted.

    ensemble_run.py [--server apache|rookery] [--seed N] [CLIENT ...]

Each client has an ensemble of its own (TEST --ensemble, see ensemble_kit.py).  The Java run goes
beside the others: they wait more than they work.
"""

import argparse
import os
import random
import re
import subprocess
import sys
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
# What runs at the same time.
LANES = (('curator',), ('kazoo', 'zkcli'))
LIMIT_S = 230
COUNTS = re.compile(r'(\d+) passed, (\d+) failed, (\d+) skipped$')


def run_lane(clients, arguments, outcomes):
    for client in clients:
        command = [sys.executable, os.path.join(HERE, 'test_%s.py' % client), '--ensemble']
        child = subprocess.Popen(command + arguments, stdin=subprocess.DEVNULL, text=True,
                                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        try:
            text, _ = child.communicate(timeout=LIMIT_S)
        except subprocess.TimeoutExpired:
            child.terminate()           # it takes its servers along
            text, _ = child.communicate()
            text += '\nFAIL no end after %d s' % LIMIT_S
        outcomes[client] = (child.returncode, text)


def show(client, status, text):
    """Prints what a client's tests printed, their names made unique; returns the sums."""
    *lines, last = text.rstrip().splitlines() or ['']
    found = COUNTS.match(last)
    for line in lines if found else lines + [last]:
        what, _, rest = line.partition(' ')
        print('%s %s: %s' % (what, client, rest)
              if what in ('ok', 'FAIL', 'skip', 'again', '#') else line)
    passed, failed, skipped = map(int, found.groups()) if found else (0, 0, 0)
    if not found or (status != 0 and not failed):
        print('FAIL %s: the program ended with status %d' % (client, status))
        failed += 1
    return passed, failed, skipped


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--server', choices=('apache', 'rookery'), default='rookery')
    parser.add_argument('--seed', type=int, help='of the kills')
    parser.add_argument('clients', nargs='*', metavar='CLIENT',
                        help='only these of: ' + ' '.join(sum(LANES, ())))
    args = parser.parse_args()
    seed = random.randrange(1 << 32) if args.seed is None else args.seed
    arguments = ['--server', args.server, '--seed', str(seed)]
    lanes = [[c for c in lane if not args.clients or c in args.clients] for lane in LANES]
    outcomes = {}
    threads = [threading.Thread(target=run_lane, args=(lane, arguments, outcomes))
               for lane in lanes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sums = [show(client, *outcomes[client]) for lane in lanes for client in lane]
    passed, failed, skipped = (sum(column) for column in zip(*sums))
    print('%d passed, %d failed, %d skipped' % (passed, failed, skipped))
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
