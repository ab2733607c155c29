#!/usr/bin/env python3
"""Turns the record schema into plain C.

    jutegen.py SCHEMA OUTDIR

writes into OUTDIR
    records.h, records.c    structs, decoders, encoders
    records_print.c         one-line printers
    records_table.h, .c     every record with its fields and functions, for tests and fuzzers

The schema language is described at the top of src/proto/schema/rookery.jute. Anything outside it is an
error with a line number; nothing is guessed. The output depends on the schema alone.
"""

import os
import re
import sys

SCALARS = {
    # name: (C type, least bytes, suffix of rk_read_/rk_buf_put_, table kind)
    "boolean": ("bool", 1, "bool", "BOOL"),
    "int": ("int32_t", 4, "i32", "I32"),
    "long": ("int64_t", 8, "i64", "I64"),
    "ustring": ("struct rk_bytes", 4, "bytes", "TEXT"),
    "buffer": ("struct rk_bytes", 4, "bytes", "DATA"),
}
WORDS = ("optional", "secret", "hex")
TOKEN = re.compile(r"\s+|(/\*.*?\*/)|([A-Za-z][A-Za-z0-9]*)|([{};<>])", re.S)
C_KEYWORDS = set(
    "auto break case char const continue default do double else enum extern float for goto if inline "
    "int long register restrict return short signed sizeof static struct switch typedef union "
    "unsigned void volatile while bool true false".split()
)


class SchemaError(Exception):
    pass


def snake(name):
    """CreateTTLRequest -> create_ttl_request, parentCversion -> parent_cversion."""
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name).lower()


class Field:
    def __init__(self, name, kind, element, words, comment):
        self.name = snake(name)
        self.kind = kind  # a scalar's name, "vector" or "record"
        self.element = element  # vector: scalar or Record; record: Record
        self.words = words
        self.comment = comment

    @property
    def optional(self):
        return "optional" in self.words

    def c_type(self):
        if self.kind == "vector":
            return "struct " + vec_name(self.element)
        if self.kind == "record":
            return "struct rk_" + self.element.snake
        return SCALARS[self.kind][0]

    def bytes_min(self):
        if self.optional:
            return 0
        if self.kind == "vector":
            return 4
        if self.kind == "record":
            return self.element.bytes_min()
        return SCALARS[self.kind][1]


class Record:
    def __init__(self, name, doc):
        self.name = name
        self.snake = snake(name)
        self.doc = doc
        self.fields = []

    def bytes_min(self):
        return sum(f.bytes_min() for f in self.fields)

    def min_name(self):
        return "RK_%s_BYTES_MIN" % self.snake.upper()

    def has_optional(self):
        return any(f.optional for f in self.fields)


def element_suffix(element):
    return element.snake if isinstance(element, Record) else "bytes"


def vec_name(element):
    return "rk_vec_" + element_suffix(element)


def tokens(text, path):
    """Yields (text, line, on_same_line_as_previous). Comments are tokens that start with /*."""
    at, line, last_line = 0, 1, 0
    while at < len(text):
        m = TOKEN.match(text, at)
        if not m:
            raise SchemaError("%s:%d: unexpected %r" % (path, line, text[at]))
        if m.lastindex:
            yield m.group(0), line, line == last_line
            last_line = line + m.group(0).count("\n")
        line += m.group(0).count("\n")
        at = m.end()
    yield "", line, False


class Parser:
    def __init__(self, text, path):
        self.path = path
        self.tokens = list(tokens(text, path))
        self.at = 0
        self.records = {}

    def fail(self, what):
        raise SchemaError("%s:%d: %s" % (self.path, self.tokens[self.at][1], what))

    def peek(self):
        return self.tokens[self.at]

    def take(self):
        self.at += 1
        return self.tokens[self.at - 1][0]

    def comment(self):
        """The last of any comments here, with the blank lines between it and the next token told by
        its position: a section heading is not a class's comment."""
        found = None
        while self.peek()[0].startswith("/*"):
            text, line, _ = self.peek()
            self.take()
            end = line + text.count("\n")
            found = text if self.peek()[1] == end + 1 else None
        return found

    def expect(self, what):
        if self.peek()[0] != what:
            self.fail("expected %r, found %r" % (what, self.peek()[0]))
        self.take()

    def word(self):
        if not re.fullmatch(r"[A-Za-z]\w*", self.peek()[0]):
            self.fail("expected a name, found %r" % self.peek()[0])
        return self.take()

    def element(self, name):
        if name in ("ustring", "buffer"):
            return name
        if name not in self.records:
            self.fail("vector of %r: only ustring, buffer or a class defined above" % name)
        if self.records[name].has_optional():
            self.fail("%s has an optional end and cannot be an element" % name)
        return self.records[name]

    def field(self, is_first):
        words = []
        while self.peek()[0] in WORDS:
            words.append(self.take())
        name = self.word()
        element = None
        if name == "vector":
            kind = "vector"
            self.expect("<")
            element = self.element(self.word())
            self.expect(">")
        elif name in SCALARS:
            kind = name
        elif name in self.records:
            kind, element = "record", self.records[name]
            if element.has_optional():
                self.fail("%s has an optional end and cannot be a field" % name)
        else:
            self.fail("unknown type %r" % name)
        self.check_words(words, kind, is_first)
        field_name = self.word()
        if snake(field_name) in C_KEYWORDS:
            self.fail("field %r would be a C keyword" % field_name)
        self.expect(";")
        text, _, same_line = self.peek()
        comment = self.take() if text.startswith("/*") and same_line else None
        return Field(field_name, kind, element, words, comment)

    def check_words(self, words, kind, is_first):
        if len(set(words)) != len(words):
            self.fail("word given twice")
        if "hex" in words and kind not in ("int", "long"):
            self.fail("hex is for int and long")
        if "secret" in words and kind not in ("ustring", "buffer"):
            self.fail("secret is for ustring and buffer")
        if "optional" in words and (kind in ("vector", "record") or is_first):
            self.fail("optional is for a scalar behind other fields")

    def record(self, doc):
        self.expect("class")
        name = self.word()
        if name in self.records or name in SCALARS or name in WORDS + ("vector", "class"):
            self.fail("%r is taken" % name)
        record = Record(name, doc)
        self.expect("{")
        while self.peek()[0] != "}":
            if record.has_optional():
                self.fail("only the last field may be optional")
            field = self.field(not record.fields)
            if field.name in (f.name for f in record.fields):
                self.fail("field %r given twice" % field.name)
            record.fields.append(field)
        self.take()
        if not record.fields:
            self.fail("%s has no field" % name)
        self.records[name] = record

    def parse(self):
        while True:
            doc = self.comment()
            if not self.peek()[0]:
                return list(self.records.values())
            self.record(doc)


def vectors_in_order(records):
    """Elements of all vectors, each once, the byte vector first."""
    seen = ["ustring"]
    for record in records:
        for f in record.fields:
            if f.kind == "vector" and isinstance(f.element, Record) and f.element not in seen:
                seen.append(f.element)
    return seen


NOTE = "/* Generated by tools/jutegen.py from %s. Do not edit. */\n"


def struct_lines(record, vecs):
    out = []
    if record.doc:
        out.append(record.doc)
    out.append("struct rk_%s {" % record.snake)
    for f in record.fields:
        comment = " " + f.comment if f.comment else ""
        if f.optional:
            out.append("    bool has_%s; /* the input held it; written only if true */" % f.name)
        ctype = f.c_type()
        out.append("    %s %s;%s" % (ctype, f.name, comment))
    out.append("};\n")
    if record in vecs:
        out += vec_struct_lines(record)
    return out


def vec_struct_lines(element):
    item = "struct rk_" + element_suffix(element)
    return [
        "struct %s {" % vec_name(element),
        "    int32_t count; /* -1 = null */",
        "    %s *items;" % item,
        "};\n",
    ]


def signature(result, name, parameters, end):
    """At most 100 columns: in one line, broken and aligned behind the bracket, or broken at it."""
    start = "%s %s(" % (result, name)
    line = start + ", ".join(parameters) + ")" + end
    if len(line) <= 100:
        return line
    indent = " " * len(start)
    first, last = start + ", ".join(parameters[:-1]) + ",", indent + parameters[-1] + ")" + end
    if max(len(first), len(last)) <= 100:
        return first + "\n" + last
    return start + "\n    " + ", ".join(parameters) + ")" + end


def read_signature(name, ctype, end=""):
    parameters = ["struct rk_reader *r", "struct rk_arena *a", "%s *ret" % ctype]
    return signature("bool", "rk_proto_read_" + name, parameters, end)


def write_signature(name, ctype, end=""):
    parameters = ["struct rk_buf *b", "const %s *v" % ctype]
    return signature("void", "rk_proto_write_" + name, parameters, end)


def print_signature(name, ctype, end=""):
    parameters = ["struct rk_buf *b", "const %s *v" % ctype]
    return signature("void", "rk_proto_print_" + name, parameters, end)


def prototypes(name, ctype):
    return [make(name, ctype, ";") for make in (read_signature, write_signature, print_signature)]


HEADER_TEXT = """\
/* The records of the protocol: structs, decoders (read), encoders (write) and printers.
 *
 * read   takes one record from r and leaves r behind it; false iff r has failed, and then *ret
 *        holds zeros and nulls from the first bad field on and must not be used. Strings and
 *        buffers are borrowed from the input of r; the items of vectors come from the arena, after
 *        their count was checked against the bytes that are left.
 * write  appends the record to b, which latches failure.
 * print  appends one line of text without a line end: every byte outside printable ASCII is
 *        escaped, of buffers only the beginning is shown, of secrets only the length.
 *
 * RK_..._BYTES_MIN is the size of the shortest encoding, and the only size of records without
 * strings, buffers, vectors and optional fields. */
"""


def emit_header(records, source):
    vecs = vectors_in_order(records)
    out = [HEADER_TEXT, NOTE % source]
    out.append("#ifndef RK_PROTO_RECORDS_H\n#define RK_PROTO_RECORDS_H\n")
    out.append('#include "base/arena.h"\n#include "base/bytes.h"\n')
    out.append("enum rk_proto_bytes_min {")
    for record in records:
        out.append("    %s = %d," % (record.min_name(), record.bytes_min()))
    out.append("};\n")
    out += vec_struct_lines("ustring")
    for record in records:
        out += struct_lines(record, vecs)
    for element in vecs:
        name = "vec_" + element_suffix(element)
        out += prototypes(name, "struct " + vec_name(element)) + [""]
    for record in records:
        out += prototypes(record.snake, "struct rk_" + record.snake) + [""]
    out.append("#endif\n")
    return "\n".join(out)


def read_vec(element):
    name = element_suffix(element)
    least = element.min_name() if isinstance(element, Record) else "4"
    if isinstance(element, Record):
        step = "(void)rk_proto_read_%s(r, a, &items[i]); /* latched in r */" % name
    else:
        step = "items[i] = rk_read_bytes(r);"
    return """\
%s
{
    ret->items = NULL;
    ret->count = rk_read_count(r, %s);
    if (ret->count <= 0) {
        return !r->failed;
    }
    struct rk_%s *items = rk_arena_alloc(a, (size_t)ret->count * sizeof(*items));
    for (int32_t i = 0; i < ret->count && !r->failed; i++) {
        %s
    }
    if (r->failed) {
        ret->count = 0;
        return false;
    }
    ret->items = items;
    return true;
}
""" % (read_signature("vec_" + name, "struct rk_vec_" + name), least, name, step)


def write_vec(element):
    name = element_suffix(element)
    if isinstance(element, Record):
        step = "rk_proto_write_%s(b, &v->items[i]);" % name
    else:
        step = "rk_buf_put_bytes(b, v->items[i]);"
    return """\
%s
{
    RK_ASSERT(v->count >= -1);
    RK_ASSERT(v->count <= 0 || v->items != NULL);
    rk_buf_put_i32(b, v->count);
    for (int32_t i = 0; i < v->count; i++) {
        %s
    }
}
""" % (write_signature("vec_" + name, "struct rk_vec_" + name), step)


def print_vec(element):
    name = element_suffix(element)
    if isinstance(element, Record):
        step = "rk_proto_print_%s(b, &v->items[i]);" % name
    else:
        step = "rk_proto_show_text(b, v->items[i]);"
    return """\
%s
{
    if (v->count < 0) {
        rk_proto_show_word(b, "null");
        return;
    }
    rk_proto_show_word(b, "[");
    for (int32_t i = 0; i < v->count; i++) {
        if (i > 0) {
            rk_proto_show_word(b, " ");
        }
        %s
    }
    rk_proto_show_word(b, "]");
}
""" % (print_signature("vec_" + name, "struct rk_vec_" + name), step)


def read_field(f):
    at = "ret->" + f.name
    if f.kind == "vector":
        name = "vec_" + element_suffix(f.element)
        return ["    (void)rk_proto_read_%s(r, a, &%s); /* latched in r */" % (name, at)]
    if f.kind == "record":
        return ["    (void)rk_proto_read_%s(r, a, &%s); /* latched in r */" % (f.element.snake, at)]
    read = "rk_read_%s(r)" % SCALARS[f.kind][2]
    if f.optional:
        null = {"boolean": "false", "int": "0", "long": "0"}.get(f.kind, "(struct rk_bytes){NULL, 0}")
        return [
            "    ret->has_%s = !r->failed && rk_reader_left(r) > 0;" % f.name,
            "    %s = ret->has_%s ? %s : %s;" % (at, f.name, read, null),
        ]
    return ["    %s = %s;" % (at, read)]


def write_field(f):
    at = "v->" + f.name
    if f.kind == "vector":
        return ["    rk_proto_write_vec_%s(b, &%s);" % (element_suffix(f.element), at)]
    if f.kind == "record":
        return ["    rk_proto_write_%s(b, &%s);" % (f.element.snake, at)]
    put = "rk_buf_put_%s(b, %s);" % (SCALARS[f.kind][2], at)
    if f.optional:
        return ["    if (v->has_%s) {" % f.name, "        " + put, "    }"]
    return ["    " + put]


def fixed_bytes(f):
    """Size of a field that always takes the same number of bytes, else 0."""
    if f.optional or f.kind == "vector":
        return 0
    if f.kind == "record":
        sizes = [fixed_bytes(g) for g in f.element.fields]
        return 0 if 0 in sizes else sum(sizes)
    return {"boolean": 1, "int": 4, "long": 8}.get(f.kind, 0)


def store_field(f, at, offset):
    """Stores a fixed-size field at p + offset; the room is there already."""
    if f.kind == "record":
        out = []
        for g in f.element.fields:
            out += store_field(g, at + "." + g.name, offset)
            offset += fixed_bytes(g)
        return out
    if f.kind == "boolean":
        return ["        p[%d] = %s ? 1 : 0;" % (offset, at)]
    return ["        rk_store_%s(p + %d, %s);" % (SCALARS[f.kind][2], offset, at)]


def write_fields(record):
    """Runs of fixed-size fields share one check for room."""
    out = []
    fields = list(record.fields)
    while fields:
        run = []
        while fields and fixed_bytes(fields[0]) > 0:
            run.append(fields.pop(0))
        if len(run) > 1 or (run and run[0].kind == "record"):
            size = sum(fixed_bytes(f) for f in run)
            out += ["    if (rk_buf_reserve(b, %d)) {" % size, "        uint8_t *p = b->data + b->len;"]
            offset = 0
            for f in run:
                out += store_field(f, "v->" + f.name, offset)
                offset += fixed_bytes(f)
            out += ["        b->len += %d;" % size, "    }"]
        elif run:
            out += write_field(run[0])
        if fields:
            out += write_field(fields.pop(0))
    return out


def print_value(f):
    at = "v->" + f.name
    if f.kind == "vector":
        return "rk_proto_print_vec_%s(b, &%s);" % (element_suffix(f.element), at)
    if f.kind == "record":
        return "rk_proto_print_%s(b, &%s);" % (f.element.snake, at)
    if f.kind == "boolean":
        return 'rk_proto_show_word(b, %s ? "true" : "false");' % at
    if f.kind in ("int", "long"):
        if "hex" in f.words:
            cast = "(uint32_t)" if f.kind == "int" else "(uint64_t)"
            return "rk_proto_show_hex(b, %s%s);" % (cast, at)
        return "rk_proto_show_dec(b, %s);" % at
    if "secret" in f.words:
        return "rk_proto_show_secret(b, %s);" % at
    return "rk_proto_show_%s(b, %s);" % ("text" if f.kind == "ustring" else "data", at)


def emit_codec(records, source):
    out = ["/* Decoders and encoders of all records; the contract is in records.h. */\n", NOTE % source]
    out.append('#include "proto/records.h"\n')
    for element in vectors_in_order(records):
        if element == "ustring":
            out += [read_vec(element), write_vec(element)]
    vecs = vectors_in_order(records)
    for record in records:
        ctype = "struct rk_" + record.snake
        out.append(read_signature(record.snake, ctype))
        out.append("{")
        if not any(f.kind in ("vector", "record") for f in record.fields):
            out.append("    (void)a; /* nothing in it needs memory */")
        for f in record.fields:
            out += read_field(f)
        out += ["    return !r->failed;", "}\n"]
        out.append(write_signature(record.snake, ctype))
        out.append("{")
        out += write_fields(record)
        out.append("}\n")
        if record in vecs:
            out += [read_vec(record), write_vec(record)]
    return "\n".join(out)


def emit_print(records, source):
    out = ["/* Printers of all records; the contract is in records.h. */\n", NOTE % source]
    out.append('#include "proto/print.h"\n#include "proto/records.h"\n')
    vecs = vectors_in_order(records)
    out.append(print_vec("ustring"))
    for record in records:
        out.append(print_signature(record.snake, "struct rk_" + record.snake))
        out.append("{")
        for i, f in enumerate(record.fields):
            label = "%s%s=" % ("{" if i == 0 else " ", f.name)
            if f.optional:
                out.append("    if (v->has_%s) {" % f.name)
                out.append('        rk_proto_show_word(b, "%s");' % label)
                out.append("        %s" % print_value(f))
                out.append("    }")
            else:
                out.append('    rk_proto_show_word(b, "%s");' % label)
                out.append("    %s" % print_value(f))
        out += ['    rk_proto_show_word(b, "}");', "}\n"]
        if record in vecs:
            out.append(print_vec(record))
    return "\n".join(out)


TABLE_HEADER = """\
/* Every record as data: for tests and fuzzers that treat them all alike. Production code calls the
 * typed functions of records.h. */

%s
#ifndef RK_PROTO_RECORDS_TABLE_H
#define RK_PROTO_RECORDS_TABLE_H

#include "proto/records.h"

enum rk_proto_kind {
    RK_PROTO_BOOL,
    RK_PROTO_I32,
    RK_PROTO_I64,
    RK_PROTO_TEXT,
    RK_PROTO_DATA,
    RK_PROTO_RECORD,
    RK_PROTO_VEC_BYTES,
    RK_PROTO_VEC_RECORD,
};

struct rk_proto_field {
    const char *name;
    enum rk_proto_kind kind;
    int32_t record_index; /* RECORD, VEC_RECORD: in rk_proto_records, else -1 */
    uint32_t offset;
    int32_t has_offset; /* of the bool beside an optional field, else -1 */
};

struct rk_proto_record {
    const char *name;
    uint32_t struct_bytes;
    uint32_t bytes_min;
    uint32_t field_count;
    const struct rk_proto_field *fields;
    bool (*read)(struct rk_reader *r, struct rk_arena *a, void *ret);
    void (*write)(struct rk_buf *b, const void *v);
    void (*print)(struct rk_buf *b, const void *v);
};

#define RK_PROTO_RECORD_COUNT %du

extern const struct rk_proto_record rk_proto_records[RK_PROTO_RECORD_COUNT];

/* Size of the largest struct in the table. */
#define RK_PROTO_RECORD_STRUCT_MAX sizeof(union rk_proto_any)

union rk_proto_any {
%s
};

#endif
"""


def emit_table_header(records, source):
    members = "\n".join("    struct rk_%s %s_;" % (r.snake, r.snake) for r in records)
    return TABLE_HEADER % (NOTE % source, len(records), members)


def table_kind(f):
    if f.kind == "vector":
        return "VEC_RECORD" if isinstance(f.element, Record) else "VEC_BYTES"
    return "RECORD" if f.kind == "record" else SCALARS[f.kind][3]


def emit_table(records, source):
    out = ["/* The table of records_table.h. */\n", NOTE % source, '#include "proto/records_table.h"\n']
    for record in records:
        name, ctype = record.snake, "struct rk_" + record.snake
        out.append("static const struct rk_proto_field fields_%s[] = {" % name)
        for f in record.fields:
            has = "(int32_t)offsetof(%s, has_%s)" % (ctype, f.name) if f.optional else "-1"
            index = records.index(f.element) if isinstance(f.element, Record) else -1
            out.append('    {"%s", RK_PROTO_%s, %d,' % (f.name, table_kind(f), index))
            out.append("     (uint32_t)offsetof(%s, %s),\n     %s}," % (ctype, f.name, has))
        out.append("};\n")
        parameters = ["struct rk_reader *r", "struct rk_arena *a", "void *ret"]
        out.append(signature("static bool", "read_" + name, parameters, ""))
        out.append("{\n    return rk_proto_read_%s(r, a, ret);\n}\n" % name)
        out.append("static void write_%s(struct rk_buf *b, const void *v)" % name)
        out.append("{\n    rk_proto_write_%s(b, v);\n}\n" % name)
        out.append("static void print_%s(struct rk_buf *b, const void *v)" % name)
        out.append("{\n    rk_proto_print_%s(b, v);\n}\n" % name)
    out.append("const struct rk_proto_record rk_proto_records[RK_PROTO_RECORD_COUNT] = {")
    for record in records:
        name = record.snake
        out.append('    {"%s",\n     (uint32_t)sizeof(struct rk_%s),\n     %s,\n     %d,'
                   % (name, name, record.min_name(), len(record.fields)))
        out.append("     fields_%s,\n     read_%s,\n     write_%s,\n     print_%s},"
                   % (name, name, name, name))
    out.append("};\n")
    return "\n".join(out)


def main(argv):
    if len(argv) != 3:
        sys.exit("usage: jutegen.py SCHEMA OUTDIR")
    source = "schema/" + os.path.basename(argv[1])
    try:
        with open(argv[1], encoding="ascii") as schema:
            records = Parser(schema.read(), argv[1]).parse()
    except (SchemaError, OSError, UnicodeError) as e:
        sys.exit("jutegen: %s" % e)
    files = {
        "records.h": emit_header(records, source),
        "records.c": emit_codec(records, source),
        "records_print.c": emit_print(records, source),
        "records_table.h": emit_table_header(records, source),
        "records_table.c": emit_table(records, source),
    }
    for name, text in files.items():
        with open(os.path.join(argv[2], name), "w", encoding="ascii") as out:
            out.write(text)


if __name__ == "__main__":
    main(sys.argv)
