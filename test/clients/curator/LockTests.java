import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.recipes.barriers.DistributedBarrier;
import org.apache.curator.framework.recipes.barriers.DistributedDoubleBarrier;
import org.apache.curator.framework.recipes.leader.LeaderLatch;
import org.apache.curator.framework.recipes.leader.LeaderLatchListener;
import org.apache.curator.framework.recipes.leader.LeaderSelector;
import org.apache.curator.framework.recipes.leader.LeaderSelectorListenerAdapter;
import org.apache.curator.framework.recipes.locks.InterProcessLock;
import org.apache.curator.framework.recipes.locks.InterProcessMultiLock;
import org.apache.curator.framework.recipes.locks.InterProcessMutex;
import org.apache.curator.framework.recipes.locks.InterProcessReadWriteLock;
import org.apache.curator.framework.recipes.locks.InterProcessSemaphoreMutex;
import org.apache.curator.framework.recipes.locks.InterProcessSemaphoreV2;
import org.apache.curator.framework.recipes.locks.Lease;
import org.apache.curator.framework.recipes.locks.Revoker;
import org.apache.curator.framework.recipes.shared.SharedCount;

/** Curator's locks, semaphores, barriers and elections. */
final class LockTests {
    private static final int P = Kit.PATIENCE_S;

    private LockTests() {}

    /** Four contenders, each many times, never two inside. */
    private static void exclude(Kit kit, java.util.function.Function<CuratorFramework,
                                InterProcessLock> make) throws Exception {
        AtomicBoolean isBusy = new AtomicBoolean();
        List<Future<Integer>> threads = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            InterProcessLock lock = make.apply(kit.client());
            threads.add(kit.run(() -> {
                for (int turn = 0; turn < 20; turn++) {
                    Kit.check(lock.acquire(P, TimeUnit.SECONDS), "no lock");
                    Kit.check(isBusy.compareAndSet(false, true), "two are inside");
                    Kit.check(isBusy.compareAndSet(true, false), "somebody else was inside");
                    lock.release();
                }
                return 0;
            }));
        }
        for (Future<Integer> thread : threads) {
            Kit.join(thread);
        }
    }

    public static void mutexExcludes(Kit kit) throws Exception {
        exclude(kit, client -> new InterProcessMutex(client, kit.base));
    }

    public static void semaphoreMutexExcludes(Kit kit) throws Exception {
        exclude(kit, client -> new InterProcessSemaphoreMutex(client, kit.base));
    }

    public static void mutexIsReentrantAndTimesOut(Kit kit) throws Exception {
        InterProcessMutex first = new InterProcessMutex(kit.client(), kit.base);
        InterProcessMutex second = new InterProcessMutex(kit.client(), kit.base);
        first.acquire();
        first.acquire();
        Kit.check(first.isOwnedByCurrentThread(), "not owned");
        Kit.check(!second.acquire(50, TimeUnit.MILLISECONDS), "two have the lock");
        Kit.eq(first.getParticipantNodes().size(), 1);
        first.release();
        Kit.check(!second.acquire(50, TimeUnit.MILLISECONDS), "released too early");
        first.release();
        Kit.check(second.acquire(P, TimeUnit.SECONDS), "not released");
        second.release();
        Kit.refused(IllegalMonitorStateException.class, second::release);
    }

    public static void mutexGoesOnWhenTheHolderEnds(Kit kit) throws Exception {
        CuratorFramework holder = kit.client();
        new InterProcessMutex(holder, kit.base).acquire();
        InterProcessMutex next = new InterProcessMutex(kit.client(), kit.base);
        Future<Boolean> waiting = kit.run(() -> next.acquire(P, TimeUnit.SECONDS));
        Kit.waitUntil(() -> next.getParticipantNodes().size() == 2, "the second contender");
        holder.close();
        Kit.check(Kit.join(waiting), "the lock was not passed on");
    }

    public static void mutexCanBeRevoked(Kit kit) throws Exception {
        CuratorFramework client = kit.client();
        InterProcessMutex lock = new InterProcessMutex(client, kit.base);
        CountDownLatch revoked = new CountDownLatch(1);
        lock.makeRevocable(mutex -> revoked.countDown());
        lock.acquire();
        Revoker.attemptRevoke(kit.client(), lock.getParticipantNodes().iterator().next());
        Kit.check(revoked.await(P, TimeUnit.SECONDS), "not revoked");
        lock.release();
    }

    public static void multiLock(Kit kit) throws Exception {
        CuratorFramework client = kit.client();
        InterProcessMultiLock both = new InterProcessMultiLock(
            client, List.of(kit.base + "/1", kit.base + "/2"));
        both.acquire();
        InterProcessMutex one = new InterProcessMutex(kit.client(), kit.base + "/2");
        Kit.check(!one.acquire(50, TimeUnit.MILLISECONDS), "half of the multi lock was free");
        both.release();
        Kit.check(one.acquire(P, TimeUnit.SECONDS), "not released");
        Kit.check(!both.acquire(50, TimeUnit.MILLISECONDS), "the multi lock took a held one");
        one.release();
        Kit.check(both.acquire(P, TimeUnit.SECONDS), "not released");
        both.release();
    }

    public static void readWriteLock(Kit kit) throws Exception {
        InterProcessReadWriteLock a = new InterProcessReadWriteLock(kit.client(), kit.base);
        InterProcessReadWriteLock b = new InterProcessReadWriteLock(kit.client(), kit.base);
        a.readLock().acquire();
        Kit.check(b.readLock().acquire(P, TimeUnit.SECONDS), "readers do not share");
        Future<Boolean> writing = kit.run(() -> {
            Kit.check(a.writeLock().acquire(P, TimeUnit.SECONDS), "no write lock");
            return true;
        });
        Kit.waitUntil(() -> a.writeLock().getParticipantNodes().size() == 1, "the writer");
        Kit.check(!writing.isDone(), "the writer is in with readers");
        a.readLock().release();
        Kit.check(!writing.isDone(), "the writer is in with a reader");
        b.readLock().release();
        Kit.join(writing);
        Kit.check(!b.readLock().acquire(50, TimeUnit.MILLISECONDS),
                  "a reader is in with the writer");
        /* A holder of the write lock may take the read lock too, and keep it. */
        InterProcessReadWriteLock own =
            new InterProcessReadWriteLock(kit.client(), kit.base + "-own");
        own.writeLock().acquire();
        own.readLock().acquire();
        own.writeLock().release();
        own.readLock().release();
    }

    public static void semaphore(Kit kit) throws Exception {
        InterProcessSemaphoreV2 a = new InterProcessSemaphoreV2(kit.client(), kit.base, 3);
        CuratorFramework second = kit.client();
        InterProcessSemaphoreV2 b = new InterProcessSemaphoreV2(second, kit.base, 3);
        Collection<Lease> two = a.acquire(2);
        Lease third = b.acquire(P, TimeUnit.SECONDS);
        Kit.check(third != null, "the third of three leases");
        Kit.eq(a.acquire(50, TimeUnit.MILLISECONDS), null);
        Kit.eq(a.getParticipantNodes().size(), 3);
        Future<Lease> waiting = kit.run(() -> b.acquire(P, TimeUnit.SECONDS));
        a.returnAll(two);
        Kit.check(Kit.join(waiting) != null, "a lease was given back");
        second.close();
        Kit.eq(a.acquire(3, P, TimeUnit.SECONDS).size(), 3);
    }

    /** The number of leases is a shared count, and grows while somebody waits. */
    public static void semaphoreWithASharedCount(Kit kit) throws Exception {
        CuratorFramework client = kit.client();
        SharedCount count = kit.closing(new SharedCount(client, kit.base + "-count", 1));
        count.start();
        InterProcessSemaphoreV2 semaphore = new InterProcessSemaphoreV2(client, kit.base, count);
        Lease first = semaphore.acquire();
        Future<Lease> waiting = kit.run(() -> semaphore.acquire(P, TimeUnit.SECONDS));
        Kit.waitUntil(() -> client.getChildren().forPath(kit.base + "/leases").size() == 2,
                      "the second contender");
        count.setCount(2);
        /* Leases are looked at again when one of them changes. */
        semaphore.returnLease(first);
        Kit.check(Kit.join(waiting) != null, "no lease");
        Kit.check(semaphore.acquire(P, TimeUnit.SECONDS) != null, "no second lease");
    }

    public static void barrier(Kit kit) throws Exception {
        DistributedBarrier barrier = new DistributedBarrier(kit.client(), kit.base);
        barrier.setBarrier();
        DistributedBarrier other = new DistributedBarrier(kit.client(), kit.base);
        Kit.check(!other.waitOnBarrier(50, TimeUnit.MILLISECONDS), "through the barrier");
        Future<Boolean> waiting = kit.run(() -> other.waitOnBarrier(P, TimeUnit.SECONDS));
        barrier.removeBarrier();
        Kit.check(Kit.join(waiting), "the barrier is gone, but somebody waits");
        Kit.check(other.waitOnBarrier(0, TimeUnit.MILLISECONDS), "no barrier");
    }

    public static void doubleBarrier(Kit kit) throws Exception {
        int members = 4;
        Kit.Told<Integer> inside = new Kit.Told<>();
        Kit.Told<Integer> outside = new Kit.Told<>();
        List<Future<Boolean>> threads = new ArrayList<>();
        for (int i = 0; i < members; i++) {
            int number = i;
            CuratorFramework client = kit.client();
            Kit.eq(inside.now().size(), 0);
            threads.add(kit.run(() -> {
                DistributedDoubleBarrier barrier =
                    new DistributedDoubleBarrier(client, kit.base, members);
                Kit.check(barrier.enter(P, TimeUnit.SECONDS), "not in");
                inside.add(number);
                inside.waitCount(members);
                Kit.check(barrier.leave(P, TimeUnit.SECONDS), "not out");
                outside.add(number);
                return true;
            }));
        }
        for (Future<Boolean> thread : threads) {
            Kit.join(thread);
        }
        Kit.eq(outside.now().size(), members);
    }

    public static void leaderLatch(Kit kit) throws Exception {
        List<LeaderLatch> latches = new ArrayList<>();
        Kit.Told<String> told = new Kit.Told<>();
        for (int i = 0; i < 3; i++) {
            String id = "l" + i;
            LeaderLatch latch = kit.closing(new LeaderLatch(kit.client(), kit.base, id));
            latch.addListener(new LeaderLatchListener() {
                @Override
                public void isLeader() {
                    told.add(id + " leads");
                }

                @Override
                public void notLeader() {
                    told.add(id + " does not lead");
                }
            });
            latch.start();
            int count = i + 1;
            Kit.waitUntil(() -> latch.getParticipants().size() == count, "participant " + count);
            latches.add(latch);
        }
        Kit.check(latches.get(0).await(P, TimeUnit.SECONDS), "no leader");
        Kit.eq(latches.get(2).getLeader().getId(), "l0");
        Kit.check(!latches.get(1).hasLeadership(), "two leaders");
        latches.get(0).close(LeaderLatch.CloseMode.NOTIFY_LEADER);
        Kit.check(latches.get(1).await(P, TimeUnit.SECONDS), "no next leader");
        latches.get(1).close();
        Kit.check(latches.get(2).await(P, TimeUnit.SECONDS), "no last leader");
        told.waitHas("l2 leads");
        told.waitHas("l0 leads");
        told.waitHas("l0 does not lead");
        Kit.eq(latches.get(2).getParticipants().size(), 1);
    }

    public static void leaderLatchPassesOnWhenTheLeaderEnds(Kit kit) throws Exception {
        CuratorFramework client = kit.client();
        LeaderLatch first = new LeaderLatch(client, kit.base, "first");
        first.start();
        Kit.check(first.await(P, TimeUnit.SECONDS), "no leader");
        LeaderLatch second = kit.closing(new LeaderLatch(kit.client(), kit.base, "second"));
        second.start();
        Kit.waitUntil(() -> second.getParticipants().size() == 2, "the second");
        client.getZookeeperClient().getZooKeeper().close();
        Kit.check(second.await(P, TimeUnit.SECONDS), "no next leader");
    }

    private static final class Selected extends LeaderSelectorListenerAdapter {
        final Kit.Told<String> told;
        final String id;
        final CountDownLatch leave = new CountDownLatch(1);

        Selected(Kit.Told<String> told, String id) {
            this.told = told;
            this.id = id;
        }

        @Override
        public void takeLeadership(CuratorFramework client) throws Exception {
            told.add(id);
            Kit.check(leave.await(P, TimeUnit.SECONDS), "led for too long");
        }
    }

    public static void leaderSelector(Kit kit) throws Exception {
        Kit.Told<String> told = new Kit.Told<>();
        List<Selected> listeners = new ArrayList<>();
        List<LeaderSelector> selectors = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            Selected listener = new Selected(told, "s" + i);
            LeaderSelector selector =
                kit.closing(new LeaderSelector(kit.client(), kit.base, listener));
            selector.setId("s" + i);
            selector.start();
            int count = i + 1;
            Kit.waitUntil(() -> selector.getParticipants().size() == count, "contender " + count);
            listeners.add(listener);
            selectors.add(selector);
        }
        Kit.eq(told.waitCount(1), List.of("s0"));
        Kit.check(selectors.get(0).hasLeadership(), "s0 leads and does not know");
        Kit.eq(selectors.get(2).getLeader().getId(), "s0");
        listeners.get(0).leave.countDown();
        Kit.eq(told.waitCount(2), List.of("s0", "s1"));
        selectors.get(1).interruptLeadership();
        Kit.eq(told.waitCount(3), List.of("s0", "s1", "s2"));
        listeners.get(2).leave.countDown();
        Kit.waitUntil(() -> selectors.get(2).getParticipants().isEmpty(), "nobody contends");
        selectors.get(0).requeue();
        Kit.eq(told.waitCount(4), List.of("s0", "s1", "s2", "s0"));
    }
}
