# Counts test cases from what ctest printed (first file) and its LastTest.log (second): the cases of cmocka programs,
# the lines "ok - ", "not ok - " and "skip - " of scripts, and one for a program that names no cases.
# Prints the "skip - NAME: WHY" lines, and at the end PASSED FAILED SKIPPED.

function name_of(line)
{
    sub(/.*Test +#[0-9]+: /, "", line)
    sub(/ .*/, "", line)
    return line
}

FNR == NR {
    if (/Test +#[0-9]+: .*\*\*\*Skipped/)
        is_skipped[name_of($0)] = 1
    # The log says "passed" for a program that was not built.
    if (/Test +#[0-9]+: .*\*\*\*Not Run/)
        is_missing[name_of($0)] = 1
    next
}

/^[0-9]+\/[0-9]+ Test: / { name = $3; ok = bad = skip = 0 }

# cmocka lists failed and skipped cases again after each group.
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
    if (($2 == "Failed." || is_missing[name]) && bad == 0)
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
