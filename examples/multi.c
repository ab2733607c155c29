/* A transaction: everything or nothing; and several reads at one point in time.
 *
 *   cc -DTHREADED multi.c $(pkg-config --cflags --libs rookery) && ./a.out localhost:2181
 *
 * Prints: the second one failed: bad version
 */
#include <stdio.h>

#include <rookery/rookery.h>

int main(int argc, char **argv)
{
    struct rk_options options;
    rk_options_init(&options);
    options.log_level = ZOO_LOG_LEVEL_ERROR;
    zhandle_t *zh = rk_open(argc > 1 ? argv[1] : "localhost:2181", &options);
    if (!zh || rk_wait_connected(zh, 10000) != ZOK) {
        fprintf(stderr, "no connection\n");
        zookeeper_close(zh);
        return 1;
    }
    zoo_op_t ops[2];
    zoo_op_result_t results[2];
    char path[64] = "";
    struct Stat stat;
    zoo_create_op_init(&ops[0], "/example-multi", "one", 3, &ZOO_OPEN_ACL_UNSAFE, ZOO_EPHEMERAL,
                       path, sizeof(path));
    zoo_set_op_init(&ops[1], "/example-multi", "two", 3, 0, &stat);
    int rc = zoo_multi(zh, 2, ops, results);
    printf("%s: %s, version %d\n", rc == ZOK ? "done" : zerror(rc), path,
           rc == ZOK ? stat.version : -1);

    zoo_delete_op_init(&ops[0], "/example-multi", -1);
    zoo_check_op_init(&ops[1], "/", 7777); /* not the version it has: nothing is deleted */
    rc = zoo_multi(zh, 2, ops, results);
    printf("the second one failed: %s\n", zerror(results[1].err));

    struct rk_read reads[2] = {{RK_READ_DATA, "/example-multi"}, {RK_READ_CHILDREN, "/"}};
    struct rk_read_result answers[2];
    rc = rk_multi_read(zh, 2, reads, answers);
    if (rc == ZOK) {
        printf("still there: %.*s, one of %d\n", answers[0].data.len, answers[0].data.buff,
               answers[1].children.count);
        rk_read_results_free(answers, 2);
    }
    zookeeper_close(zh);
    return rc == ZOK ? 0 : 1;
}
