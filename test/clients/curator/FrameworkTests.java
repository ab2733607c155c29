import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.apache.curator.framework.AuthInfo;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.api.ACLProvider;
import org.apache.curator.framework.api.BackgroundCallback;
import org.apache.curator.framework.api.CuratorEventType;
import org.apache.curator.framework.api.CuratorWatcher;
import org.apache.curator.framework.api.transaction.CuratorTransactionResult;
import org.apache.curator.framework.api.transaction.OperationType;
import org.apache.curator.utils.ZKPaths;
import org.apache.zookeeper.AddWatchMode;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.Watcher;
import org.apache.zookeeper.ZooDefs.Ids;
import org.apache.zookeeper.data.ACL;
import org.apache.zookeeper.data.Stat;

/** Curator's framework: its builders, background calls, transactions, watches, namespaces, ACLs. */
final class FrameworkTests {
    private FrameworkTests() {}

    public static void createReadWriteDelete(Kit kit) throws Exception {
        CuratorFramework client = kit.client();
        String base = kit.base;
        Stat stat = new Stat();
        Kit.eq(client.create().storingStatIn(stat).creatingParentsIfNeeded()
                   .forPath(base + "/a/b", Kit.bytes("1")), base + "/a/b");
        Kit.eq(stat, client.checkExists().forPath(base + "/a/b"));
        Kit.eq(client.getData().storingStatIn(stat).forPath(base + "/a/b"), Kit.bytes("1"));
        Kit.eq(client.setData().withVersion(0).forPath(base + "/a/b", Kit.bytes("2")).getVersion(),
               1);
        Kit.refused(KeeperException.BadVersionException.class,
                    () -> client.setData().withVersion(0).forPath(base + "/a/b", Kit.bytes("3")));
        Kit.refused(KeeperException.NodeExistsException.class,
                    () -> client.create().forPath(base + "/a/b"));
        client.create().orSetData().forPath(base + "/a/b", Kit.bytes("or set"));
        Kit.eq(client.getData().forPath(base + "/a/b"), Kit.bytes("or set"));
        Kit.eq(client.getChildren().storingStatIn(stat).forPath(base), List.of("a"));
        Kit.eq(stat.getNumChildren(), 1);
        Kit.refused(KeeperException.NotEmptyException.class,
                    () -> client.delete().forPath(base + "/a"));
        client.delete().guaranteed().deletingChildrenIfNeeded().forPath(base + "/a");
        Kit.eq(client.checkExists().forPath(base + "/a"), null);
        client.delete().quietly().forPath(base + "/a");
        Kit.refused(KeeperException.NoNodeException.class,
                    () -> client.delete().withVersion(3).forPath(base + "/a"));
        client.create().compressed().forPath(base + "/z", new byte[100000]);
        Kit.check(client.checkExists().forPath(base + "/z").getDataLength() < 1000,
                  "not compressed");
        Kit.eq(client.getData().decompressed().forPath(base + "/z"), new byte[100000]);
        client.create().idempotent().forPath(base + "/i", Kit.bytes("i"));
        client.setData().idempotent().withVersion(0).forPath(base + "/i", Kit.bytes("j"));
        client.delete().idempotent().withVersion(1).forPath(base + "/i");
        Kit.eq(client.checkExists().creatingParentsIfNeeded().forPath(base + "/p/q"), null);
        Kit.check(client.checkExists().forPath(base + "/p") != null, "parents by checkExists");
    }

    public static void createModesAndProtection(Kit kit) throws Exception {
        CuratorFramework client = kit.client();
        String base = kit.base;
        client.create().forPath(base);
        Kit.eq(client.create().withMode(CreateMode.PERSISTENT_SEQUENTIAL).forPath(base + "/s-"),
               base + "/s-0000000000");
        client.create().withMode(CreateMode.EPHEMERAL).forPath(base + "/e");
        Kit.eq(client.checkExists().forPath(base + "/e").getEphemeralOwner(),
               client.getZookeeperClient().getZooKeeper().getSessionId());
        String path = client.create().withProtection().withMode(CreateMode.EPHEMERAL_SEQUENTIAL)
            .forPath(base + "/x-");
        Kit.check(path.startsWith(base + "/_c_") && path.endsWith("-x-0000000002"), path);
        client.create().withMode(CreateMode.CONTAINER).forPath(base + "/c");
        client.create().creatingParentContainersIfNeeded().forPath(base + "/k/child");
        client.create().withTtl(3600000).withMode(CreateMode.PERSISTENT_WITH_TTL)
            .forPath(base + "/t");
        client.createContainers(base + "/made/deep");
        /* A container that has lost its last child is taken away. */
        Kit.Told<String> told = new Kit.Told<>();
        client.checkExists().usingWatcher((Watcher) e -> told.add(JavaClientTests.show(e)))
            .forPath(base + "/k");
        client.delete().forPath(base + "/k/child");
        told.waitHas("NodeDeleted " + base + "/k");
        /* And so is a node past its time to live. */
        client.create().withTtl(100).withMode(CreateMode.PERSISTENT_WITH_TTL).forPath(base + "/t2");
        if (client.checkExists().usingWatcher((Watcher) e -> told.add(JavaClientTests.show(e)))
                .forPath(base + "/t2") != null) {
            told.waitHas("NodeDeleted " + base + "/t2");
        }
        Kit.check(client.checkExists().forPath(base + "/t") != null, "the longer-lived went too");
    }

    public static void backgroundCalls(Kit kit) throws Exception {
        CuratorFramework client = kit.client();
        String base = kit.base;
        Kit.Told<Object> told = new Kit.Told<>();
        BackgroundCallback callback = (c, event) ->
            told.add(event.getType() + " " + event.getResultCode());
        client.create().inBackground(callback).forPath(base, Kit.bytes("x"));
        client.create().inBackground(callback).forPath(base);
        client.checkExists().inBackground(callback).forPath(base);
        client.getData().inBackground(callback).forPath(base);
        client.setData().inBackground(callback).forPath(base, Kit.bytes("y"));
        client.getChildren().inBackground(callback).forPath(base);
        client.getACL().inBackground(callback).forPath(base);
        client.setACL().withACL(Ids.OPEN_ACL_UNSAFE).inBackground(callback).forPath(base);
        client.sync().inBackground(callback).forPath(base);
        client.transaction().inBackground(callback).forOperations(
            client.transactionOp().check().forPath(base));
        client.delete().inBackground(callback).forPath(base);
        Kit.eq(told.waitCount(11), List.of("CREATE 0", "CREATE -110", "EXISTS 0", "GET_DATA 0",
            "SET_DATA 0", "CHILDREN 0", "GET_ACL 0", "SET_ACL 0", "SYNC 0", "TRANSACTION 0",
            "DELETE 0"));
        Kit.Told<CuratorEventType> heard = new Kit.Told<>();
        client.getCuratorListenable().addListener((c, event) -> heard.add(event.getType()));
        client.sync().inBackground().forPath(base);
        heard.waitHas(CuratorEventType.SYNC);
    }

    public static void transactions(Kit kit) throws Exception {
        CuratorFramework client = kit.client();
        String base = kit.base;
        client.create().forPath(base, Kit.bytes("x"));
        List<CuratorTransactionResult> results = client.transaction().forOperations(
            client.transactionOp().create().withMode(CreateMode.PERSISTENT_SEQUENTIAL)
                .forPath(base + "/s-", Kit.bytes("s")),
            client.transactionOp().setData().withVersion(0).forPath(base, Kit.bytes("y")),
            client.transactionOp().check().withVersion(1).forPath(base),
            client.transactionOp().create().withMode(CreateMode.EPHEMERAL).forPath(base + "/e"),
            client.transactionOp().delete().forPath(base + "/e"));
        Kit.eq(results.stream().map(CuratorTransactionResult::getType).collect(Collectors.toList()),
               List.of(OperationType.CREATE, OperationType.SET_DATA, OperationType.CHECK,
                       OperationType.CREATE, OperationType.DELETE));
        Kit.eq(results.get(0).getResultPath(), base + "/s-0000000000");
        Kit.eq(results.get(1).getResultStat().getVersion(), 1);
        Kit.refused(KeeperException.BadVersionException.class, () ->
            client.transaction().forOperations(
                client.transactionOp().create().forPath(base + "/never"),
                client.transactionOp().check().withVersion(9).forPath(base)));
        Kit.eq(client.checkExists().forPath(base + "/never"), null);
        client.transaction().forOperations(
            client.transactionOp().create().withTtl(3600000)
                .withMode(CreateMode.PERSISTENT_WITH_TTL).forPath(base + "/t"));
    }

    @SuppressWarnings("deprecation")
    public static void transactionsOfOldStyle(Kit kit) throws Exception {
        CuratorFramework client = kit.client();
        String base = kit.base;
        Collection<CuratorTransactionResult> results = client.inTransaction()
            .create().forPath(base, Kit.bytes("1")).and()
            .create().forPath(base + "/a").and()
            .setData().forPath(base, Kit.bytes("2")).and()
            .check().withVersion(1).forPath(base).and()
            .delete().forPath(base + "/a").and().commit();
        Kit.eq(results.size(), 5);
        Kit.eq(client.getData().forPath(base), Kit.bytes("2"));
    }

    public static void watches(Kit kit) throws Exception {
        CuratorFramework client = kit.client();
        CuratorFramework other = kit.client();
        String base = kit.base;
        Kit.Told<String> told = new Kit.Told<>();
        CuratorWatcher watcher = event -> told.add(JavaClientTests.show(event));
        client.checkExists().usingWatcher(watcher).forPath(base);
        other.create().forPath(base);
        told.waitCount(1);
        client.getData().usingWatcher(watcher).forPath(base);
        client.getChildren().usingWatcher(watcher).forPath(base);
        other.setData().forPath(base, Kit.bytes("x"));
        other.create().forPath(base + "/a");
        Kit.eq(told.waitCount(3), List.of("NodeCreated " + base, "NodeDataChanged " + base,
                                          "NodeChildrenChanged " + base));
        client.getData().usingWatcher(watcher).forPath(base);
        client.watchers().remove(watcher).ofType(Watcher.WatcherType.Data).forPath(base);
        Kit.eq(told.waitCount(4).get(3), "DataWatchRemoved " + base);
        told.clear();
        client.watchers().add().withMode(AddWatchMode.PERSISTENT_RECURSIVE)
            .usingWatcher(watcher).forPath(base);
        other.create().creatingParentsIfNeeded().forPath(base + "/r/s");
        other.setData().forPath(base + "/r/s", Kit.bytes("x"));
        other.delete().deletingChildrenIfNeeded().forPath(base + "/r");
        Kit.eq(told.waitCount(5), List.of(
            "NodeCreated " + base + "/r", "NodeCreated " + base + "/r/s",
            "NodeDataChanged " + base + "/r/s", "NodeDeleted " + base + "/r/s",
            "NodeDeleted " + base + "/r"));
        client.watchers().removeAll().ofType(Watcher.WatcherType.Any).forPath(base);
        told.waitFor(list -> list.size() == 6, "the removal");
        other.setData().forPath(base, Kit.bytes("y"));
        client.sync().forPath(base);
        Kit.eq(client.getData().forPath(base), Kit.bytes("y"));
        Kit.eq(told.now().size(), 6);
        Kit.refused(KeeperException.NoWatcherException.class,
                    () -> client.watchers().removeAll().forPath(base));
    }

    public static void namespaces(Kit kit) throws Exception {
        CuratorFramework plain = kit.client();
        CuratorFramework client = kit.start(kit.builder().namespace(kit.base.substring(1)));
        Kit.eq(client.create().creatingParentsIfNeeded().forPath("/a/b"), "/a/b");
        Kit.check(plain.checkExists().forPath(kit.base + "/a/b") != null, "not in the namespace");
        Kit.Told<String> told = new Kit.Told<>();
        client.getData().usingWatcher((CuratorWatcher) e -> told.add(JavaClientTests.show(e)))
            .forPath("/a");
        plain.setData().forPath(kit.base + "/a", Kit.bytes("x"));
        told.waitHas("NodeDataChanged /a");
        Kit.eq(client.usingNamespace(null).checkExists().forPath(kit.base + "/a/b"),
               client.checkExists().forPath("/a/b"));
        CuratorFramework chrooted = kit.start(kit.builder().connectString(kit.hosts + kit.base));
        Kit.eq(chrooted.getChildren().forPath("/"), List.of("a"));
        ZKPaths.mkdirs(chrooted.getZookeeperClient().getZooKeeper(), "/m/n/o");
        Kit.eq(ZKPaths.getSortedChildren(chrooted.getZookeeperClient().getZooKeeper(), "/"),
               List.of("a", "m"));
        ZKPaths.deleteChildren(chrooted.getZookeeperClient().getZooKeeper(), "/m", true);
        Kit.eq(new TreeSet<>(chrooted.getChildren().forPath("/")), new TreeSet<>(List.of("a")));
    }

    public static void accessLists(Kit kit) throws Exception {
        CuratorFramework bob = kit.start(kit.builder()
            .authorization("digest", Kit.bytes("bob:secret"))
            .aclProvider(new ACLProvider() {
                @Override
                public List<ACL> getDefaultAcl() {
                    return Ids.CREATOR_ALL_ACL;
                }

                @Override
                public List<ACL> getAclForPath(String path) {
                    return getDefaultAcl();
                }
            }));
        CuratorFramework other = kit.client();
        String base = kit.base;
        bob.create().creatingParentsIfNeeded().forPath(base + "/a");
        Kit.eq(bob.getACL().forPath(base).get(0).getId().getId(),
               "bob:fyVmFCwVbTJYrznoSu1koqYEYF0=");
        Kit.refused(KeeperException.NoAuthException.class, () -> other.getData().forPath(base));
        Kit.refused(KeeperException.NoAuthException.class,
                    () -> other.create().forPath(base + "/x"));
        List<ACL> both = new ArrayList<>(Ids.READ_ACL_UNSAFE);
        both.addAll(Ids.CREATOR_ALL_ACL);
        Kit.eq(bob.setACL().withVersion(0).withACL(both).forPath(base).getAversion(), 1);
        other.getData().forPath(base);
        Kit.eq(other.getACL().forPath(base).get(1).getId().getId(), "bob:x");
        CuratorFramework second = kit.start(kit.builder().authorization(List.of(
            new AuthInfo("digest", Kit.bytes("al:1")),
            new AuthInfo("digest", Kit.bytes("bob:secret")))));
        second.setData().forPath(base, Kit.bytes("x"));
        second.create().withACL(Ids.CREATOR_ALL_ACL).forPath(base + "/two");
        Kit.eq(second.getACL().forPath(base + "/two").size(), 2);
    }

    public static void configAndReconfigSwitchedOff(Kit kit) throws Exception {
        CuratorFramework client = kit.client();
        Kit.eq(client.getConfig().forEnsemble(), new byte[0]);
        Kit.refused(KeeperException.ReconfigDisabledException.class,
                    () -> client.reconfig().joining("server.2=localhost:1:2;3").forEnsemble());
        Kit.refused(KeeperException.ReconfigDisabledException.class,
                    () -> client.reconfig().withNewMembers("server.2=localhost:1:2;3")
                        .forEnsemble());
    }
}
