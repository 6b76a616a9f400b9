# bash completion of forge-ctl
# Made by `forge-ctl completion bash`; do not edit.

_forge_ctl()
{
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} verb='' words='' files='' resources='' i
    local -a place=()
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
        --settings | --state-dir | --directory | --environment | -C | -e)
            place+=("${COMP_WORDS[i]}" "${COMP_WORDS[i + 1]}")
            ((i++))
            ;;
        -*) ;;
        *)
            verb=${COMP_WORDS[i]}
            break
            ;;
        esac
    done
    local options=" --environment --directory --settings --state-dir --json --local --no-color --verbose --help"
    case $verb in
    '') words="init validate diff apply status images history show rollback explain schema suspend resume reconcile adopt import logs exec volume backup restore doctor completion version help" ;;
    init)
        options+=""
        files=yes
        ;;
    validate)
        options+=" --no-warnings"
        files=yes
        ;;
    diff)
        options+=" --only --adopt --allow-data-loss --fresh --no-fetch --out --exit-code"
        ;;
    apply)
        options+=" --only --adopt --allow-data-loss --fresh --no-fetch --yes --dry-run --parallel --timeout --backup-volumes"
        files=yes
        ;;
    status)
        options+=" --watch --fresh"
        resources=yes
        ;;
    images)
        options+=" --no-fetch --dry-run"
        ;;
    history)
        options+=" --transitions --limit"
        resources=yes
        ;;
    show)
        options+=""
        ;;
    rollback)
        options+=" --only --adopt --allow-data-loss --fresh --no-fetch --yes --dry-run --parallel --timeout --backup-volumes"
        resources=yes
        ;;
    explain)
        options+=""
        words="container network volume config secret stack project metadata"
        ;;
    schema)
        options+=""
        ;;
    suspend)
        options+=" --reason --for"
        ;;
    resume)
        options+=""
        ;;
    reconcile)
        options+=" --wait"
        ;;
    adopt)
        options+=" --yes --dry-run --parallel --timeout"
        resources=yes
        ;;
    import)
        options+=" --out --force --prefix --host-dir --running --project"
        files=yes
        ;;
    logs)
        options+=" --follow --tail --since --timestamps --instance"
        resources=yes
        ;;
    exec)
        options+=" --interactive --tty --user --workdir --instance"
        resources=yes
        ;;
    volume)
        options+=" --overwrite"
        resources=yes
        files=yes
        ;;
    backup)
        options+=""
        files=yes
        ;;
    restore)
        options+=" --yes"
        files=yes
        ;;
    doctor)
        options+=""
        ;;
    completion)
        options+=""
        words="bash zsh fish"
        ;;
    version)
        options+=""
        ;;
    help)
        options+=""
        words="init validate diff apply status images history show rollback explain schema suspend resume reconcile adopt import logs exec volume backup restore doctor completion version help"
        ;;
    esac
    case $prev in
    --settings | --out) files=yes words='' resources='' ;;
    --only | --adopt) resources=yes files='' words='' ;;
    --state-dir | --directory | -C)
        mapfile -t COMPREPLY < <(compgen -d -- "$cur")
        return
        ;;
    esac
    case $cur in
    -*) words=$options files='' resources='' ;;
    esac
    [ -z "$resources" ] || words=$(forge-ctl names "${place[@]}" 2>/dev/null)
    mapfile -t COMPREPLY < <(
        compgen -W "$words" -- "$cur"
        [ -z "$files" ] || compgen -f -- "$cur"
    )
}

complete -o filenames -F _forge_ctl forge-ctl
