import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.recipes.cache.ChildData;
import org.apache.curator.framework.recipes.cache.CuratorCache;
import org.apache.curator.framework.recipes.cache.CuratorCacheBridge;
import org.apache.curator.framework.recipes.cache.CuratorCacheListener;
import org.apache.curator.framework.recipes.nodes.GroupMember;
import org.apache.curator.framework.recipes.nodes.PersistentNode;
import org.apache.curator.framework.recipes.nodes.PersistentTtlNode;
import org.apache.curator.framework.recipes.watch.PersistentWatcher;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.data.Stat;

/** Curator's caches, persistent watchers and persistent nodes. */
final class CacheTests {
    private static final int P = Kit.PATIENCE_S;

    private CacheTests() {}

    private static String text(ChildData data) {
        return data == null ? "null" : new String(data.getData());
    }

    @SuppressWarnings("deprecation")
    public static void nodeCache(Kit kit) throws Exception {
        CuratorFramework other = kit.client();
        org.apache.curator.framework.recipes.cache.NodeCache cache = kit.closing(
            new org.apache.curator.framework.recipes.cache.NodeCache(kit.client(), kit.base));
        Kit.Told<String> told = new Kit.Told<>();
        cache.getListenable().addListener(() -> told.add(text(cache.getCurrentData())));
        cache.start(true);
        Kit.eq(cache.getCurrentData(), null);
        other.create().forPath(kit.base, Kit.bytes("1"));
        told.waitHas("1");
        other.setData().forPath(kit.base, Kit.bytes("2"));
        told.waitHas("2");
        other.delete().forPath(kit.base);
        told.waitHas("null");
        other.create().forPath(kit.base, Kit.bytes("3"));
        told.waitHas("3");
    }

    @SuppressWarnings("deprecation")
    public static void pathChildrenCache(Kit kit) throws Exception {
        CuratorFramework other = kit.client();
        other.create().creatingParentsIfNeeded().forPath(kit.base + "/old", Kit.bytes("o"));
        org.apache.curator.framework.recipes.cache.PathChildrenCache cache = kit.closing(
            new org.apache.curator.framework.recipes.cache.PathChildrenCache(kit.client(), kit.base,
                                                                             true));
        Kit.Told<String> told = new Kit.Told<>();
        cache.getListenable().addListener((client, event) -> told.add(
            event.getType() + (event.getData() == null ? "" : " " + event.getData().getPath())));
        cache.start(org.apache.curator.framework.recipes.cache.PathChildrenCache.StartMode
                        .POST_INITIALIZED_EVENT);
        told.waitHas("INITIALIZED");
        Kit.eq(text(cache.getCurrentData(kit.base + "/old")), "o");
        other.create().forPath(kit.base + "/new", Kit.bytes("n"));
        told.waitHas("CHILD_ADDED " + kit.base + "/new");
        other.setData().forPath(kit.base + "/new", Kit.bytes("nn"));
        told.waitHas("CHILD_UPDATED " + kit.base + "/new");
        Kit.eq(text(cache.getCurrentData(kit.base + "/new")), "nn");
        other.delete().forPath(kit.base + "/old");
        told.waitHas("CHILD_REMOVED " + kit.base + "/old");
        Kit.eq(cache.getCurrentData().stream().map(ChildData::getPath)
                   .collect(Collectors.toList()), List.of(kit.base + "/new"));
    }

    @SuppressWarnings("deprecation")
    public static void treeCache(Kit kit) throws Exception {
        CuratorFramework other = kit.client();
        other.create().creatingParentsIfNeeded().forPath(kit.base + "/a/b", Kit.bytes("b"));
        org.apache.curator.framework.recipes.cache.TreeCache cache = kit.closing(
            org.apache.curator.framework.recipes.cache.TreeCache.newBuilder(kit.client(), kit.base)
                .build());
        Kit.Told<String> told = new Kit.Told<>();
        cache.getListenable().addListener((client, event) -> told.add(
            event.getType() + (event.getData() == null ? "" : " " + event.getData().getPath())));
        cache.start();
        told.waitHas("INITIALIZED");
        Kit.eq(text(cache.getCurrentData(kit.base + "/a/b")), "b");
        other.create().forPath(kit.base + "/a/c", Kit.bytes("c"));
        told.waitHas("NODE_ADDED " + kit.base + "/a/c");
        other.setData().forPath(kit.base + "/a/c", Kit.bytes("cc"));
        told.waitHas("NODE_UPDATED " + kit.base + "/a/c");
        Kit.eq(cache.getCurrentChildren(kit.base + "/a").keySet(),
               new TreeSet<>(List.of("b", "c")));
        other.delete().deletingChildrenIfNeeded().forPath(kit.base + "/a");
        told.waitHas("NODE_REMOVED " + kit.base + "/a");
        Kit.eq(cache.getCurrentData(kit.base + "/a/b"), null);
    }

    private static void follow(Kit kit, CuratorCache cache) throws Exception {
        CuratorFramework other = kit.client();
        String base = kit.base;
        Kit.Told<String> told = new Kit.Told<>();
        cache.listenable().addListener(CuratorCacheListener.builder()
            .forCreates(data -> told.add("created " + data.getPath()))
            .forChanges((old, data) -> told.add("changed " + data.getPath() + " " + text(data)))
            .forDeletes(data -> told.add("deleted " + data.getPath()))
            .forInitialized(() -> told.add("initialized"))
            .build());
        cache.start();
        told.waitHas("initialized");
        Kit.eq(text(cache.get(base + "/a/b").orElse(null)), "b");
        other.create().creatingParentsIfNeeded().forPath(base + "/x/y/z", Kit.bytes("z"));
        told.waitHas("created " + base + "/x/y/z");
        other.setData().forPath(base + "/x/y/z", Kit.bytes("zz"));
        told.waitHas("changed " + base + "/x/y/z zz");
        other.delete().deletingChildrenIfNeeded().forPath(base + "/x");
        told.waitHas("deleted " + base + "/x");
        Kit.eq(cache.stream().map(ChildData::getPath)
                   .collect(Collectors.toCollection(TreeSet::new)),
               new TreeSet<>(List.of(base, base + "/a", base + "/a/b")));
        for (int i = 0; i < 100; i++) {
            other.create().forPath(base + "/a/" + i);
        }
        told.waitFor(list -> list.stream().filter(e -> e.startsWith("created " + base + "/a/"))
                         .count() >= 101, "a hundred nodes");
        cache.close();
    }

    public static void curatorCache(Kit kit) throws Exception {
        CuratorFramework client = kit.client();
        client.create().creatingParentsIfNeeded().forPath(kit.base + "/a/b", Kit.bytes("b"));
        follow(kit, kit.closing(CuratorCache.build(client, kit.base)));
    }

    public static void curatorCacheByBridge(Kit kit) throws Exception {
        CuratorFramework client = kit.client();
        client.create().creatingParentsIfNeeded().forPath(kit.base + "/a/b", Kit.bytes("b"));
        CuratorCacheBridge bridge =
            kit.closing(CuratorCache.bridgeBuilder(client, kit.base).build());
        Kit.check(bridge.isCuratorCache(), "this client has persistent watches");
        follow(kit, bridge);
    }

    public static void curatorCacheOfOneNode(Kit kit) throws Exception {
        CuratorFramework other = kit.client();
        CuratorCache cache = kit.closing(CuratorCache.build(
            kit.client(), kit.base, CuratorCache.Options.SINGLE_NODE_CACHE));
        Kit.Told<String> told = new Kit.Told<>();
        cache.listenable().addListener((type, old, data) -> told.add(type + " " + text(data)));
        cache.start();
        other.create().forPath(kit.base, Kit.bytes("1"));
        told.waitHas("NODE_CREATED 1");
        other.create().forPath(kit.base + "/c");
        other.setData().forPath(kit.base, Kit.bytes("2"));
        told.waitHas("NODE_CHANGED 2");
        other.delete().deletingChildrenIfNeeded().forPath(kit.base);
        told.waitHas("NODE_DELETED null");
    }

    public static void persistentWatcher(Kit kit) throws Exception {
        CuratorFramework other = kit.client();
        for (boolean isRecursive : new boolean[] {true, false}) {
            String base = kit.base + isRecursive;
            PersistentWatcher watcher =
                kit.closing(new PersistentWatcher(kit.client(), base, isRecursive));
            Kit.Told<String> told = new Kit.Told<>();
            Kit.Told<String> reset = new Kit.Told<>();
            watcher.getListenable().addListener(event -> told.add(JavaClientTests.show(event)));
            watcher.getResetListenable().addListener(() -> reset.add("reset"));
            watcher.start();
            reset.waitCount(1);
            other.create().forPath(base);
            other.create().forPath(base + "/a");
            other.setData().forPath(base + "/a", Kit.bytes("x"));
            other.setData().forPath(base, Kit.bytes("x"));
            List<String> expected = isRecursive
                ? List.of("NodeCreated " + base, "NodeCreated " + base + "/a",
                          "NodeDataChanged " + base + "/a", "NodeDataChanged " + base)
                : List.of("NodeCreated " + base, "NodeChildrenChanged " + base,
                          "NodeDataChanged " + base);
            Kit.eq(told.waitCount(expected.size()), expected);
        }
    }

    public static void persistentNode(Kit kit) throws Exception {
        CuratorFramework client = kit.client();
        CuratorFramework other = kit.client();
        PersistentNode node = kit.closing(new PersistentNode(
            client, CreateMode.EPHEMERAL, false, kit.base + "/n", Kit.bytes("1"), true));
        Kit.Told<String> told = new Kit.Told<>();
        node.getListenable().addListener(told::add);
        node.start();
        Kit.check(node.waitForInitialCreate(P, TimeUnit.SECONDS), "not created");
        Kit.eq(other.getData().forPath(kit.base + "/n"), Kit.bytes("1"));
        told.waitCount(1);
        other.delete().forPath(kit.base + "/n");
        told.waitCount(2);      /* it made itself anew */
        Kit.check(other.checkExists().forPath(kit.base + "/n") != null, "not made again");
        node.setData(Kit.bytes("2"));
        Kit.waitUntil(() -> new String(other.getData().forPath(kit.base + "/n")).equals("2"),
                      "the new data");
        node.close();
        Kit.eq(other.checkExists().forPath(kit.base + "/n"), null);
        PersistentNode many = kit.closing(new PersistentNode(
            client, CreateMode.EPHEMERAL_SEQUENTIAL, true, kit.base + "/s-", Kit.bytes("s")));
        many.start();
        Kit.check(many.waitForInitialCreate(P, TimeUnit.SECONDS), "not created");
        Kit.check(many.getActualPath().startsWith(kit.base + "/_c_"), many.getActualPath());
    }

    /** It is kept alive by touching a child within the time to live, and goes once that stops. */
    public static void persistentTtlNode(Kit kit) throws Exception {
        CuratorFramework client = kit.client();
        CuratorFramework other = kit.client();
        PersistentTtlNode node = kit.closing(
            new PersistentTtlNode(client, kit.base, 600, Kit.bytes("t")));
        node.start();
        Kit.check(node.waitForInitialCreate(P, TimeUnit.SECONDS), "not created");
        String touched = kit.base + "/" + PersistentTtlNode.DEFAULT_CHILD_NODE_NAME;
        Kit.waitUntil(() -> other.checkExists().forPath(touched) != null, "the touched child");
        Kit.Told<String> told = new Kit.Told<>();
        Stat stat = other.checkExists().forPath(kit.base);
        /* Several lifetimes later both are there: the versions of the child count the touches. */
        Kit.waitUntil(() -> other.checkExists().forPath(touched).getVersion() >= 8, "touches");
        Kit.eq(other.checkExists().forPath(kit.base).getCzxid(), stat.getCzxid());
        other.checkExists().usingWatcher((org.apache.zookeeper.Watcher) event ->
            told.add(JavaClientTests.show(event))).forPath(kit.base);
        node.close();
        told.waitHas("NodeDeleted " + kit.base);
    }

    public static void groupMember(Kit kit) throws Exception {
        CuratorFramework client = kit.client();
        GroupMember one = kit.closing(new GroupMember(client, kit.base, "one", Kit.bytes("1")));
        GroupMember two = kit.closing(new GroupMember(kit.client(), kit.base, "two"));
        one.start();
        two.start();
        Kit.waitUntil(() -> one.getCurrentMembers().size() == 2
                          && two.getCurrentMembers().size() == 2, "both are members");
        Map<String, byte[]> members = two.getCurrentMembers();
        Kit.eq(new TreeSet<>(members.keySet()), new TreeSet<>(List.of("one", "two")));
        Kit.eq(members.get("one"), Kit.bytes("1"));
        one.setThisData(Kit.bytes("1a"));
        Kit.waitUntil(() -> new String(two.getCurrentMembers().get("one")).equals("1a"),
                      "new data");
        client.close();
        Kit.waitUntil(() -> two.getCurrentMembers().size() == 1, "one has left");
    }
}
