#!/bin/bash
# Which room may include what. Rooms are written from left to right; a source includes headers of its own room and of
# rooms further left, never of a room beside it or to its right. Libraries are included in the rooms that own them.
. "${0%/*}/../lib/test.sh"
. "${0%/*}/../lib/tree.sh"

test_includes_run_one_way()
{
    tree_files '*.c' '*.h' >files
    grep -E '^(base|schema|providers|reconciler)/' files >rooms
    # Prints FILE:LINE INCLUDED for each include of the project.
    cd "$TEST_TOP"
    xargs -r -a "$OLDPWD/rooms" grep -nHE '^ *# *include +"' |
        sed -E 's/^([^:]+:[0-9]+):[^"]*"([^"]*)".*/\1 \2/' >"$OLDPWD/includes"
    run awk "$rules" "$OLDPWD/includes"
    assert_eq "$out$err" ""
}

# shellcheck disable=SC2016 # of awk
rules='
BEGIN {
    split("base schema reconciler/plan reconciler/source reconciler/store providers reconciler/exec " \
          "reconciler/engine reconciler/api reconciler/notify reconciler/cli reconciler/daemon", room)
    split("0 1 2 3 3 3 4 5 6 6 7 7", rank)
    for (i in room)
        rank_of[room[i]] = rank[i]
}
function room_of(path,    part) {
    split(path, part, "/")
    return part[1] == "reconciler" ? part[1] "/" part[2] : part[1]
}
{
    from = room_of($1)
    to = room_of($2)
    if ($2 == "forge_version.h")
        next
    if (!(from in rank_of)) {
        print $1 ": " from " is not a room; tests/lint/layers.sh has the list"
    } else if (!(to in rank_of)) {
        print $1 ": \"" $2 "\": write the path from the top of the tree"
    } else if (from != to && rank_of[from] <= rank_of[to]) {
        print $1 ": " from " must not include \"" $2 "\""
    }
}
'

test_libraries_stay_in_their_rooms()
{
    # The command line prints the versions of them all, and calls nothing else.
    only yaml.h schema
    only git2.h reconciler/source
    only lmdb.h reconciler/store
    only curl/curl.h base
    only microhttpd.h reconciler/api
    only jansson.h schema providers reconciler
}

# only HEADER ROOMS...: no other room includes it.
only()
{
    local header=$1 rooms
    shift
    rooms=$(IFS='|' && echo "$*")
    cd "$TEST_TOP"
    tree_files 'base/*.[ch]' 'schema/*.[ch]' 'providers/*.[ch]' 'reconciler/*.[ch]' |
        xargs grep -lE "^ *# *include +<${header//./\\.}>" | grep -vE "^($rooms)/|^reconciler/cli/verb_help\.c$" >"$OLDPWD/found" || true
    cd "$OLDPWD"
    assert_eq "$(<found)" "" "<$header> belongs to: $*"
}

test_main "$@"
