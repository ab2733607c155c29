/* The membership's text, and the same bytes as the value of one server's line. What is accepted is
 * printed as a text that reads back as the same, and makes a quorum in which all voters together
 * are one and nobody is none. */
#include <string.h>

#include "base/mem_libc.h"
#include "zab/members.h"
#include "zab/quorum.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_member(const struct rk_member *m)
{
    size_t host = strnlen(m->host, sizeof(m->host));
    size_t client = strnlen(m->client_host, sizeof(m->client_host));
    RK_ASSERT(host > 0 && host < sizeof(m->host));
    RK_ASSERT(client < sizeof(m->client_host) && (client > 0) == m->has_client);
    RK_ASSERT(m->quorum_port > 0 && m->election_port > 0);
    RK_ASSERT(m->quorum_port != m->election_port);
}

static void check_quorum(const struct rk_members *m)
{
    struct rk_quorum q;
    rk_zxid acked[RK_QUORUM_VOTERS_MAX];
    rk_quorum_init(&q, m);
    RK_ASSERT(q.voter_count == rk_members_voter_count(m));
    RK_ASSERT(rk_quorum_contains(&q, UINT64_MAX));
    RK_ASSERT(!rk_quorum_contains(&q, 0));
    for (uint32_t i = 0; i < q.voter_count; i++) {
        const struct rk_member *member = rk_members_find(m, q.voters[i]);
        RK_ASSERT(member != NULL && !member->is_observer);
        RK_ASSERT(rk_quorum_index(&q, q.voters[i]) == (int32_t)i);
        RK_ASSERT(rk_quorum_weight(&q, q.voters[i]) == member->weight);
        acked[i] = i;
    }
    rk_zxid committed = rk_quorum_acked(&q, acked);
    RK_ASSERT(committed >= 0 && committed < q.voter_count);
    RK_ASSERT(rk_quorum_contains(&q, UINT64_MAX << committed));
    RK_ASSERT(committed == 63 || !rk_quorum_contains(&q, UINT64_MAX << (committed + 1)));
}

static void check_round_trip(const struct rk_members *m)
{
    static struct rk_members back;
    struct rk_mem mem;
    struct rk_buf printed;
    struct rk_buf again;
    const char *why = NULL;
    rk_mem_libc_init(&mem, 0);
    rk_buf_init(&printed, &mem, RK_MEMBERS_TEXT_MAX);
    rk_buf_init(&again, &mem, RK_MEMBERS_TEXT_MAX);
    rk_members_print(&printed, m);
    RK_ASSERT(!printed.failed);
    RK_ASSERT(rk_members_parse(rk_buf_view(&printed), &back, &why) == RK_OK);
    RK_ASSERT(rk_members_equal(m, &back) && rk_members_equal(&back, m));
    RK_ASSERT(back.version == m->version);
    rk_members_print(&again, &back);
    RK_ASSERT(rk_bytes_equal(rk_buf_view(&printed), rk_buf_view(&again)));
    rk_buf_deinit(&printed);
    rk_buf_deinit(&again);
    RK_ASSERT(mem.used_bytes == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct rk_members m;
    struct rk_member one;
    struct rk_bytes text = rk_bytes_of(data, size);
    const char *why = NULL;
    if (rk_member_parse(1, text, &one, &why) == RK_OK) {
        check_member(&one);
    } else {
        RK_ASSERT(why != NULL);
    }
    why = NULL;
    if (rk_members_parse(text, &m, &why) == RK_OK) {
        for (uint32_t i = 0; i < m.count; i++) {
            check_member(&m.items[i]);
            RK_ASSERT(i == 0 || m.items[i - 1].sid < m.items[i].sid);
        }
        check_quorum(&m);
        check_round_trip(&m);
    } else {
        RK_ASSERT(why != NULL);
    }
    return 0;
}
