#!/usr/bin/python3
"""The tools that guard the tree, tried on trees that break the rules: each rule must be seen to bite.

Ends with `N passed, N failed, N skipped`.
"""
import contextlib
import importlib.machinery
import importlib.util
import io
import os
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TOOLS = os.path.join(ROOT, "tools")


def write(root, path, text):
    full = os.path.join(root, path)
    os.makedirs(os.path.dirname(full), exist_ok=True)
    with open(full, "w", encoding="utf-8") as f:
        f.write(text)
    return full


def run(*command, **env):
    result = subprocess.run(command, env=dict(os.environ, **env), stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True, check=False)
    return result.returncode, result.stdout


class WithTree(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.root = self.folder.name


class Layers(WithTree):
    def check(self, path, include, expected):
        full = write(self.root, f"src/{path}", f"/* x */\n{include}\n")
        status, out = run(os.path.join(TOOLS, "layers"), self.root)
        os.remove(full)
        if expected is None:
            self.assertEqual((status, out), (0, "layers: 1 files, 0 errors\n"))
        else:
            self.assertEqual(status, 1, out)
            self.assertIn(f"src/{path}:2: ", out)
            self.assertIn(expected, out)

    def test_upward_includes_pass(self):
        for path, include in [
            ("proto/a.c", '#include "base/bytes.h"'), ("core/a.c", '#include "tree/tree.h"'),
            ("core/a.c", '#  include "core/core_int.h"'), ("store/wal_file.c", "#include <pthread.h>"),
            ("store/snap_format.c", "#include <zlib.h>"), ("shell/loop.c", "#include <uv.h>"),
            ("base/map.c", "#include <xxhash.h>"), ("base/mem_libc.c", "#include <stdlib.h>"),
            ("tree/a.c", "#include <string.h>"), ("lib/a.c", '#include "rookery/rk_client.h"'),
        ]:
            with self.subTest(path=path, include=include):
                self.check(path, include, None)

    def test_everything_else_fails(self):
        for path, include, expected in [
            ("base/a.c", '#include "proto/frame.h"', "base may not include proto"),
            ("tree/a.c", '#include "watch/watch.h"', "tree may not include watch"),
            ("core/a.c", '#include "store/wal.h"', "core may not include store"),
            ("store/a.c", '#include "core/core.h"', "store may not include core"),
            ("server/a.c", '#include "sim/sim.h"', "server may not include sim"),
            ("shell/a.c", '#include "server/config.h"', "shell may not include server"),
            ("core/a.c", '#include "tree/tree_int.h"', "is private to tree"),
            ("core/a.c", '#include "core.h"', "names no room"),
            ("core/a.c", '#include "nowhere/x.h"', "is in no room"),
            ("core/a.c", '#include "rookery/rk_client.h"', "may not include the installed headers"),
            ("core/a.c", "#include <stdio.h>", "in a pure room"),
            ("core/a.c", "#include <time.h>", "in a pure room"),
            ("core/a.c", "#include <xxhash.h>", "in a pure room"),
            ("core/a.c", "#include <uv.h>", "belongs in shell/"),
            ("admin/a.c", "#include <pthread.h>", "belongs in shell/"),
            ("store/wal_format.c", "#include <pthread.h>", "belongs in shell/"),
            ("store/recover.c", "#include <stdlib.h>", "in a pure file of store"),
            ("shell/a.c", "#include <assert.h>", "banned"),
            ("core/a.c", "#include <base/bytes.h>", "use quotes"),
            ("core/a.c", "#include HEADER", "cannot be read"),
        ]:
            with self.subTest(path=path, include=include):
                self.check(path, include, expected)

    def test_a_file_outside_the_rooms_fails(self):
        write(self.root, "src/stray.c", "/* x */\n")
        write(self.root, "src/newroom/a.c", "/* x */\n")
        status, out = run(os.path.join(TOOLS, "layers"), self.root)
        self.assertEqual(status, 1)
        self.assertIn("src/stray.c:1: in no room", out)
        self.assertIn("src/newroom/a.c:1: in no room", out)

    def test_an_empty_tree_fails(self):
        self.assertEqual(run(os.path.join(TOOLS, "layers"), self.root)[0], 1)


class Purity(WithTree):
    GOOD = ("#include <string.h>\n_Noreturn void rk_panic(const char *, int, const char *);\n"
            "static const char *const table[] = {\"a\", \"b\"};\n"
            "const char *pick(unsigned i) { if (i > 1) { rk_panic(\"\", 0, \"\"); } return table[i]; }\n"
            "void *copy(void *a, const void *b, size_t n) { return memcpy(a, b, n); }\n")

    def check(self, *sources, flags=()):
        objects = []
        for i, text in enumerate(sources):
            path = write(self.root, f"m{i}.c", text)
            objects.append(path[:-1] + "o")
            subprocess.run(["gcc", "-O2", "-fPIC", *flags, "-c", path, "-o", objects[-1]], check=True)
        archive = os.path.join(self.root, "libx.a")
        if os.path.exists(archive):
            os.remove(archive)
        subprocess.run(["ar", "rc", archive, *objects], check=True)
        return run(os.path.join(TOOLS, "purity"), archive)

    def test_a_pure_library_passes(self):
        for flags in ((), ("-flto", "-ffat-lto-objects")):
            status, out = self.check(self.GOOD, flags=flags)
            self.assertEqual(status, 0, out)

    def test_members_may_use_one_another(self):
        status, out = self.check(self.GOOD, "const char *pick(unsigned);\nint f(void) { return *pick(0); }\n")
        self.assertEqual(status, 0, out)

    def test_imports_and_variables_fail(self):
        for text, expected in [
            ("#include <stdlib.h>\nvoid *f(void) { return malloc(3); }\n", "malloc: imported by"),
            ("#include <stdio.h>\nvoid f(void) { puts(\"x\"); }\n", "puts: imported by"),
            ("int counter;\n", "writable variable counter"),
            ("static int counter;\nint f(void) { return counter++; }\n", "writable variable counter"),
            ("int f(void) { static int local = 3; return local++; }\n", "writable variable local"),
            ("const char *name = \"x\";\n", "writable variable name"),
            ("_Thread_local int mine;\n", "writable variable mine"),
        ]:
            for flags in ((), ("-flto", "-ffat-lto-objects"), ("-fcommon",)):
                with self.subTest(text=text, flags=flags):
                    status, out = self.check(self.GOOD, text, flags=flags)
                    self.assertEqual(status, 1, out)
                    self.assertIn(expected, out)

    def test_a_library_that_is_not_the_core_fails(self):
        self.assertEqual(self.check("int f(void) { return 1; }\n")[0], 1)


class Tidy(WithTree):
    def tidy(self, *args):
        return run(os.path.join(TOOLS, "tidy"), *args, TIDY_ROOT=self.root)

    @staticmethod
    def function(lines):
        body = "".join(f"    f({i});\n" for i in range(lines - 3))
        return f"/* x */\nvoid long_one(void)\n{{\n{body}}}\n"

    def test_clean_text_passes(self):
        write(self.root, "src/a/a.c", "/* Head. TODO(#12) strcpy( */\nint f(int a)\n{\n    return p->time(a) +"
              " lifetime(a) + f(\"// FIXME strcpy(\");\n}\n")
        status, out = self.tidy()
        self.assertEqual((status, out), (0, "tidy: 1 files, 0 recorded, 0 errors\n"))

    def test_each_text_rule_bites(self):
        for text, expected in [
            ("int x;\n", "a.c:1: no head comment"),
            ("/* x */\n// y\n", "a.c:2: // comment"),
            ("/* x */\n/* a\n FIXME */\n", "a.c:2: FIXME"),
            ("/* x */\n/* TODO later */\n", "TODO without an issue"),
            ("/* x */\n#include <assert.h>\n", "banned"),
        ] + [(f"/* x */\nvoid f(void)\n{{\n    {name} (1);\n}}\n", f"a.c:4: {name} is banned")
             for name in ("strcpy", "strcat", "sprintf", "strtok", "atoi", "gets", "alloca", "rand", "time",
                          "gmtime", "localtime")]:
            with self.subTest(text=text):
                write(self.root, "src/a/a.c", text)
                status, out = self.tidy()
                self.assertEqual(status, 1, out)
                self.assertIn(expected, out)

    def test_lengths_are_exact(self):
        for path, good, bad, expected in [
            ("src/a/a.c", self.function(70), self.function(71), "lines of long_one is 71, limit 70"),
            ("src/a/b.c", "/* x */\n" * 800, "/* x */\n" * 801, "file of src/a/b.c is 801, limit 800"),
            ("src/a/c.h", "/* x */\n" * 200, "/* x */\n" * 201, "header of src/a/c.h is 201, limit 200"),
            ("src/a/d.c", "/* x */\nint f(int a)\n{\n" + "    if (a) {\n        a++;\n    }\n" * 20
             + "    return a;\n}\n",
             "/* x */\nint f(int a)\n{\n" + "    if (a) { a++; }\n" * 30 + "    return a;\n}\n",
             "complexity of f is 31, limit 25"),
        ]:
            with self.subTest(path=path):
                write(self.root, path, good)
                self.assertEqual(self.tidy()[0], 0)
                write(self.root, path, bad)
                status, out = self.tidy()
                self.assertEqual(status, 1)
                self.assertIn(expected, out)
                write(self.root, path, good)

    def test_the_ratchet_only_tightens(self):
        write(self.root, "src/a/a.c", self.function(90))
        ratchet = write(self.root, "tools/tidy.ratchet", "lines src/a/a.c:long_one 90\n")
        self.assertEqual(self.tidy()[0], 0)
        write(self.root, "src/a/a.c", self.function(91))
        self.assertIn("is 91, limit 90", self.tidy("--update")[1])
        write(self.root, "src/a/a.c", self.function(80))
        self.assertIn("run tools/tidy --update", self.tidy()[1])
        self.assertEqual(self.tidy("--update")[0], 0)
        with open(ratchet, encoding="utf-8") as f:
            self.assertIn("lines src/a/a.c:long_one 80\n", f.read())
        write(self.root, "src/a/a.c", self.function(81))
        self.assertEqual(self.tidy()[0], 1)

    def test_an_empty_tree_fails(self):
        self.assertEqual(self.tidy()[0], 1)


class Runner(WithTree):
    @classmethod
    def setUpClass(cls):
        loader = importlib.machinery.SourceFileLoader("test_all", os.path.join(TOOLS, "test-all"))
        loader.path = os.path.join(TOOLS, "test-all")
        sys.dont_write_bytecode = True
        spec = importlib.util.spec_from_loader("test_all", loader)
        cls.runner = importlib.util.module_from_spec(spec)
        loader.exec_module(cls.runner)

    def outcome(self, kind, script, limit_s=20):
        stage = self.runner.Stage("x", kind, limit_s, ["sh", "-c", script])
        result = self.runner.run_stage(stage, os.path.join(self.root, "log"), dict(os.environ))
        return (result.passed, result.failed, result.skipped), result

    def test_one(self):
        self.assertEqual(self.outcome("one", "exit 0")[0], (1, 0, 0))
        self.assertEqual(self.outcome("one", "exit 3")[0], (0, 1, 0))
        self.assertEqual(self.outcome("one", "kill -9 $$")[0][1], 1)

    def test_a_missing_program_fails(self):
        stage = self.runner.Stage("x", "counts", 5, ["tools/there-is-no-such-program"])
        result = self.runner.run_stage(stage, os.path.join(self.root, "log"), dict(os.environ))
        self.assertEqual((result.passed, result.failed), (0, 1))

    def test_counts(self):
        self.assertEqual(self.outcome("counts", "echo x; echo 7 passed, 0 failed, 0 skipped")[0], (7, 0, 0))
        self.assertEqual(self.outcome("counts", "echo 7 passed, 2 failed, 0 skipped; exit 1")[0], (7, 2, 0))

    def test_failures_are_named(self):
        _, mine = self.outcome("counts", "echo '  FAIL a b: lost'; echo 'ERROR: t (x)'; echo 7 passed, 2 failed, 0 skipped;"
                                         " echo FAILED; exit 1")
        _, silent = self.outcome("one", "exit 3")
        _, late = self.outcome("one", "sleep 30", limit_s=1)
        _, fine = self.outcome("counts", "echo 7 passed, 0 failed, 0 skipped")
        rows = [(name, r, 1.0) for name, r in (("m", mine), ("s", silent), ("l", late), ("f", fine))]
        self.assertEqual(self.runner.failures(rows), [
            "failed: m: a b: lost", "failed: m: t (x)", "failed: s: exit status 3",
            "failed: l: out of time after 1 s"])

    def test_a_bad_exit_is_a_failure_more(self):
        self.assertEqual(self.outcome("counts", "echo 7 passed, 0 failed, 0 skipped; exit 1")[0], (7, 1, 0))

    def test_running_nothing_fails(self):
        self.assertEqual(self.outcome("counts", "echo hello")[0], (0, 1, 0))
        self.assertEqual(self.outcome("counts", "echo 0 passed, 0 failed, 0 skipped")[0], (0, 1, 0))

    def test_skips_need_names(self):
        counts, result = self.outcome("counts", "echo SKIP a: no; echo 1 passed, 0 failed, 1 skipped")
        self.assertEqual((counts, result.skips), ((1, 0, 1), ["a: no"]))
        self.assertEqual(self.outcome("counts", "echo 1 passed, 0 failed, 1 skipped")[0], (1, 1, 1))

    def test_unit_counts_every_case(self):
        logs = os.path.join(self.root, "meson-logs")
        report = ('<testsuites><testsuite name="s"><testcase name="a"/><testcase name="b"><failure/></testcase>'
                  '<testcase name="c"><skipped>why</skipped></testcase><testcase name="d"><error/></testcase>'
                  '</testsuite></testsuites>')
        # One program fails in its cases, one dies before its second case, one hangs.
        programs = "".join(f'{{"name": "{n}", "result": "{r}", "returncode": 1}}\n'
                           for n, r in (("p", "OK"), ("q", "FAIL"), ("r", "ERROR"), ("t", "TIMEOUT")))
        write(self.root, "new/testlog.junit.xml", report)
        write(self.root, "new/testlog.json", programs)
        os.makedirs(logs)
        stage = self.runner.Stage("x", "unit", 5, ["cp", "-r", os.path.join(self.root, "new/."), logs],
                                  build=self.root)
        result = self.runner.run_stage(stage, os.path.join(self.root, "log"), dict(os.environ))
        self.assertEqual((result.passed, result.failed, result.skipped), (1, 4, 1))
        self.assertEqual(result.failures, ["r: ERROR, status 1", "t: TIMEOUT, status 1", "s: b", "s: d"])
        self.assertEqual(result.skips, ["s: c: why"])
        # A report of an earlier run must not count for one that wrote none.
        stage.command = ["true"]
        result = self.runner.run_stage(stage, os.path.join(self.root, "log"), dict(os.environ))
        self.assertEqual((result.passed, result.failed), (0, 1))

    def test_only_neighbours_that_wait_run_beside_each_other(self):
        # Each of the two waits for a mark that the other one sets.
        def meet(mine, other):
            script = f"touch {self.root}/{mine}; while [ ! -e {self.root}/{other} ]; do sleep 0.05; done"
            return self.runner.Stage(mine, "one", 10, ["sh", "-c", script], beside=True)
        alone = self.runner.Stage("alone", "one", 10, ["test", "-e", os.path.join(self.root, "b")])
        groups = self.runner.groups([meet("a", "b"), meet("b", "a"), alone, meet("c", "a")])
        self.assertEqual([[s.name for s in g] for g in groups], [["a", "b"], ["alone"], ["c"]])
        rows = []
        with contextlib.redirect_stdout(io.StringIO()):
            for group in groups:
                rows += self.runner.run_group(group, self.root, dict(os.environ), rows, 2)
        self.assertEqual([(name, r.passed, r.failed) for name, r, _ in rows],
                         [("a", 1, 0), ("b", 1, 0), ("alone", 1, 0), ("c", 1, 0)])

    def test_time_limits_hold(self):
        counts, result = self.outcome("one", "sleep 30", limit_s=1)
        self.assertEqual(counts, (0, 1, 0))
        self.assertIn("out of time", result.note)


class Deps(unittest.TestCase):
    def test_groups_list_and_unknown_ones_fail(self):
        status, out = run(os.path.join(TOOLS, "deps"), "--list", "build", "test", "bench")
        self.assertEqual(status, 0)
        for package in ("libuv1-dev", "meson", "zookeeper", "pmccabe"):
            self.assertIn(package + "\n", out)
        self.assertNotEqual(run(os.path.join(TOOLS, "deps"), "nonsense")[0], 0)
        self.assertNotEqual(run(os.path.join(TOOLS, "deps"))[0], 0)


def main():
    outcome = unittest.TextTestRunner(stream=sys.stdout, verbosity=2).run(
        unittest.defaultTestLoader.loadTestsFromModule(sys.modules["__main__"]))
    # Subtests of one test count as one.
    failed = len({getattr(t, "test_case", t).id() for t, _ in outcome.failures + outcome.errors})
    for test, reason in outcome.skipped:
        print(f"SKIP {test}: {reason}")
    skipped = len(outcome.skipped)
    print(f"{outcome.testsRun - failed - skipped} passed, {failed} failed, {skipped} skipped")
    return 0 if outcome.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
