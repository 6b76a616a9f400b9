# An OCI runtime that does not request higher limits than this machine allows (see podman.sh). Sourced with the
# runtime's own arguments; $FORGE_RUNTIME is the real runtime.
# shellcheck shell=bash
before=
for argument; do
    case $before in
    --bundle | -b) file=$argument/config.json where=.process ;;
    --process | -p) file=$argument where=. ;;
    *) file= ;;
    esac
    if [ -f "$file" ]; then
        jq -c --arg files "$(ulimit -Hn)" --arg processes "$(ulimit -Hu)" '
            def least($most): if $most == "unlimited" then . else [., ($most | tonumber)] | min end;
            '"$where"' |= (.rlimits |= ((. // []) | map(
                if .type == "RLIMIT_NOFILE" then .hard |= least($files) | .soft |= least($files)
                elif .type == "RLIMIT_NPROC" then .hard |= least($processes) | .soft |= least($processes)
                else . end)))' "$file" >"$file.limited" && cat "$file.limited" >"$file"
        rm -f "$file.limited"
    fi
    before=$argument
done
exec "$FORGE_RUNTIME" "$@"
