import java.util.Iterator;
import java.util.List;
import java.util.TreeSet;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.recipes.queue.BlockingQueueConsumer;
import org.apache.curator.framework.recipes.queue.DistributedDelayQueue;
import org.apache.curator.framework.recipes.queue.DistributedIdQueue;
import org.apache.curator.framework.recipes.queue.DistributedPriorityQueue;
import org.apache.curator.framework.recipes.queue.DistributedQueue;
import org.apache.curator.framework.recipes.queue.ErrorMode;
import org.apache.curator.framework.recipes.queue.QueueBuilder;
import org.apache.curator.framework.recipes.queue.QueueConsumer;
import org.apache.curator.framework.recipes.queue.QueueSerializer;
import org.apache.curator.framework.recipes.queue.SimpleDistributedQueue;
import org.apache.curator.framework.state.ConnectionState;

/** Curator's queues. */
final class QueueTests {
    private static final QueueSerializer<String> TEXT = new QueueSerializer<>() {
        @Override
        public byte[] serialize(String item) {
            return Kit.bytes(item);
        }

        @Override
        public String deserialize(byte[] bytes) {
            return new String(bytes);
        }
    };

    private QueueTests() {}

    private static BlockingQueueConsumer<String> consumer() {
        return new BlockingQueueConsumer<>((client, state) -> {});
    }

    private static String take(BlockingQueueConsumer<String> consumer) throws Exception {
        String item = consumer.take(Kit.PATIENCE_S, TimeUnit.SECONDS);
        Kit.check(item != null, "nothing came out of the queue");
        return item;
    }

    public static void inOrder(Kit kit) throws Exception {
        CuratorFramework client = kit.client();
        BlockingQueueConsumer<String> consumer = consumer();
        DistributedQueue<String> producer = kit.closing(
            QueueBuilder.<String>builder(kit.client(), null, TEXT, kit.base).buildQueue());
        DistributedQueue<String> queue = kit.closing(
            QueueBuilder.builder(client, consumer, TEXT, kit.base).buildQueue());
        producer.start();
        for (int i = 0; i < 50; i++) {
            producer.put("i" + i);
        }
        Iterator<String> several = List.of("m0", "m1", "m2").iterator();
        producer.putMulti(() -> several.hasNext() ? several.next() : null);
        Kit.check(producer.flushPuts(Kit.PATIENCE_S, TimeUnit.SECONDS), "not flushed");
        queue.start();
        for (int i = 0; i < 50; i++) {
            Kit.eq(take(consumer), "i" + i);
        }
        Kit.eq(List.of(take(consumer), take(consumer), take(consumer)), List.of("m0", "m1", "m2"));
    }

    /** With a lock path an item is kept until it is consumed without an error. */
    public static void withLockSafety(Kit kit) throws Exception {
        Kit.Told<String> told = new Kit.Told<>();
        QueueConsumer<String> failsOnce = new QueueConsumer<>() {
            @Override
            public void consumeMessage(String item) {
                told.add(item);
                if (item.equals("bad") && told.now().stream().filter("bad"::equals).count() == 1) {
                    throw new IllegalStateException("not now");
                }
            }

            @Override
            public void stateChanged(CuratorFramework client, ConnectionState state) {
                /* Not of interest here. */
            }
        };
        CuratorFramework client = kit.client();
        DistributedQueue<String> queue = kit.closing(
            QueueBuilder.builder(client, failsOnce, TEXT, kit.base)
                .lockPath(kit.base + "-locks").buildQueue());
        queue.setErrorMode(ErrorMode.REQUEUE);
        queue.start();
        queue.put("bad");
        queue.put("good");
        told.waitFor(list -> list.stream().filter("bad"::equals).count() == 2
                         && list.contains("good"), "both, one of them twice");
        Kit.waitUntil(() -> client.getChildren().forPath(kit.base).isEmpty(), "an empty queue");
    }

    /** Several consumers get each item once. */
    public static void severalConsumers(Kit kit) throws Exception {
        int count = 200;
        Kit.Told<String> told = new Kit.Told<>();
        for (int i = 0; i < 3; i++) {
            DistributedQueue<String> queue = kit.closing(QueueBuilder.builder(
                kit.client(), new QueueConsumer<String>() {
                    @Override
                    public void consumeMessage(String item) {
                        told.add(item);
                    }

                    @Override
                    public void stateChanged(CuratorFramework client, ConnectionState state) {
                        /* Not of interest here. */
                    }
                }, TEXT, kit.base).lockPath(kit.base + "-locks").buildQueue());
            queue.start();
        }
        DistributedQueue<String> producer = kit.closing(QueueBuilder
            .<String>builder(kit.client(), null, TEXT, kit.base).buildQueue());
        producer.start();
        TreeSet<String> expected = new TreeSet<>();
        for (int i = 0; i < count; i++) {
            producer.put("i" + i);
            expected.add("i" + i);
        }
        List<String> seen = told.waitCount(count);
        Kit.eq(new TreeSet<>(seen), expected);
        Kit.eq(told.now().size(), count);
    }

    public static void byPriority(Kit kit) throws Exception {
        BlockingQueueConsumer<String> consumer = consumer();
        DistributedPriorityQueue<String> producer = kit.closing(QueueBuilder
            .<String>builder(kit.client(), null, TEXT, kit.base).buildPriorityQueue(0));
        producer.start();
        producer.put("late", 100);
        producer.put("early", -5);
        producer.put("middle", 10);
        Kit.check(producer.flushPuts(Kit.PATIENCE_S, TimeUnit.SECONDS), "not flushed");
        DistributedPriorityQueue<String> queue = kit.closing(
            QueueBuilder.builder(kit.client(), consumer, TEXT, kit.base).buildPriorityQueue(0));
        queue.start();
        Kit.eq(List.of(take(consumer), take(consumer), take(consumer)),
               List.of("early", "middle", "late"));
    }

    public static void byId(Kit kit) throws Exception {
        BlockingQueueConsumer<String> consumer = consumer();
        DistributedIdQueue<String> producer = kit.closing(QueueBuilder
            .<String>builder(kit.client(), null, TEXT, kit.base).buildIdQueue());
        producer.start();
        producer.put("a", "id-a");
        producer.put("b", "id-b");
        producer.put("a2", "id-a");
        Kit.check(producer.flushPuts(Kit.PATIENCE_S, TimeUnit.SECONDS), "not flushed");
        Kit.eq(producer.remove("id-a"), 2);
        DistributedIdQueue<String> queue = kit.closing(
            QueueBuilder.builder(kit.client(), consumer, TEXT, kit.base).buildIdQueue());
        queue.start();
        Kit.eq(take(consumer), "b");
    }

    public static void withDelay(Kit kit) throws Exception {
        BlockingQueueConsumer<String> consumer = consumer();
        DistributedDelayQueue<String> queue = kit.closing(
            QueueBuilder.builder(kit.client(), consumer, TEXT, kit.base).buildDelayQueue());
        queue.start();
        long now = System.currentTimeMillis();
        queue.put("second", now + 500);
        queue.put("first", now + 200);
        Kit.eq(take(consumer), "first");
        Kit.check(System.currentTimeMillis() >= now + 200, "too early");
        Kit.eq(take(consumer), "second");
        Kit.check(System.currentTimeMillis() >= now + 500, "too early");
    }

    public static void simple(Kit kit) throws Exception {
        SimpleDistributedQueue one = new SimpleDistributedQueue(kit.client(), kit.base);
        SimpleDistributedQueue two = new SimpleDistributedQueue(kit.client(), kit.base);
        Kit.eq(one.peek(), null);
        Kit.eq(one.poll(50, TimeUnit.MILLISECONDS), null);
        Future<byte[]> waiting = kit.run(() -> two.poll(Kit.PATIENCE_S, TimeUnit.SECONDS));
        one.offer(Kit.bytes("a"));
        Kit.eq(Kit.join(waiting), Kit.bytes("a"));
        one.offer(Kit.bytes("b"));
        one.offer(Kit.bytes("c"));
        Kit.eq(two.element(), Kit.bytes("b"));
        Kit.eq(List.of(new String(two.take()), new String(two.remove())), List.of("b", "c"));
        Kit.refused(java.util.NoSuchElementException.class, two::remove);
    }
}
