#!/usr/bin/env python3
"""The generator refuses what it does not understand, with a line number, and is deterministic.

    test_jutegen.py JUTEGEN SCHEMA
"""

import os
import subprocess
import sys
import tempfile
import unittest

JUTEGEN, SCHEMA = sys.argv[1], sys.argv[2]

BAD = {
    "class A { int }": "expected a name",
    "class A { int x }": "expected ';'",
    "class A { }": "A has no field",
    "class A { int x; int x; }": "given twice",
    "class A { int x; } class A { int y; }": "'A' is taken",
    "class A { double x; }": "unknown type 'double'",
    "class A { B b; }": "unknown type 'B'",
    "class A { vector<B> b; }": "vector of 'B'",
    "class A { vector<int> b; }": "vector of 'int'",
    "class A { vector<vector<ustring>> b; }": "vector of 'vector'",
    "class A { int x; optional int y; int z; }": "only the last field",
    "class A { optional int y; }": "behind other fields",
    "class A { int x; optional vector<ustring> y; }": "optional is for",
    "class A { int x; optional int y; } class B { A a; }": "cannot be a field",
    "class A { int x; optional int y; } class B { vector<A> a; }": "cannot be an element",
    "class A { hex ustring x; }": "hex is for",
    "class A { secret int x; }": "secret is for",
    "class A { hex hex int x; }": "word given twice",
    "class A { int switch; }": "C keyword",
    "class A { int x; } struct": "expected 'class'",
    "class A { int x; ": "expected a name",
    "class A { int x; // no\n }": "unexpected '/'",
}


def run(schema, out):
    return subprocess.run([sys.executable, JUTEGEN, schema, out], capture_output=True, text=True)


class Jutegen(unittest.TestCase):
    def test_bad_schemas_are_refused_with_their_line(self):
        for text, reason in BAD.items():
            with tempfile.TemporaryDirectory() as tmp:
                path = os.path.join(tmp, "bad.jute")
                with open(path, "w") as f:
                    f.write("/* one */\n\n" + text)
                done = run(path, tmp)
                self.assertNotEqual(done.returncode, 0, text)
                self.assertIn(reason, done.stderr, text)
                self.assertIn("bad.jute:3" if "\n" not in text else "bad.jute:", done.stderr)
                self.assertEqual(os.listdir(tmp), ["bad.jute"], "nothing half-made is left")

    def test_a_missing_schema_is_an_error(self):
        with tempfile.TemporaryDirectory() as tmp:
            self.assertNotEqual(run(os.path.join(tmp, "none"), tmp).returncode, 0)

    def test_same_schema_same_output(self):
        texts = []
        for _ in range(2):
            with tempfile.TemporaryDirectory() as tmp:
                self.assertEqual(run(SCHEMA, tmp).returncode, 0)
                text = ""
                for name in sorted(os.listdir(tmp)):
                    with open(os.path.join(tmp, name)) as f:
                        text += name + f.read()
                self.assertNotIn(tmp, text)
                texts.append(text)
        self.assertEqual(texts[0], texts[1])

    def test_generated_text_keeps_the_house_style(self):
        with tempfile.TemporaryDirectory() as tmp:
            self.assertEqual(run(SCHEMA, tmp).returncode, 0)
            for name in os.listdir(tmp):
                with open(os.path.join(tmp, name)) as f:
                    for line in f.read().split("\n"):
                        self.assertLessEqual(len(line), 100, name)
                        self.assertEqual(line, line.rstrip(), name)
                        self.assertNotIn("//", line, name)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
