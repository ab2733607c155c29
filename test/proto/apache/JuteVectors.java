/* Writes apache_vectors.txt: records with random values as Apache's own classes encode them, each line
 * "<rookery record> <hex> <description>". A description lists the fields in declaration order, under the
 * names of Rookery: numbers and booleans as they are, strings and buffers as <hex>, vectors in [], records
 * in (), null as null.
 *
 * Run (Debian): CP=/usr/share/java/zookeeper.jar:/usr/share/java/zookeeper-jute.jar
 *               java -cp $CP JuteVectors.java > apache_vectors.txt
 */
import java.io.ByteArrayOutputStream;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.lang.reflect.ParameterizedType;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.apache.jute.BinaryOutputArchive;
import org.apache.jute.Record;

public class JuteVectors {
    private static final Random random = new Random(20240607);
    private static final int PER_RECORD = 4;
    private static final String[] PACKAGES = {"proto", "txn", "data", "server.quorum", "server.persistence"};
    /* Rookery's name, then Apache's where it is another. */
    private static final String[] RECORDS = {
        "Id", "ACL", "Stat", "StatPersisted", "ClientInfo", "ConnectRequest", "ConnectResponse",
        "RequestHeader", "ReplyHeader", "MultiHeader", "AuthPacket", "GetSASLRequest", "SetSASLResponse",
        "WatcherEvent", "CreateRequest", "CreateTTLRequest", "CreateResponse", "Create2Response",
        "DeleteRequest", "ExistsRequest", "ExistsResponse", "GetDataRequest", "GetDataResponse",
        "SetDataRequest", "SetDataResponse", "GetACLRequest", "GetACLResponse", "SetACLRequest",
        "SetACLResponse", "GetChildrenRequest", "GetChildrenResponse", "GetChildren2Request",
        "GetChildren2Response", "SyncRequest", "SyncResponse", "CheckVersionRequest", "ReconfigRequest",
        "CheckWatchesRequest", "RemoveWatchesRequest", "SetWatches", "SetWatches2", "AddWatchRequest",
        "ErrorResponse", "GetEphemeralsRequest", "GetEphemeralsResponse", "GetAllChildrenNumberRequest",
        "GetAllChildrenNumberResponse", "WhoAmIResponse", "TxnHeader", "TxnDigest", "CreateTxn",
        "CreateTxnV0", "CreateContainerTxn", "CreateTTLTxn", "DeleteTxn", "SetDataTxn", "CheckVersionTxn",
        "SetACLTxn", "CreateSessionTxn", "CloseSessionTxn", "ErrorTxn", "SubTxn=Txn", "MultiTxn",
        "FileHeader", "LearnerInfo", "QuorumPacket",
    };

    /* Fields, likewise. */
    private static final Map<String, String> RENAMED = Map.of(
        "dataWatches", "data", "existWatches", "exist", "childWatches", "child", "persistentWatches",
        "persistent", "persistentRecursiveWatches", "persistentRecursive", "paths2Delete", "paths",
        "totalNumber", "total", "serverid", "sid", "parentCVersion", "parentCversion");

    private static String snake(String name) {
        return name.replaceAll("(.)([A-Z][a-z]+)", "$1_$2").replaceAll("([a-z0-9])([A-Z])", "$1_$2")
            .toLowerCase();
    }

    private static Class<?> find(String name) throws ClassNotFoundException {
        for (String p : PACKAGES) {
            try {
                return Class.forName("org.apache.zookeeper." + p + "." + name);
            } catch (ClassNotFoundException e) {
                /* the next package may have it */
            }
        }
        throw new ClassNotFoundException(name);
    }

    private static String hex(byte[] bytes) {
        StringBuilder text = new StringBuilder();
        for (byte b : bytes) {
            text.append(String.format("%02x", b & 0xff));
        }
        return text.toString();
    }

    private static String string() {
        String[] some = {"", "/a", "/zookeeper/quota", "world", "anyone", "/\u00e4\u00f6/\u20ac", "digest"};
        int which = random.nextInt(some.length + 1);
        return which == some.length ? null : some[which];
    }

    private static Object value(Class<?> type, Class<?> element) throws Exception {
        if (type == int.class) {
            return random.nextInt();
        } else if (type == long.class) {
            return random.nextLong();
        } else if (type == boolean.class) {
            return random.nextBoolean();
        } else if (type == String.class) {
            return string();
        } else if (type == byte[].class) {
            if (random.nextInt(4) == 0) {
                return null;
            }
            byte[] bytes = new byte[random.nextInt(12)];
            random.nextBytes(bytes);
            return bytes;
        } else if (type == List.class) {
            if (random.nextInt(4) == 0) {
                return null;
            }
            List<Object> list = new ArrayList<>();
            for (int n = random.nextInt(4); n > 0; n--) {
                list.add(value(element, null));
            }
            return list;
        }
        return fill(type);
    }

    private static List<Field> fields(Class<?> type) {
        List<Field> list = new ArrayList<>();
        for (Field f : type.getDeclaredFields()) {
            if (!Modifier.isStatic(f.getModifiers())) {
                f.setAccessible(true);
                list.add(f);
            }
        }
        return list;
    }

    private static Record fill(Class<?> type) throws Exception {
        Record record = (Record) type.getDeclaredConstructor().newInstance();
        for (Field f : fields(type)) {
            Class<?> element = null;
            if (f.getGenericType() instanceof ParameterizedType) {
                element = (Class<?>) ((ParameterizedType) f.getGenericType()).getActualTypeArguments()[0];
            }
            f.set(record, value(f.getType(), element));
        }
        return record;
    }

    private static String describe(Object v) throws Exception {
        if (v == null) {
            return "null";
        } else if (v instanceof String) {
            return "<" + hex(((String) v).getBytes(StandardCharsets.UTF_8)) + ">";
        } else if (v instanceof byte[]) {
            return "<" + hex((byte[]) v) + ">";
        } else if (v instanceof List) {
            List<String> parts = new ArrayList<>();
            for (Object o : (List<?>) v) {
                parts.add(describe(o));
            }
            return "[" + String.join(",", parts) + "]";
        } else if (v instanceof Record) {
            List<String> parts = new ArrayList<>();
            for (Field f : fields(v.getClass())) {
                String name = RENAMED.getOrDefault(f.getName(), f.getName());
                parts.add(snake(name) + "=" + describe(f.get(v)));
            }
            return "(" + String.join(",", parts) + ")";
        }
        return String.valueOf(v);
    }

    public static void main(String[] args) throws Exception {
        for (String entry : RECORDS) {
            String[] names = entry.split("=");
            for (int i = 0; i < PER_RECORD; i++) {
                Record record = fill(find(names[names.length - 1]));
                ByteArrayOutputStream out = new ByteArrayOutputStream();
                record.serialize(BinaryOutputArchive.getArchive(out), "r");
                System.out.println(snake(names[0]) + " " + hex(out.toByteArray()) + " " + describe(record));
            }
        }
    }
}
