#ifndef TESTS_PLAN_EDIT_H
#define TESTS_PLAN_EDIT_H
/* observed.yaml and applied.yaml of a case: the actual state, written as differences from a state in which
   everything is in sync. */
#include "schema/yaml.h"
#include "tests/lib/plan_case.h"

int plan_edit_world(struct plan_case *c, const struct ynode *observed, const struct ynode *applied,
                    struct err *err) _must_check_;
#endif
