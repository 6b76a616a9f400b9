# The files of the source tree, for lint.
#
#   tree_files PATTERN...   prints those that match a git pathspec, as "*.c" or "base/*.h", committed or new
#   tree_shell_files        prints the shell scripts, including those without a suffix
# shellcheck shell=bash

tree_files()
{
    # The tree may belong to another user than the one who runs lint.
    git -c "safe.directory=$TEST_TOP" -C "$TEST_TOP" ls-files --cached --others --exclude-standard -- "$@" |
        while IFS= read -r file; do
            # Skip files whose deletion is not committed yet.
            [ ! -f "$TEST_TOP/$file" ] || printf '%s\n' "$file"
        done
}

tree_shell_files()
{
    tree_files | while IFS= read -r file; do
        case $file in
        *.sh | *.bash) printf '%s\n' "$file" ;;
        *.*) ;;
        *)
            IFS= read -r line <"$TEST_TOP/$file" || true
            if [[ ${line:-} =~ ^#!.*[/\ ](ba|da)?sh ]]; then
                printf '%s\n' "$file"
            fi
            ;;
        esac
    done
}
