# Counts test cases from what ctest printed (first file) and its LastTest.log (second): the cases of cmocka programs,
# the lines "ok - ", "not ok - " and "skip - " of scripts, and one for a program that names no cases.
# Prints the "skip - NAME: WHY" lines, and at the end PASSED FAILED SKIPPED.

FNR == NR {
    if (match($0, /Test +#[0-9]+: [^ ]+/) && /\*\*\*Skipped/)
        is_skipped[$4] = 1
    next
}

/^[0-9]+\/[0-9]+ Test: / { name = $3; ok = bad = skip = 0 }

# cmocka lists failed and skipped cases once more after each group.
/^\[==========\] Running /  { in_group = 1 }
/^\[==========\] .* run\.$/ { in_group = 0 }
in_group && /^\[       OK \]/ { ok++ }
in_group && /^\[  FAILED  \]/ { bad++ }
in_group && /^\[  SKIPPED \]/ { skip++; print "skip - " name ": " $4 }

/^ok - /     { ok++ }
/^not ok - / { bad++ }
/^skip - /   { skip++; print "skip - " name ": " substr($0, 8) }

/^Test (Passed|Failed)\.$/ {
    in_group = 0
    if ($2 == "Failed." && bad == 0)
        bad = 1
    if (is_skipped[name] && skip == 0) {
        skip = 1
        print "skip - " name
    }
    if (ok + bad + skip == 0)
        ok = 1
    passed += ok
    failed += bad
    skipped += skip
}

END { print passed + 0, failed + 0, skipped + 0 }
