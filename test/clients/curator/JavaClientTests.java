import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.apache.zookeeper.AddWatchMode;
import org.apache.zookeeper.AsyncCallback;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.Op;
import org.apache.zookeeper.OpResult;
import org.apache.zookeeper.WatchedEvent;
import org.apache.zookeeper.Watcher;
import org.apache.zookeeper.Watcher.Event.EventType;
import org.apache.zookeeper.Watcher.Event.KeeperState;
import org.apache.zookeeper.Watcher.WatcherType;
import org.apache.zookeeper.ZKUtil;
import org.apache.zookeeper.ZooDefs.Ids;
import org.apache.zookeeper.ZooDefs.Perms;
import org.apache.zookeeper.ZooKeeper;
import org.apache.zookeeper.admin.ZooKeeperAdmin;
import org.apache.zookeeper.client.HostProvider;
import org.apache.zookeeper.data.ACL;
import org.apache.zookeeper.data.Id;
import org.apache.zookeeper.data.Stat;
import org.apache.zookeeper.recipes.leader.LeaderElectionSupport;
import org.apache.zookeeper.recipes.lock.LockListener;
import org.apache.zookeeper.recipes.lock.WriteLock;
import org.apache.zookeeper.recipes.queue.DistributedQueue;

/** The Java client as it is, below Curator: every call, blocking and not, and Apache's recipes. */
final class JavaClientTests {
    private JavaClientTests() {}

    /** A client whose session events and watch events are kept apart. */
    static final class Client implements Watcher, AutoCloseable {
        final Kit.Told<KeeperState> states = new Kit.Told<>();
        final Kit.Told<String> events = new Kit.Told<>();
        final ZooKeeper zk;

        Client(Kit kit) throws Exception {
            this(kit, kit.hosts, 0, null);
        }

        Client(Kit kit, String hosts, long session, byte[] password) throws Exception {
            HostProvider provider = Kit.provider(hosts);
            zk = session == 0
                ? new ZooKeeper(hosts, Kit.SESSION_MS, this, false, provider)
                : new ZooKeeper(hosts, Kit.SESSION_MS, this, session, password, false, provider);
            kit.closing(this);
            if (session == 0) {
                states.waitHas(KeeperState.SyncConnected);
            }
        }

        @Override
        public void process(WatchedEvent event) {
            if (event.getType() == EventType.None) {
                states.add(event.getState());
            } else {
                events.add(show(event));
            }
        }

        /** Everything the server sent before now has reached its watcher. */
        void fence() throws Exception {
            CompletableFuture<Integer> done = new CompletableFuture<>();
            zk.sync("/", (rc, path, context) -> done.complete(rc), null);
            Kit.eq(done.get(Kit.PATIENCE_S, TimeUnit.SECONDS), 0);
        }

        void expect(String... expected) throws Exception {
            fence();
            Kit.eq(events.now(), Arrays.asList(expected));
            events.clear();
        }

        @Override
        public void close() {
            try {
                zk.close();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }

    static String show(WatchedEvent event) {
        return event.getType() + " " + event.getPath();
    }

    private static String make(ZooKeeper zk, String path, CreateMode mode) throws Exception {
        return zk.create(path, Kit.bytes("x"), Ids.OPEN_ACL_UNSAFE, mode);
    }

    private static String make(ZooKeeper zk, String path) throws Exception {
        return make(zk, path, CreateMode.PERSISTENT);
    }

    public static void blockingCalls(Kit kit) throws Exception {
        ZooKeeper zk = new Client(kit).zk;
        String base = kit.base;
        Stat stat = new Stat();
        Kit.eq(zk.create(base, null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT, stat), base);
        Kit.eq(stat, zk.exists(base, false));
        Kit.eq(zk.getData(base, false, stat), null);
        Kit.eq(zk.setData(base, Kit.bytes("abc"), 0).getDataLength(), 3);
        Kit.eq(zk.getData(base, false, stat), Kit.bytes("abc"));
        Kit.eq(stat.getVersion(), 1);
        make(zk, base + "/a");
        Kit.eq(zk.getChildren(base, false), List.of("a"));
        Kit.eq(zk.getChildren(base, false, stat), List.of("a"));
        Kit.eq(stat.getNumChildren(), 1);
        Kit.eq(zk.getAllChildrenNumber(base), 1);
        Kit.eq(zk.getACL(base, stat), Ids.OPEN_ACL_UNSAFE);
        Kit.eq(zk.setACL(base, Ids.READ_ACL_UNSAFE, 0).getAversion(), 1);
        Kit.refused(KeeperException.NoAuthException.class, () -> zk.setData(base, null, -1));
    }

    public static void everyCreateMode(Kit kit) throws Exception {
        ZooKeeper zk = new Client(kit).zk;
        String base = kit.base;
        make(zk, base);
        Kit.eq(make(zk, base + "/p", CreateMode.PERSISTENT), base + "/p");
        Kit.eq(make(zk, base + "/s-", CreateMode.PERSISTENT_SEQUENTIAL), base + "/s-0000000001");
        Kit.eq(make(zk, base + "/e", CreateMode.EPHEMERAL), base + "/e");
        Kit.eq(make(zk, base + "/e-", CreateMode.EPHEMERAL_SEQUENTIAL), base + "/e-0000000003");
        Kit.eq(make(zk, base + "/c", CreateMode.CONTAINER), base + "/c");
        Stat stat = new Stat();
        Kit.eq(zk.create(base + "/t", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT_WITH_TTL,
                         stat, 3600000), base + "/t");
        Kit.eq(stat.getEphemeralOwner(), 0L);
        Kit.eq(zk.create(base + "/t-", null, Ids.OPEN_ACL_UNSAFE,
                         CreateMode.PERSISTENT_SEQUENTIAL_WITH_TTL, stat, 3600000),
               base + "/t-0000000006");
        Kit.eq(zk.exists(base + "/e", false).getEphemeralOwner(), zk.getSessionId());
        Kit.eq(new TreeSet<>(zk.getEphemerals(base)),
               new TreeSet<>(List.of(base + "/e", base + "/e-0000000003")));
        Kit.eq(zk.getEphemerals(base + "/e-"), List.of(base + "/e-0000000003"));
        Kit.eq(zk.getEphemerals("/none"), List.of());
        Kit.eq(zk.getEphemerals().size(), 2);
    }

    public static void asynchronousCalls(Kit kit) throws Exception {
        ZooKeeper zk = new Client(kit).zk;
        String base = kit.base;
        Kit.Told<Object> told = new Kit.Told<>();
        AsyncCallback.StringCallback onString = (rc, path, context, name) -> told.add(rc + name);
        AsyncCallback.Create2Callback onCreate2 = (rc, path, context, name, stat) ->
            told.add(rc + name + stat.getVersion());
        AsyncCallback.VoidCallback onVoid = (rc, path, context) -> told.add(rc + path);
        zk.create(base, Kit.bytes("x"), Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT, onString, null);
        zk.create(base + "/2", null, Ids.OPEN_ACL_UNSAFE, CreateMode.EPHEMERAL, onCreate2, null);
        zk.create(base + "/t", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT_WITH_TTL, onCreate2,
                  null, 3600000);
        zk.exists(base, false, (rc, p, c, stat) -> told.add(rc + " " + stat.getNumChildren()),
                  null);
        zk.getData(base, false, (rc, p, c, data, stat) -> told.add(new String(data)), null);
        zk.setData(base, Kit.bytes("y"), 0, (rc, p, c, stat) -> told.add(stat.getVersion()), null);
        zk.getACL(base, new Stat(), (rc, p, c, acl, stat) -> told.add(acl), null);
        zk.setACL(base, Ids.OPEN_ACL_UNSAFE, 0, (rc, p, c, stat) -> told.add(stat.getAversion()),
                  null);
        zk.getChildren(base, false, (rc, p, c, names) -> told.add(new TreeSet<>(names)), null);
        zk.getChildren(base, false, (rc, p, c, names, stat) -> told.add(stat.getCversion()), null);
        zk.sync(base, onVoid, null);
        zk.getEphemerals(base, (rc, c, paths) -> told.add(paths), null);
        zk.getAllChildrenNumber(base, (rc, p, c, count) -> told.add(count), null);
        zk.delete(base + "/none", -1, onVoid, null);
        zk.delete(base + "/t", -1, onVoid, null);
        zk.multi(List.of(Op.create(base + "/m", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT),
                         Op.delete(base + "/m", -1)),
                 (rc, p, c, results) -> told.add(rc + " " + results.size()), null);
        Kit.eq(told.waitCount(16), List.of(
            "0" + base, "0" + base + "/20", "0" + base + "/t0", "0 2", "x", 1, Ids.OPEN_ACL_UNSAFE,
            1, new TreeSet<>(List.of("2", "t")), 2, "0" + base, List.of(base + "/2"), 2,
            "-101" + base + "/none", "0" + base + "/t", "0 2"));
    }

    public static void transactions(Kit kit) throws Exception {
        ZooKeeper zk = new Client(kit).zk;
        String base = kit.base;
        make(zk, base);
        List<OpResult> results = zk.transaction()
            .create(base + "/a", Kit.bytes("1"), Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT)
            .create(base + "/s-", null, Ids.OPEN_ACL_UNSAFE, CreateMode.EPHEMERAL_SEQUENTIAL)
            .setData(base + "/a", Kit.bytes("2"), 0)
            .check(base + "/a", 1)
            .delete(base + "/a", 1)
            .commit();
        Kit.eq(((OpResult.CreateResult) results.get(0)).getPath(), base + "/a");
        Kit.eq(((OpResult.CreateResult) results.get(1)).getPath(), base + "/s-0000000001");
        Kit.eq(((OpResult.SetDataResult) results.get(2)).getStat().getVersion(), 1);
        Kit.check(results.get(3) instanceof OpResult.CheckResult, "check");
        Kit.check(results.get(4) instanceof OpResult.DeleteResult, "delete");
        /* Containers and TTL nodes inside; their results carry the Stat. */
        results = zk.multi(List.of(
            Op.create(base + "/c", null, Ids.OPEN_ACL_UNSAFE, CreateMode.CONTAINER),
            Op.create(base + "/t", Kit.bytes("ttl"), Ids.OPEN_ACL_UNSAFE,
                      CreateMode.PERSISTENT_WITH_TTL, 3600000)));
        Kit.eq(((OpResult.CreateResult) results.get(0)).getStat().getDataLength(), 0);
        Kit.eq(((OpResult.CreateResult) results.get(1)).getStat().getDataLength(), 3);
        Stat before = zk.exists(base, false);
        try {
            zk.multi(List.of(
                Op.create(base + "/x", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT),
                Op.setData(base + "/none", null, -1), Op.delete(base + "/x", -1)));
            throw new AssertionError("a transaction with a failure succeeded");
        } catch (KeeperException.NoNodeException e) {
            Kit.eq(e.getResults().stream().map(r -> ((OpResult.ErrorResult) r).getErr())
                       .collect(Collectors.toList()), List.of(0, -101, -2));
        }
        Kit.eq(zk.exists(base, false), before);
    }

    public static void readsInOneRequest(Kit kit) throws Exception {
        ZooKeeper zk = new Client(kit).zk;
        String base = kit.base;
        make(zk, base);
        make(zk, base + "/a");
        List<OpResult> results = zk.multi(List.of(
            Op.getChildren(base), Op.getData(base + "/none"), Op.getData(base + "/a")));
        Kit.eq(((OpResult.GetChildrenResult) results.get(0)).getChildren(), List.of("a"));
        Kit.eq(((OpResult.ErrorResult) results.get(1)).getErr(), -101);
        Kit.eq(((OpResult.GetDataResult) results.get(2)).getData(), Kit.bytes("x"));
    }

    public static void oneShotWatches(Kit kit) throws Exception {
        Client client = new Client(kit);
        ZooKeeper zk = client.zk;
        String base = kit.base;
        zk.exists(base, true);
        make(zk, base);
        client.expect("NodeCreated " + base);
        zk.getData(base, true, null);
        zk.getChildren(base, true);
        zk.setData(base, null, -1);
        zk.setData(base, null, -1);
        make(zk, base + "/a");
        make(zk, base + "/b");
        client.expect("NodeDataChanged " + base, "NodeChildrenChanged " + base);
        Kit.Told<String> own = new Kit.Told<>();
        Watcher watcher = event -> own.add(show(event));
        zk.getData(base + "/a", watcher, null);
        zk.getChildren(base + "/a", watcher);
        zk.delete(base + "/a", -1);
        client.fence();
        Kit.eq(own.now(), List.of("NodeDeleted " + base + "/a"));
    }

    public static void persistentWatches(Kit kit) throws Exception {
        Client client = new Client(kit);
        Client other = new Client(kit);
        ZooKeeper zk = client.zk;
        String base = kit.base;
        zk.addWatch(base, client, AddWatchMode.PERSISTENT);
        make(other.zk, base);
        other.zk.setData(base, null, -1);
        make(other.zk, base + "/c");
        other.zk.setData(base + "/c", null, -1);
        other.zk.delete(base + "/c", -1);
        other.zk.delete(base, -1);
        make(other.zk, base);
        client.expect("NodeCreated " + base, "NodeDataChanged " + base,
                      "NodeChildrenChanged " + base, "NodeChildrenChanged " + base,
                      "NodeDeleted " + base, "NodeCreated " + base);
        /* removeWatches() would only be a question to the server, which would keep the watch; a
         * second mode on the same path replaces it before 3.9 and is added to it since. */
        zk.removeAllWatches(base, WatcherType.Any, false);
        client.expect("PersistentWatchRemoved " + base);
        other.zk.setData(base, null, -1);
        client.expect();

        CompletableFuture<Integer> added = new CompletableFuture<>();
        Kit.Told<String> deep = new Kit.Told<>();
        zk.addWatch(base, event -> deep.add(show(event)), AddWatchMode.PERSISTENT_RECURSIVE,
                    (rc, path, context) -> added.complete(rc), null);
        Kit.eq(added.get(Kit.PATIENCE_S, TimeUnit.SECONDS), 0);
        make(other.zk, base + "/x");
        make(other.zk, base + "/x/y");
        other.zk.setData(base + "/x/y", null, -1);
        other.zk.setData(base, null, -1);
        other.zk.multi(List.of(
            Op.create(base + "/m", null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT),
            Op.setData(base + "/m", null, -1), Op.delete(base + "/m", -1)));
        other.zk.delete(base + "/x/y", -1);
        other.zk.delete(base + "/x", -1);
        client.fence();
        Kit.eq(deep.now(), List.of(
            "NodeCreated " + base + "/x", "NodeCreated " + base + "/x/y",
            "NodeDataChanged " + base + "/x/y", "NodeDataChanged " + base,
            "NodeCreated " + base + "/m", "NodeDataChanged " + base + "/m",
            "NodeDeleted " + base + "/m", "NodeDeleted " + base + "/x/y",
            "NodeDeleted " + base + "/x"));
    }

    public static void watchesAreRemoved(Kit kit) throws Exception {
        Client client = new Client(kit);
        ZooKeeper zk = client.zk;
        String base = kit.base;
        make(zk, base);
        Kit.refused(KeeperException.NoWatcherException.class,
                    () -> zk.removeAllWatches(base, WatcherType.Any, false));
        zk.getData(base, true, null);
        zk.getChildren(base, true);
        zk.removeWatches(base, client, WatcherType.Data, false);
        zk.setData(base, null, -1);
        make(zk, base + "/a");
        client.expect("DataWatchRemoved " + base, "NodeChildrenChanged " + base);
        zk.getData(base, true, null);
        zk.getChildren(base, true);
        CompletableFuture<Integer> removed = new CompletableFuture<>();
        zk.removeAllWatches(base, WatcherType.Children, false,
                            (rc, path, context) -> removed.complete(rc), null);
        Kit.eq(removed.get(Kit.PATIENCE_S, TimeUnit.SECONDS), 0);
        make(zk, base + "/b");
        zk.setData(base, null, -1);
        client.expect("ChildWatchRemoved " + base, "NodeDataChanged " + base);
        /* A watch that only the client forgot still costs the server a message, and no more. */
        zk.getData(base, true, null);
        zk.removeAllWatches(base, WatcherType.Data, true);
        zk.setData(base, null, -1);
        client.expect("DataWatchRemoved " + base);
    }

    public static void identities(Kit kit) throws Exception {
        ZooKeeper bob = new Client(kit).zk;
        ZooKeeper other = new Client(kit).zk;
        String base = kit.base;
        bob.addAuthInfo("digest", Kit.bytes("bob:secret"));
        bob.create(base, null, Ids.CREATOR_ALL_ACL, CreateMode.PERSISTENT);
        Kit.eq(bob.getACL(base, null), List.of(new ACL(Perms.ALL,
            new Id("digest", "bob:fyVmFCwVbTJYrznoSu1koqYEYF0="))));
        Kit.refused(KeeperException.NoAuthException.class, () -> other.getData(base, false, null));
        Kit.refused(KeeperException.InvalidACLException.class,
                    () -> other.create(base + "x", null, Ids.CREATOR_ALL_ACL,
                                       CreateMode.PERSISTENT));
        Kit.eq(bob.whoAmI().stream().map(i -> i.getAuthScheme() + ":" + i.getUser()).sorted()
                   .collect(Collectors.toList()), List.of("digest:bob", "ip:127.0.0.1"));
        Kit.eq(other.whoAmI().size(), 1);
        Client refused = new Client(kit);
        refused.zk.addAuthInfo("nonsense", Kit.bytes("x"));
        refused.states.waitHas(KeeperState.AuthFailed);
        Kit.refused(KeeperException.AuthFailedException.class, () -> refused.zk.exists("/", false));
    }

    public static void configAndReconfigSwitchedOff(Kit kit) throws Exception {
        Client client = new Client(kit);
        Kit.eq(client.zk.getConfig(false, new Stat()), new byte[0]);
        ZooKeeperAdmin admin = kit.closing(new ZooKeeperAdmin(kit.hosts, Kit.SESSION_MS, client));
        Kit.refused(KeeperException.ReconfigDisabledException.class,
                    () -> admin.reconfigure("server.2=localhost:1:2;3", null, null, -1, null));
        Kit.refused(KeeperException.ReconfigDisabledException.class,
                    () -> admin.reconfigure((String) null, null, "server.2=localhost:1:2;3", -1,
                                            null));
    }

    public static void sessionTakenUpByAnother(Kit kit) throws Exception {
        Client first = new Client(kit, kit.hostsForwarded, 0, null);
        make(first.zk, kit.base, CreateMode.EPHEMERAL);
        long session = first.zk.getSessionId();
        byte[] password = first.zk.getSessionPasswd();
        kit.ask("cut");
        first.states.waitHas(KeeperState.Disconnected);
        Client second = new Client(kit, kit.hosts, session, password);
        second.states.waitHas(KeeperState.SyncConnected);
        Kit.eq(second.zk.getSessionId(), session);
        Kit.eq(second.zk.exists(kit.base, false).getEphemeralOwner(), session);
        second.close();
        kit.ask("heal");
        first.states.waitHas(KeeperState.Expired);
        password[0] ^= 1;
        Client third = new Client(kit, kit.hosts, session, password);
        third.states.waitHas(KeeperState.Expired);
    }

    /** Ephemerals that are not on disk yet when their session ends go with it. */
    public static void endWithCreatesInFlight(Kit kit) throws Exception {
        Client other = new Client(kit);
        make(other.zk, kit.base);
        for (int turn = 0; turn < 5; turn++) {
            Client brief = new Client(kit);
            for (int i = 0; i < 1000; i++) {
                brief.zk.create(kit.base + "/" + i, null, Ids.OPEN_ACL_UNSAFE, CreateMode.EPHEMERAL,
                                (rc, path, context, name) -> {}, null);
            }
            brief.close();
            Kit.eq(other.zk.getChildren(kit.base, false), List.of());
        }
    }

    /** SetWatches (101) and SetWatches2 (105) after a lost connection. */
    public static void watchesAreSetAgain(Kit kit) throws Exception {
        Client client = new Client(kit, kit.hostsForwarded, 0, null);
        Client other = new Client(kit);
        ZooKeeper zk = client.zk;
        String base = kit.base;
        for (boolean hasPersistent : new boolean[] {false, true}) {
            String root = base + hasPersistent;
            make(other.zk, root);
            for (String name : List.of("a", "b", "c")) {
                make(other.zk, root + "/" + name);
            }
            zk.getData(root + "/a", true, null);
            zk.getData(root + "/b", true, null);
            zk.getData(root + "/c", true, null);
            zk.exists(root + "/n", true);
            zk.getChildren(root, true);
            if (hasPersistent) {
                zk.addWatch(root + "/p", client, AddWatchMode.PERSISTENT);
                zk.addWatch(root + "/r", client, AddWatchMode.PERSISTENT_RECURSIVE);
            }
            client.states.clear();
            kit.ask("cut");
            client.states.waitHas(KeeperState.Disconnected);
            other.zk.setData(root + "/a", null, -1);
            other.zk.delete(root + "/b", -1);
            make(other.zk, root + "/n");
            make(other.zk, root + "/p");
            kit.ask("heal");
            client.states.waitHas(KeeperState.SyncConnected);
            client.fence();
            Kit.eq(new TreeSet<>(client.events.now()), new TreeSet<>(List.of(
                "NodeDataChanged " + root + "/a", "NodeDeleted " + root + "/b",
                "NodeCreated " + root + "/n", "NodeChildrenChanged " + root)));
            client.events.clear();
            other.zk.setData(root + "/c", null, -1);
            client.expect("NodeDataChanged " + root + "/c");
            if (hasPersistent) {
                other.zk.setData(root + "/p", null, -1);
                make(other.zk, root + "/r");
                make(other.zk, root + "/r/deep");
                client.expect("NodeDataChanged " + root + "/p", "NodeCreated " + root + "/r",
                              "NodeCreated " + root + "/r/deep");
            }
        }
    }

    /** More watches than fit one SetWatches frame: the client sends several. */
    public static void manyWatchesAreSetAgain(Kit kit) throws Exception {
        int count = 3000;
        Client client = new Client(kit, kit.hostsForwarded, 0, null);
        Client other = new Client(kit);
        String root = kit.base + "x".repeat(60);
        make(other.zk, root);
        for (int i = 0; i < count; i++) {
            client.zk.exists(root + "/" + i, true, (rc, path, context, stat) -> {}, null);
        }
        client.fence();
        client.states.clear();
        kit.ask("cut");
        client.states.waitHas(KeeperState.Disconnected);
        kit.ask("heal");
        client.states.waitHas(KeeperState.SyncConnected);
        client.fence();
        for (int i = 0; i < count; i++) {
            other.zk.create(root + "/" + i, null, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT,
                            (rc, path, context, name) -> {}, null);
        }
        other.fence();
        client.fence();
        Kit.eq(client.events.now().size(), count);
        Kit.eq(client.events.now().get(count - 1), "NodeCreated " + root + "/" + (count - 1));
        Kit.check(ZKUtil.deleteRecursive(other.zk, root, 1000), "deleteRecursive");
    }

    /** The recipes that Apache ships beside its client. */
    public static void recipesOfApache(Kit kit) throws Exception {
        ZooKeeper one = new Client(kit).zk;
        ZooKeeper two = new Client(kit).zk;
        make(one, kit.base);
        Kit.Told<String> told = new Kit.Told<>();
        WriteLock first = new WriteLock(one, kit.base + "/lock", null, listener(told, "first"));
        WriteLock second = new WriteLock(two, kit.base + "/lock", null, listener(told, "second"));
        Kit.check(first.lock(), "the first gets the lock");
        Kit.check(!second.lock(), "the second does not");
        first.unlock();
        told.waitFor(list -> list.contains("second acquired"), "the second's turn");
        second.unlock();

        DistributedQueue queue = new DistributedQueue(one, kit.base + "/queue", null);
        DistributedQueue reader = new DistributedQueue(two, kit.base + "/queue", null);
        for (String text : List.of("a", "b", "c")) {
            queue.offer(Kit.bytes(text));
        }
        Kit.eq(reader.element(), Kit.bytes("a"));
        Kit.eq(reader.remove(), Kit.bytes("a"));
        Kit.eq(reader.take(), Kit.bytes("b"));
        Kit.eq(reader.poll(), Kit.bytes("c"));
        Kit.eq(reader.poll(), null);

        make(one, kit.base + "/election");
        LeaderElectionSupport leader = candidate(one, kit.base + "/election", "1");
        LeaderElectionSupport next = candidate(two, kit.base + "/election", "2");
        Kit.Told<String> elected = new Kit.Told<>();
        next.addListener(event -> elected.add(event.toString()));
        leader.start();
        next.start();
        Kit.eq(next.getLeaderHostName(), "1");
        leader.stop();
        elected.waitHas("ELECTED_COMPLETE");
        Kit.eq(next.getLeaderHostName(), "2");
        next.stop();
    }

    private static LeaderElectionSupport candidate(ZooKeeper zk, String path, String name) {
        LeaderElectionSupport support = new LeaderElectionSupport();
        support.setZooKeeper(zk);
        support.setRootNodeName(path);
        support.setHostName(name);
        return support;
    }

    private static LockListener listener(Kit.Told<String> told, String who) {
        return new LockListener() {
            @Override
            public void lockAcquired() {
                told.add(who + " acquired");
            }

            @Override
            public void lockReleased() {
                told.add(who + " released");
            }
        };
    }

    public static void errors(Kit kit) throws Exception {
        ZooKeeper zk = new Client(kit).zk;
        String base = kit.base;
        make(zk, base);
        make(zk, base + "/c");
        make(zk, base + "/e", CreateMode.EPHEMERAL);
        Kit.refused(KeeperException.NoNodeException.class, () -> zk.getData("/none", false, null));
        Kit.refused(KeeperException.NodeExistsException.class, () -> make(zk, base));
        Kit.refused(KeeperException.NotEmptyException.class, () -> zk.delete(base, -1));
        Kit.refused(KeeperException.BadVersionException.class, () -> zk.delete(base, 5));
        Kit.refused(KeeperException.BadVersionException.class, () -> zk.setData(base, null, 5));
        Kit.refused(KeeperException.NoChildrenForEphemeralsException.class,
                    () -> make(zk, base + "/e/x"));
        Kit.refused(KeeperException.BadArgumentsException.class, () -> zk.delete("/zookeeper", -1));
        Kit.refused(KeeperException.NoAuthException.class,
                    () -> zk.setData("/zookeeper/config", null, -1));
        Kit.refused(KeeperException.InvalidACLException.class,
                    () -> zk.create(base + "/x", null, Collections.emptyList(),
                                    CreateMode.PERSISTENT));
    }
}
