import java.util.List;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.recipes.cache.CuratorCache;
import org.apache.curator.framework.recipes.cache.CuratorCacheListener;
import org.apache.curator.framework.recipes.leader.LeaderLatch;
import org.apache.curator.framework.recipes.locks.InterProcessMutex;
import org.apache.curator.framework.recipes.nodes.GroupMember;
import org.apache.curator.framework.recipes.nodes.PersistentNode;
import org.apache.curator.framework.recipes.shared.SharedCount;
import org.apache.curator.framework.recipes.watch.PersistentWatcher;
import org.apache.curator.framework.state.ConnectionState;
import org.apache.zookeeper.CreateMode;

/** Curator's recipes over lost connections, lost sessions and a server that was killed. */
final class SessionTests {
    private static final int P = Kit.PATIENCE_S;

    private SessionTests() {}

    private static long session(CuratorFramework client) throws Exception {
        return client.getZookeeperClient().getZooKeeper().getSessionId();
    }

    /** Cut, do something meanwhile, heal, and wait until the client is back. */
    private static void cut(Kit kit, CuratorFramework client, Kit.Action meanwhile)
        throws Exception {
        Kit.Told<ConnectionState> states = Kit.states(client);
        kit.ask("cut");
        states.waitHas(ConnectionState.SUSPENDED);
        meanwhile.run();
        kit.ask("heal");
        states.waitHas(ConnectionState.RECONNECTED);
    }

    public static void connectionLost(Kit kit) throws Exception {
        CuratorFramework client = kit.clientForwarded(Kit.SESSION_MS);
        CuratorFramework other = kit.client();
        String base = kit.base;
        long session = session(client);
        client.create().forPath(base, Kit.bytes("1"));
        client.create().withMode(CreateMode.EPHEMERAL).forPath(base + "/e");
        Kit.Told<String> cached = new Kit.Told<>();
        CuratorCache cache = kit.closing(CuratorCache.build(client, base));
        cache.listenable().addListener(CuratorCacheListener.builder()
            .forAll((type, old, data) ->
                cached.add(type + " " + (data == null ? old : data).getPath()))
            .forInitialized(() -> cached.add("initialized")).build());
        cache.start();
        cached.waitHas("initialized");
        PersistentWatcher watcher = kit.closing(new PersistentWatcher(client, base + "/w", true));
        Kit.Told<String> watched = new Kit.Told<>();
        Kit.Told<String> reset = new Kit.Told<>();
        watcher.getListenable().addListener(event -> watched.add(JavaClientTests.show(event)));
        watcher.getResetListenable().addListener(() -> reset.add("reset"));
        watcher.start();
        reset.waitCount(1);
        InterProcessMutex lock = new InterProcessMutex(client, base + "-lock");
        lock.acquire();
        cut(kit, client, () -> {
            other.setData().forPath(base, Kit.bytes("2"));
            other.create().forPath(base + "/unseen");
        });
        Kit.eq(session(client), session);
        cached.waitHas("NODE_CHANGED " + base);
        cached.waitHas("NODE_CREATED " + base + "/unseen");
        reset.waitCount(2);
        other.create().forPath(base + "/w");
        watched.waitHas("NodeCreated " + base + "/w");
        Kit.eq(other.checkExists().forPath(base + "/e").getEphemeralOwner(), session);
        Kit.check(!new InterProcessMutex(other, base + "-lock").acquire(20, TimeUnit.MILLISECONDS),
                  "the lock was lost with the connection");
        lock.release();
    }

    public static void sessionLost(Kit kit) throws Exception {
        CuratorFramework client = kit.clientForwarded(1500);
        CuratorFramework other = kit.client();
        String base = kit.base;
        long session = session(client);
        PersistentNode node = kit.closing(new PersistentNode(
            client, CreateMode.EPHEMERAL, false, base + "/node", Kit.bytes("n"), true));
        node.start();
        Kit.check(node.waitForInitialCreate(P, TimeUnit.SECONDS), "not created");
        LeaderLatch latch = kit.closing(new LeaderLatch(client, base + "/latch", "lost"));
        latch.start();
        Kit.check(latch.await(P, TimeUnit.SECONDS), "no leader");
        LeaderLatch next = kit.closing(new LeaderLatch(other, base + "/latch", "next"));
        next.start();
        new InterProcessMutex(client, base + "/lock").acquire();
        InterProcessMutex waiting = new InterProcessMutex(other, base + "/lock");
        Future<Boolean> locked = kit.run(() -> waiting.acquire(P, TimeUnit.SECONDS));
        Kit.waitUntil(() -> waiting.getParticipantNodes().size() == 2, "the second contender");
        Kit.Told<ConnectionState> states = Kit.states(client);
        kit.ask("cut");
        states.waitHas(ConnectionState.LOST);
        Kit.check(next.await(P, TimeUnit.SECONDS), "no next leader");
        Kit.check(Kit.join(locked), "the lock was not passed on");
        Kit.waitUntil(() -> other.checkExists().forPath(base + "/node") == null, "its end");
        kit.ask("heal");
        states.waitHas(ConnectionState.RECONNECTED);
        Kit.check(session(client) != session, "the same session");
        Kit.waitUntil(() -> other.checkExists().forPath(base + "/node") != null, "its return");
        Kit.check(!latch.hasLeadership(), "two leaders");
        next.close();
        Kit.check(latch.await(P, TimeUnit.SECONDS), "not the leader again");
    }

    /** Everything of a client is there after the server was killed and started again. */
    public static void serverKilled(Kit kit) throws Exception {
        CuratorFramework client = kit.clientForwarded(Kit.SESSION_MS);
        CuratorFramework other = kit.clientForwarded(Kit.SESSION_MS);
        String base = kit.base;
        long session = session(client);
        client.create().forPath(base, Kit.bytes("1"));
        client.create().withMode(CreateMode.EPHEMERAL).forPath(base + "/e");
        CuratorCache cache = kit.closing(CuratorCache.build(client, base));
        Kit.Told<String> cached = new Kit.Told<>();
        cache.listenable().addListener(CuratorCacheListener.builder()
            .forCreates(data -> cached.add(data.getPath()))
            .forInitialized(() -> cached.add("initialized")).build());
        cache.start();
        cached.waitHas("initialized");
        InterProcessMutex lock = new InterProcessMutex(client, base + "-lock");
        lock.acquire();
        InterProcessMutex second = new InterProcessMutex(other, base + "-lock");
        Future<Boolean> locked = kit.run(() -> second.acquire(P * 2, TimeUnit.SECONDS));
        Kit.waitUntil(() -> second.getParticipantNodes().size() == 2, "the second contender");
        LeaderLatch latch = kit.closing(new LeaderLatch(client, base + "-latch"));
        latch.start();
        Kit.check(latch.await(P, TimeUnit.SECONDS), "no leader");
        GroupMember member = kit.closing(new GroupMember(client, base + "-group", "me"));
        member.start();
        SharedCount count = kit.closing(new SharedCount(client, base + "-count", 1));
        count.start();
        count.setCount(5);
        Kit.Told<ConnectionState> states = Kit.states(client);
        Kit.Told<ConnectionState> otherStates = Kit.states(other);
        kit.ask("restart");
        states.waitHas(ConnectionState.RECONNECTED);
        otherStates.waitHas(ConnectionState.RECONNECTED);
        Kit.eq(session(client), session);
        Kit.eq(other.getData().forPath(base), Kit.bytes("1"));
        Kit.eq(other.checkExists().forPath(base + "/e").getEphemeralOwner(), session);
        Kit.check(!locked.isDone(), "the lock was lost in the restart");
        other.create().forPath(base + "/after");
        cached.waitHas(base + "/after");
        count.setCount(6);
        Kit.check(latch.await(P, TimeUnit.SECONDS), "the leader lost its place");
        Kit.eq(List.copyOf(member.getCurrentMembers().keySet()), List.of("me"));
        lock.release();
        Kit.check(Kit.join(locked), "the lock was not passed on");
    }
}
