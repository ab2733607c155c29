/* Values as text. Guarantees that nothing but printable ASCII without line ends comes out, so that
 * bytes from clients can neither forge log lines nor drive a terminal. Which value is shown how is
 * the schema's business. */
#include "proto/print.h"

#include "base/num.h"

#include <string.h>

void rk_proto_show_word(struct rk_buf *b, const char *word)
{
    rk_buf_put(b, word, strlen(word));
}

void rk_proto_show_dec(struct rk_buf *b, int64_t v)
{
    char text[RK_NUM_MAX];
    rk_buf_put(b, text, rk_num_dec(text, v));
}

void rk_proto_show_hex(struct rk_buf *b, uint64_t v)
{
    char text[RK_NUM_MAX];
    rk_proto_show_word(b, "0x");
    rk_buf_put(b, text, rk_num_hex(text, v));
}

static bool is_plain(uint8_t c)
{
    return c >= 0x20 && c <= 0x7e && c != '"' && c != '\\';
}

static void show_quoted(struct rk_buf *b, struct rk_bytes v)
{
    static const char digits[] = "0123456789abcdef";
    rk_buf_put_u8(b, '"');
    uint32_t at = 0;
    while (at < v.len) {
        uint32_t start = at;
        while (at < v.len && is_plain(v.data[at])) {
            at++;
        }
        rk_buf_put(b, v.data + start, at - start);
        if (at == v.len) {
            break;
        }
        uint8_t c = v.data[at];
        char escape[4] = {'\\', 'x', digits[c >> 4], digits[c & 15]};
        if (c == '"' || c == '\\') {
            escape[1] = (char)c;
            rk_buf_put(b, escape, 2);
        } else {
            rk_buf_put(b, escape, sizeof(escape));
        }
        at++;
    }
    rk_buf_put_u8(b, '"');
}

void rk_proto_show_text(struct rk_buf *b, struct rk_bytes v)
{
    if (v.data == NULL) {
        rk_proto_show_word(b, "null");
        return;
    }
    show_quoted(b, v);
}

void rk_proto_show_data(struct rk_buf *b, struct rk_bytes v)
{
    if (v.data == NULL) {
        rk_proto_show_word(b, "null");
        return;
    }
    rk_proto_show_dec(b, (int64_t)v.len);
    rk_proto_show_word(b, ":");
    bool is_cut = v.len > RK_PROTO_SHOW_DATA_MAX;
    show_quoted(b, rk_bytes_of(v.data, is_cut ? RK_PROTO_SHOW_DATA_MAX : v.len));
    if (is_cut) {
        rk_proto_show_word(b, "...");
    }
}

void rk_proto_show_secret(struct rk_buf *b, struct rk_bytes v)
{
    if (v.data == NULL) {
        rk_proto_show_word(b, "null");
        return;
    }
    rk_proto_show_dec(b, (int64_t)v.len);
    rk_proto_show_word(b, ":(hidden)");
}
