import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.recipes.locks.InterProcessLock;
import org.apache.curator.framework.recipes.locks.InterProcessMutex;
import org.apache.curator.framework.recipes.locks.InterProcessReadWriteLock;
import org.apache.curator.framework.recipes.locks.InterProcessSemaphoreV2;
import org.apache.curator.framework.recipes.locks.Lease;
import org.apache.curator.retry.RetryOneTime;

/** Takes turns with processes in C: Turns KIND HOSTS PATH BUSY-FILE COUNT. */
public final class Turns {
    private Turns() {}

    private static void visit(Path busy) throws Exception {
        Files.createFile(busy); /* fails if somebody is inside */
        Thread.sleep(1);
        Files.delete(busy);
    }

    public static void main(String[] a) throws Exception {
        try (CuratorFramework client = CuratorFrameworkFactory.newClient(a[1], 10000, 10000, new RetryOneTime(100))) {
            client.start();
            Path busy = Path.of(a[3]);
            int count = Integer.parseInt(a[4]);
            InterProcessSemaphoreV2 semaphore = new InterProcessSemaphoreV2(client, a[2], 1);
            InterProcessLock lock = a[0].equals("lock") ? new InterProcessMutex(client, a[2])
                : new InterProcessReadWriteLock(client, a[2]).writeLock();
            for (int i = 0; i < count; i++) {
                if (a[0].equals("semaphore")) {
                    Lease lease = semaphore.acquire(30, TimeUnit.SECONDS);
                    visit(busy);
                    semaphore.returnLease(lease);
                } else {
                    if (!lock.acquire(30, TimeUnit.SECONDS)) {
                        throw new IllegalStateException("no lock");
                    }
                    visit(busy);
                    lock.release();
                }
            }
        }
        System.out.println("done");
    }
}
