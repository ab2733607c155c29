import java.io.File;
import org.apache.zookeeper.server.persistence.FileTxnLog;

/** What an Apache follower does to its logs on TRUNC: Truncate VERSION_2_DIR ZXID */
public class Truncate {
    public static void main(String[] args) throws Exception {
        try (FileTxnLog log = new FileTxnLog(new File(args[0]))) {
            if (!log.truncate(Long.parseLong(args[1]))) {
                System.exit(1);
            }
        }
    }
}
