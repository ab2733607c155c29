/* The version that clients see. What they parse is the first three numbers: the release of Apache
 * ZooKeeper whose dialect is spoken. ZK: Version.getFullVersion. */
#include "admin/admin.h"
#include "admin/build.h"

#define DIALECT "3.9.5"

const char *rk_admin_version(void)
{
    return DIALECT "-rookery-" RK_BUILD_VERSION "-" RK_BUILD_ID;
}
