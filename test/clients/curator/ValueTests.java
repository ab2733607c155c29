import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.apache.curator.RetryPolicy;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.recipes.atomic.AtomicValue;
import org.apache.curator.framework.recipes.atomic.CachedAtomicInteger;
import org.apache.curator.framework.recipes.atomic.CachedAtomicLong;
import org.apache.curator.framework.recipes.atomic.DistributedAtomicInteger;
import org.apache.curator.framework.recipes.atomic.DistributedAtomicLong;
import org.apache.curator.framework.recipes.atomic.DistributedAtomicValue;
import org.apache.curator.framework.recipes.atomic.PromotedToLock;
import org.apache.curator.framework.recipes.shared.SharedCount;
import org.apache.curator.framework.recipes.shared.SharedCountListener;
import org.apache.curator.framework.recipes.shared.SharedCountReader;
import org.apache.curator.framework.recipes.shared.SharedValue;
import org.apache.curator.framework.recipes.shared.SharedValueListener;
import org.apache.curator.framework.recipes.shared.SharedValueReader;
import org.apache.curator.framework.recipes.shared.VersionedValue;
import org.apache.curator.framework.state.ConnectionState;
import org.apache.curator.retry.RetryNTimes;

/** Curator's shared values and counters. */
final class ValueTests {
    private static final RetryPolicy RETRY = new RetryNTimes(1000, 1);

    private ValueTests() {}

    public static void sharedValue(Kit kit) throws Exception {
        SharedValue one = kit.closing(new SharedValue(kit.client(), kit.base, Kit.bytes("seed")));
        SharedValue two = kit.closing(new SharedValue(kit.client(), kit.base, Kit.bytes("seed")));
        Kit.Told<String> told = new Kit.Told<>();
        two.getListenable().addListener(new SharedValueListener() {
            @Override
            public void valueHasChanged(SharedValueReader reader, byte[] value) {
                told.add(new String(value));
            }

            @Override
            public void stateChanged(CuratorFramework client, ConnectionState state) {
                /* Not of interest here. */
            }
        });
        one.start();
        two.start();
        Kit.eq(two.getValue(), Kit.bytes("seed"));
        VersionedValue<byte[]> before = two.getVersionedValue();
        one.setValue(Kit.bytes("a"));
        told.waitHas("a");
        Kit.check(!two.trySetValue(before, Kit.bytes("late")), "set over a newer version");
        Kit.check(two.trySetValue(two.getVersionedValue(), Kit.bytes("b")), "not set");
        Kit.waitUntil(() -> new String(one.getValue()).equals("b"), "b");
    }

    public static void sharedCount(Kit kit) throws Exception {
        SharedCount one = kit.closing(new SharedCount(kit.client(), kit.base, 7));
        SharedCount two = kit.closing(new SharedCount(kit.client(), kit.base, 7));
        Kit.Told<Integer> told = new Kit.Told<>();
        two.addListener(new SharedCountListener() {
            @Override
            public void countHasChanged(SharedCountReader reader, int count) {
                told.add(count);
            }

            @Override
            public void stateChanged(CuratorFramework client, ConnectionState state) {
                /* Not of interest here. */
            }
        });
        one.start();
        two.start();
        Kit.eq(two.getCount(), 7);
        one.setCount(8);
        told.waitHas(8);
        VersionedValue<Integer> current = two.getVersionedValue();
        Kit.check(one.trySetCount(one.getVersionedValue(), 9), "not set");
        Kit.check(!two.trySetCount(current, 10), "set over a newer version");
        told.waitHas(9);
    }

    public static void atomicLong(Kit kit) throws Exception {
        int turns = 100;
        List<Future<Integer>> threads = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            DistributedAtomicLong mine =
                new DistributedAtomicLong(kit.client(), kit.base + "/n", RETRY);
            threads.add(kit.run(() -> {
                for (int turn = 0; turn < turns; turn++) {
                    AtomicValue<Long> value = mine.increment();
                    Kit.check(value.succeeded(), "no increment");
                    Kit.eq(value.postValue(), value.preValue() + 1);
                }
                return 0;
            }));
        }
        for (Future<Integer> thread : threads) {
            Kit.join(thread);
        }
        DistributedAtomicLong number =
            new DistributedAtomicLong(kit.client(), kit.base + "/n", RETRY);
        Kit.eq(number.get().postValue(), 3L * turns);
        Kit.eq(number.add(5L).postValue(), 305L);
        Kit.eq(number.subtract(4L).postValue(), 301L);
        Kit.eq(number.decrement().postValue(), 300L);
        Kit.check(number.compareAndSet(300L, 1L).succeeded(), "compareAndSet");
        Kit.check(!number.compareAndSet(300L, 2L).succeeded(), "compareAndSet of an old value");
        Kit.check(number.trySet(9L).succeeded(), "trySet");
        number.forceSet(10L);
        Kit.check(!number.initialize(0L), "initialised twice");
        CachedAtomicLong cached = new CachedAtomicLong(number, 5);
        Kit.eq(List.of(cached.next().postValue(), cached.next().postValue()), List.of(11L, 12L));
        Kit.eq(number.get().postValue(), 15L);
    }

    /** Under a promise that never holds the value is changed under a lock. */
    public static void atomicPromotedToLock(Kit kit) throws Exception {
        CuratorFramework client = kit.client();
        DistributedAtomicInteger number = new DistributedAtomicInteger(
            client, kit.base + "/n", new RetryNTimes(0, 0),
            PromotedToLock.builder().lockPath(kit.base + "/lock").retryPolicy(RETRY)
                .timeout(Kit.PATIENCE_S, TimeUnit.SECONDS).build());
        Kit.check(number.initialize(4), "not initialised");
        Kit.eq(number.increment().postValue(), 5);
        Kit.eq(new CachedAtomicInteger(number, 3).next().postValue(), 6);
        List<Future<Integer>> threads = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            threads.add(kit.run(() -> {
                for (int turn = 0; turn < 10; turn++) {
                    Kit.check(number.increment().succeeded(), "no increment");
                }
                return 0;
            }));
        }
        for (Future<Integer> thread : threads) {
            Kit.join(thread);
        }
        Kit.eq(number.get().postValue(), 38);
    }

    public static void atomicValue(Kit kit) throws Exception {
        DistributedAtomicValue value =
            new DistributedAtomicValue(kit.client(), kit.base, RETRY);
        Kit.check(value.initialize(Kit.bytes("a")), "not initialised");
        Kit.check(value.trySet(Kit.bytes("b")).succeeded(), "trySet");
        Kit.check(value.compareAndSet(Kit.bytes("b"), Kit.bytes("c")).succeeded(), "compareAndSet");
        Kit.check(!value.compareAndSet(Kit.bytes("b"), Kit.bytes("d")).succeeded(),
                  "compareAndSet of an old value");
        Kit.eq(value.get().postValue(), Kit.bytes("c"));
    }
}
