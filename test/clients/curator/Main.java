import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;

/**
 * Runs every test: all public static methods of the classes below, which take a Kit.
 *
 * <p>Usage: Main DIRECT_HOSTS FORWARDED_HOSTS [TEXT]; with TEXT only tests whose name has it.
 * Prints "ok NAME" or "FAIL NAME: why" for each; see Kit.ask() for lines with "@".
 *
 * <p>With the property rookery.ensemble, the names of tests to leave out, each attempt asks the driver
 * for the hosts, and each failure whether it is worth another attempt.
 */
public final class Main {
    private static final Class<?>[] CLASSES = {
        JavaClientTests.class, FrameworkTests.class, LockTests.class, CacheTests.class,
        ValueTests.class, QueueTests.class, SessionTests.class,
    };

    private static final List<String> LEFT_OUT = System.getProperty("rookery.ensemble") == null
        ? null : List.of(System.getProperty("rookery.ensemble").split(","));

    private Main() {}

    public static void main(String[] arguments) throws Exception {
        BufferedReader driver = new BufferedReader(new InputStreamReader(System.in));
        String only = arguments.length > 2 ? arguments[2] : "";
        int number = 0;
        int failed = 0;
        for (Class<?> tests : CLASSES) {
            Method[] methods = tests.getDeclaredMethods();
            Arrays.sort(methods, Comparator.comparing(Method::getName));
            for (Method test : methods) {
                String name = tests.getSimpleName().replace("Tests", "") + "." + test.getName();
                if (!Modifier.isPublic(test.getModifiers()) || !name.contains(only)) {
                    continue;
                }
                String base = "/j" + ++number + "-" + test.getName();
                if (LEFT_OUT != null && LEFT_OUT.contains(name)) {
                    continue;
                }
                String why = LEFT_OUT != null ? runAgain(name, test, driver, base)
                    : runOne(test, new Kit(arguments[0], arguments[1], driver, base));
                System.out.println(why == null ? "ok " + name : "FAIL " + name + ": " + why);
                System.out.flush();
                failed += why == null ? 0 : 1;
            }
        }
        System.out.flush();
        /* Recipes may have left threads behind that are no daemons. */
        Runtime.getRuntime().halt(failed == 0 ? 0 : 1);
    }

    /** Attempts for as long as the driver excuses the failures. */
    private static String runAgain(String name, Method test, BufferedReader driver, String base)
        throws Exception {
        for (int attempt = 1;; attempt++) {
            String[] hosts = Kit.answer(driver, "attempt " + name + " " + attempt).split(" ");
            String why = runOne(test, new Kit(hosts[0], hosts[1], driver, base + "-" + attempt));
            if (why == null || !Kit.answer(driver, "failed " + name + ": " + why.replace('\n', ' '))
                    .equals("again")) {
                return why;
            }
        }
    }

    /** Why it failed; null if it did not. */
    private static String runOne(Method test, Kit kit) throws Exception {
        try (kit) {
            test.invoke(null, kit);
            return null;
        } catch (InvocationTargetException e) {
            Throwable why = e.getCause();
            String where = Arrays.stream(why.getStackTrace())
                .filter(at -> at.getClassName().contains("Tests"))
                .map(at -> " at " + at.getFileName() + ":" + at.getLineNumber())
                .findFirst().orElse("");
            return why + where;
        }
    }
}
