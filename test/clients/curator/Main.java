import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.util.Arrays;
import java.util.Comparator;

/**
 * Runs every test: all public static methods of the classes below, which take a Kit.
 *
 * <p>Usage: Main DIRECT_HOSTS FORWARDED_HOSTS [TEXT]; with TEXT only tests whose name has it.
 * Prints "ok NAME" or "FAIL NAME: why" for each; see Kit.ask() for lines with "@".
 */
public final class Main {
    private static final Class<?>[] CLASSES = {
        JavaClientTests.class, FrameworkTests.class, LockTests.class, CacheTests.class,
        ValueTests.class, QueueTests.class, SessionTests.class,
    };

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
                Kit kit = new Kit(arguments[0], arguments[1], driver,
                                  "/j" + ++number + "-" + test.getName());
                if (!runOne(name, test, kit)) {
                    failed++;
                }
            }
        }
        System.out.flush();
        /* Recipes may have left threads behind that are no daemons. */
        Runtime.getRuntime().halt(failed == 0 ? 0 : 1);
    }

    private static boolean runOne(String name, Method test, Kit kit) throws Exception {
        try (kit) {
            test.invoke(null, kit);
            System.out.println("ok " + name);
            return true;
        } catch (InvocationTargetException e) {
            Throwable why = e.getCause();
            String where = Arrays.stream(why.getStackTrace())
                .filter(at -> at.getClassName().contains("Tests"))
                .map(at -> " at " + at.getFileName() + ":" + at.getLineNumber())
                .findFirst().orElse("");
            System.out.println("FAIL " + name + ": " + why + where);
            return false;
        } finally {
            System.out.flush();
        }
    }
}
