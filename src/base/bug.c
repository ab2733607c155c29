/* Which of the known bugs this process has; set once at its start. In builds with -Dbugs=true only.
 */
#include "base/bug.h"

uint32_t rk_bug_active;
