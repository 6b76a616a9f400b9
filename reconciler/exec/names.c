/* Names of results. */
#include "reconciler/exec/exec.h"

const char *exec_result_name(enum exec_result_code r)
{
    static const char *const names[] = {
        [EXEC_OK] = "ok",           [EXEC_FAILED] = "failed",
        [EXEC_SKIPPED] = "skipped", [EXEC_CANCELLED] = "cancelled",
        [EXEC_BLOCKED] = "blocked",
    };
    return names[r];
}
