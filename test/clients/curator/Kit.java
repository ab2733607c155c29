import java.io.BufferedReader;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.state.ConnectionState;
import org.apache.curator.retry.RetryForever;
import org.apache.zookeeper.ZooKeeper;
import org.apache.zookeeper.client.ConnectStringParser;
import org.apache.zookeeper.client.HostProvider;
import org.apache.zookeeper.client.StaticHostProvider;

/** What every test is given: clients that end with it, a path of its own, lists to wait on. */
final class Kit implements AutoCloseable {
    static final int PATIENCE_S = Integer.getInteger("rookery.patience", 30);
    static final int SESSION_MS = 20000;

    /** Where the server is: directly, and through the forwarder that the driver cuts and heals. */
    final String hosts;
    final String hostsForwarded;
    final String base;
    private final BufferedReader driver;
    private final List<AutoCloseable> toClose = new ArrayList<>();
    private final ExecutorService threads = Executors.newCachedThreadPool(task -> {
        Thread thread = new Thread(task);
        thread.setDaemon(true);
        return thread;
    });

    Kit(String hosts, String hostsForwarded, BufferedReader driver, String base) {
        this.hosts = hosts;
        this.hostsForwarded = hostsForwarded;
        this.driver = driver;
        this.base = base;
    }

    /** A list that callbacks fill and tests wait on. */
    static final class Told<T> {
        private final List<T> items = new ArrayList<>();

        synchronized void add(T item) {
            items.add(item);
            notifyAll();
        }

        synchronized List<T> now() {
            return new ArrayList<>(items);
        }

        synchronized void clear() {
            items.clear();
        }

        synchronized List<T> waitFor(Predicate<List<T>> condition, String what) throws Exception {
            long until = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_S);
            while (!condition.test(items)) {
                long left = TimeUnit.NANOSECONDS.toMillis(until - System.nanoTime());
                if (left <= 0) {
                    throw new AssertionError(what + " did not come, only " + items);
                }
                wait(left);
            }
            return new ArrayList<>(items);
        }

        List<T> waitCount(int count) throws Exception {
            return waitFor(list -> list.size() >= count, count + " things");
        }

        void waitHas(T item) throws Exception {
            waitFor(list -> list.contains(item), String.valueOf(item));
        }
    }

    CuratorFrameworkFactory.Builder builder() {
        CuratorFrameworkFactory.Builder builder = CuratorFrameworkFactory.builder()
            .connectString(hosts).sessionTimeoutMs(SESSION_MS).connectionTimeoutMs(SESSION_MS)
            .retryPolicy(new RetryForever(50));
        /* Curator's own factory is kept where there is one server: reconfig() needs what it makes. */
        return System.getProperty("rookery.ensemble") == null ? builder : builder.zookeeperFactory(
            (connect, timeout, watcher, isReadOnly) ->
                new ZooKeeper(connect, timeout, watcher, isReadOnly, provider(connect)));
    }

    /** All clients of a test go to the same server, for what one writes the next is to see. */
    static HostProvider provider(String hosts) {
        return new StaticHostProvider(new ConnectStringParser(hosts).getServerAddresses(), 1);
    }

    CuratorFramework start(CuratorFrameworkFactory.Builder builder) throws Exception {
        CuratorFramework client = builder.build();
        client.start();
        check(client.blockUntilConnected(PATIENCE_S, TimeUnit.SECONDS), "no connection");
        return closing(client);
    }

    CuratorFramework client() throws Exception {
        return start(builder());
    }

    CuratorFramework clientForwarded(int sessionMs) throws Exception {
        return start(builder().connectString(hostsForwarded).sessionTimeoutMs(sessionMs));
    }

    /** The states that Curator tells of this client, from now on. */
    static Told<ConnectionState> states(CuratorFramework client) {
        Told<ConnectionState> told = new Told<>();
        client.getConnectionStateListenable().addListener((c, state) -> told.add(state));
        return told;
    }

    <T extends AutoCloseable> T closing(T thing) {
        toClose.add(0, thing);
        return thing;
    }

    <T> Future<T> run(Callable<T> task) {
        return threads.submit(task);
    }

    static <T> T join(Future<T> future) throws Exception {
        try {
            return future.get(PATIENCE_S, TimeUnit.SECONDS);
        } catch (ExecutionException e) {
            throw new AssertionError("in a thread of the test: " + e.getCause(), e.getCause());
        }
    }

    /** Asks the driver for what only it can do: restart, cut, refuse, heal. */
    void ask(String what) throws IOException {
        if (!"done".equals(answer(driver, what))) {
            throw new IOException("the driver did not answer to @" + what);
        }
    }

    static String answer(BufferedReader driver, String what) throws IOException {
        System.out.println("@" + what);
        System.out.flush();
        String answer = driver.readLine();
        if (answer == null) {
            throw new IOException("the driver is gone");
        }
        return answer;
    }

    /** For state that nothing tells of; where an event does, tests wait for the event. */
    static void waitUntil(Callable<Boolean> condition, String what) throws Exception {
        long until = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_S);
        while (!condition.call()) {
            check(System.nanoTime() < until, what + " did not happen");
            TimeUnit.MILLISECONDS.sleep(5);
        }
    }

    static void check(boolean condition, String text) {
        if (!condition) {
            throw new AssertionError(text);
        }
    }

    static void eq(Object seen, Object expected) {
        if (!Objects.deepEquals(seen, expected)) {
            throw new AssertionError("expected " + show(expected) + ", saw " + show(seen));
        }
    }

    private static String show(Object thing) {
        return thing instanceof byte[] ? Arrays.toString((byte[]) thing) : String.valueOf(thing);
    }

    interface Action {
        void run() throws Exception;
    }

    /** The action must fail with exactly this class. */
    static void refused(Class<? extends Exception> expected, Action action) {
        try {
            action.run();
        } catch (Exception e) {
            eq(e.getClass(), expected);
            return;
        }
        throw new AssertionError("no " + expected.getSimpleName());
    }

    static byte[] bytes(String text) {
        return text.getBytes(java.nio.charset.StandardCharsets.UTF_8);
    }

    @Override
    public void close() {
        threads.shutdownNow();
        for (AutoCloseable thing : toClose) {
            try {
                thing.close();
            } catch (Exception e) {
                /* Many tests have closed it already, and some recipes object to a second time. */
            }
        }
    }
}
