#compdef forge-ctl
# Made by `forge-ctl completion zsh`; do not edit.
_forge_ctl_names() {
    local -a names
    names=(${(f)"$(forge-ctl names 2>/dev/null)"})
    compadd -a names
}
_forge_ctl() {
    local -a verbs
    verbs=(
        'init:write a small commented starting repository'
        'validate:everything that is wrong with the manifests, with places'
        'diff:what applying would change, and why'
        'apply:show the plan, ask, and make it so'
        'status:a table of resources\: sync, health, generation, age'
        'images:what registries have for images; remove those that nothing needs'
        'history:generations, or the transitions of a resource'
        'show:one generation in full'
        'rollback:go back to a generation, as a plan like any other'
        'explain:documentation of kinds and fields'
        'schema:JSON Schema of the manifests, for editors'
        'suspend:stop every writer of an environment'
        'resume:end a suspension'
        'reconcile:have forged look now'
        'adopt:take over what exists on the engine'
        'import:write manifests of a compose file, or of what runs'
        'logs:what a container prints'
        'exec:run a command in a container'
        'volume:the files of a volume, into a tar archive and back'
        'backup:a consistent copy of the store, while others write'
        'restore:put a backup in the store'\''s place'
        'doctor:check settings, repository, credentials, engine, disk'
        'completion:completions for a shell'
        'version:the version of Forge, and of the libraries it runs with'
        'help:this text, or help for a verb'
    )
    if (( CURRENT == 2 )); then
        _describe verb verbs
        return
    fi
    case $words[2] in
    init)
        _arguments \
            '--environment=[the environment to work on (default\: the only one)]:value:_files' \
            '--directory=[work on the manifests in DIR on the local engine]:value:_files' \
            '--settings=[settings file (default\: $FORGE_SETTINGS, /etc/forge/forged.yaml)]:value:_files' \
            '--state-dir=[where history and caches live (default\: $FORGE_STATE_DIR, /var/lib/forge for root)]:value:_files' \
            '--json[print one JSON document, or with =lines events as they happen]' \
            '--local[work in this process even when forged is running]' \
            '--no-color[no colours (as does NO_COLOR)]' \
            '--verbose[log what is done to stderr]' \
            '--help[help for the verb]' \
            '*:file:_files' ;;
    validate)
        _arguments \
            '--no-warnings[print errors only]' \
            '--environment=[the environment to work on (default\: the only one)]:value:_files' \
            '--directory=[work on the manifests in DIR on the local engine]:value:_files' \
            '--settings=[settings file (default\: $FORGE_SETTINGS, /etc/forge/forged.yaml)]:value:_files' \
            '--state-dir=[where history and caches live (default\: $FORGE_STATE_DIR, /var/lib/forge for root)]:value:_files' \
            '--json[print one JSON document, or with =lines events as they happen]' \
            '--local[work in this process even when forged is running]' \
            '--no-color[no colours (as does NO_COLOR)]' \
            '--verbose[log what is done to stderr]' \
            '--help[help for the verb]' \
            '*:file:_files' ;;
    diff)
        _arguments \
            '--only=[this resource and what it depends on; may be repeated]:resource:_forge_ctl_names' \
            '--adopt=[take over what exists and is not ours; may be repeated]:resource:_forge_ctl_names' \
            '--allow-data-loss=[allow the loss of data that the refused plan gives this word for; may be repeated]:value:_files' \
            '--fresh[trust no cache\: inspect everything on the engine]' \
            '--no-fetch[work on the last fetched state of the repository]' \
            '--out=[also write the plan, for `apply FILE`]:value:_files' \
            '--exit-code[exit with 1 when there are differences, as it does anyway]' \
            '--environment=[the environment to work on (default\: the only one)]:value:_files' \
            '--directory=[work on the manifests in DIR on the local engine]:value:_files' \
            '--settings=[settings file (default\: $FORGE_SETTINGS, /etc/forge/forged.yaml)]:value:_files' \
            '--state-dir=[where history and caches live (default\: $FORGE_STATE_DIR, /var/lib/forge for root)]:value:_files' \
            '--json[print one JSON document, or with =lines events as they happen]' \
            '--local[work in this process even when forged is running]' \
            '--no-color[no colours (as does NO_COLOR)]' \
            '--verbose[log what is done to stderr]' \
            '--help[help for the verb]' \
            '*:argument: ' ;;
    apply)
        _arguments \
            '--only=[this resource and what it depends on; may be repeated]:resource:_forge_ctl_names' \
            '--adopt=[take over what exists and is not ours; may be repeated]:resource:_forge_ctl_names' \
            '--allow-data-loss=[allow the loss of data that the refused plan gives this word for; may be repeated]:value:_files' \
            '--fresh[trust no cache\: inspect everything on the engine]' \
            '--no-fetch[work on the last fetched state of the repository]' \
            '--yes[do not ask]' \
            '--dry-run[print the plan and stop]' \
            '--parallel=[changes under way at once]:value:_files' \
            '--timeout=[of the whole run]:value:_files' \
            '--backup-volumes=[first save the volumes whose data the plan loses, as tar archives]:value:_files' \
            '--environment=[the environment to work on (default\: the only one)]:value:_files' \
            '--directory=[work on the manifests in DIR on the local engine]:value:_files' \
            '--settings=[settings file (default\: $FORGE_SETTINGS, /etc/forge/forged.yaml)]:value:_files' \
            '--state-dir=[where history and caches live (default\: $FORGE_STATE_DIR, /var/lib/forge for root)]:value:_files' \
            '--json[print one JSON document, or with =lines events as they happen]' \
            '--local[work in this process even when forged is running]' \
            '--no-color[no colours (as does NO_COLOR)]' \
            '--verbose[log what is done to stderr]' \
            '--help[help for the verb]' \
            '*:file:_files' ;;
    status)
        _arguments \
            '--watch[print again whenever something changes (looks every 2 s)]' \
            '--fresh[trust no cache\: inspect everything on the engine]' \
            '--environment=[the environment to work on (default\: the only one)]:value:_files' \
            '--directory=[work on the manifests in DIR on the local engine]:value:_files' \
            '--settings=[settings file (default\: $FORGE_SETTINGS, /etc/forge/forged.yaml)]:value:_files' \
            '--state-dir=[where history and caches live (default\: $FORGE_STATE_DIR, /var/lib/forge for root)]:value:_files' \
            '--json[print one JSON document, or with =lines events as they happen]' \
            '--local[work in this process even when forged is running]' \
            '--no-color[no colours (as does NO_COLOR)]' \
            '--verbose[log what is done to stderr]' \
            '--help[help for the verb]' \
            '*:resource:_forge_ctl_names' ;;
    images)
        _arguments \
            '--no-fetch[work on the last fetched state of the repository]' \
            '--dry-run[prune\: only show what would go, and why the rest stays]' \
            '--environment=[the environment to work on (default\: the only one)]:value:_files' \
            '--directory=[work on the manifests in DIR on the local engine]:value:_files' \
            '--settings=[settings file (default\: $FORGE_SETTINGS, /etc/forge/forged.yaml)]:value:_files' \
            '--state-dir=[where history and caches live (default\: $FORGE_STATE_DIR, /var/lib/forge for root)]:value:_files' \
            '--json[print one JSON document, or with =lines events as they happen]' \
            '--local[work in this process even when forged is running]' \
            '--no-color[no colours (as does NO_COLOR)]' \
            '--verbose[log what is done to stderr]' \
            '--help[help for the verb]' \
            '*:argument: ' ;;
    history)
        _arguments \
            '--transitions[each change of each resource instead of generations]' \
            '--limit=[at most N rows (default 20, 0\: all)]:value:_files' \
            '--environment=[the environment to work on (default\: the only one)]:value:_files' \
            '--directory=[work on the manifests in DIR on the local engine]:value:_files' \
            '--settings=[settings file (default\: $FORGE_SETTINGS, /etc/forge/forged.yaml)]:value:_files' \
            '--state-dir=[where history and caches live (default\: $FORGE_STATE_DIR, /var/lib/forge for root)]:value:_files' \
            '--json[print one JSON document, or with =lines events as they happen]' \
            '--local[work in this process even when forged is running]' \
            '--no-color[no colours (as does NO_COLOR)]' \
            '--verbose[log what is done to stderr]' \
            '--help[help for the verb]' \
            '*:resource:_forge_ctl_names' ;;
    show)
        _arguments \
            '--environment=[the environment to work on (default\: the only one)]:value:_files' \
            '--directory=[work on the manifests in DIR on the local engine]:value:_files' \
            '--settings=[settings file (default\: $FORGE_SETTINGS, /etc/forge/forged.yaml)]:value:_files' \
            '--state-dir=[where history and caches live (default\: $FORGE_STATE_DIR, /var/lib/forge for root)]:value:_files' \
            '--json[print one JSON document, or with =lines events as they happen]' \
            '--local[work in this process even when forged is running]' \
            '--no-color[no colours (as does NO_COLOR)]' \
            '--verbose[log what is done to stderr]' \
            '--help[help for the verb]' \
            '*:argument: ' ;;
    rollback)
        _arguments \
            '--only=[this resource and what it depends on; may be repeated]:resource:_forge_ctl_names' \
            '--adopt=[take over what exists and is not ours; may be repeated]:resource:_forge_ctl_names' \
            '--allow-data-loss=[allow the loss of data that the refused plan gives this word for; may be repeated]:value:_files' \
            '--fresh[trust no cache\: inspect everything on the engine]' \
            '--no-fetch[work on the last fetched state of the repository]' \
            '--yes[do not ask]' \
            '--dry-run[print the plan and stop]' \
            '--parallel=[changes under way at once]:value:_files' \
            '--timeout=[of the whole run]:value:_files' \
            '--backup-volumes=[first save the volumes whose data the plan loses, as tar archives]:value:_files' \
            '--environment=[the environment to work on (default\: the only one)]:value:_files' \
            '--directory=[work on the manifests in DIR on the local engine]:value:_files' \
            '--settings=[settings file (default\: $FORGE_SETTINGS, /etc/forge/forged.yaml)]:value:_files' \
            '--state-dir=[where history and caches live (default\: $FORGE_STATE_DIR, /var/lib/forge for root)]:value:_files' \
            '--json[print one JSON document, or with =lines events as they happen]' \
            '--local[work in this process even when forged is running]' \
            '--no-color[no colours (as does NO_COLOR)]' \
            '--verbose[log what is done to stderr]' \
            '--help[help for the verb]' \
            '*:resource:_forge_ctl_names' ;;
    explain)
        _arguments \
            '--environment=[the environment to work on (default\: the only one)]:value:_files' \
            '--directory=[work on the manifests in DIR on the local engine]:value:_files' \
            '--settings=[settings file (default\: $FORGE_SETTINGS, /etc/forge/forged.yaml)]:value:_files' \
            '--state-dir=[where history and caches live (default\: $FORGE_STATE_DIR, /var/lib/forge for root)]:value:_files' \
            '--json[print one JSON document, or with =lines events as they happen]' \
            '--local[work in this process even when forged is running]' \
            '--no-color[no colours (as does NO_COLOR)]' \
            '--verbose[log what is done to stderr]' \
            '--help[help for the verb]' \
            '1:word:(container network volume config secret stack project metadata)' ;;
    schema)
        _arguments \
            '--environment=[the environment to work on (default\: the only one)]:value:_files' \
            '--directory=[work on the manifests in DIR on the local engine]:value:_files' \
            '--settings=[settings file (default\: $FORGE_SETTINGS, /etc/forge/forged.yaml)]:value:_files' \
            '--state-dir=[where history and caches live (default\: $FORGE_STATE_DIR, /var/lib/forge for root)]:value:_files' \
            '--json[print one JSON document, or with =lines events as they happen]' \
            '--local[work in this process even when forged is running]' \
            '--no-color[no colours (as does NO_COLOR)]' \
            '--verbose[log what is done to stderr]' \
            '--help[help for the verb]' \
            '*:argument: ' ;;
    suspend)
        _arguments \
            '--reason=[why; shown to everyone]:value:_files' \
            '--for=[ends by itself after this time]:value:_files' \
            '--environment=[the environment to work on (default\: the only one)]:value:_files' \
            '--directory=[work on the manifests in DIR on the local engine]:value:_files' \
            '--settings=[settings file (default\: $FORGE_SETTINGS, /etc/forge/forged.yaml)]:value:_files' \
            '--state-dir=[where history and caches live (default\: $FORGE_STATE_DIR, /var/lib/forge for root)]:value:_files' \
            '--json[print one JSON document, or with =lines events as they happen]' \
            '--local[work in this process even when forged is running]' \
            '--no-color[no colours (as does NO_COLOR)]' \
            '--verbose[log what is done to stderr]' \
            '--help[help for the verb]' \
            '*:argument: ' ;;
    resume)
        _arguments \
            '--environment=[the environment to work on (default\: the only one)]:value:_files' \
            '--directory=[work on the manifests in DIR on the local engine]:value:_files' \
            '--settings=[settings file (default\: $FORGE_SETTINGS, /etc/forge/forged.yaml)]:value:_files' \
            '--state-dir=[where history and caches live (default\: $FORGE_STATE_DIR, /var/lib/forge for root)]:value:_files' \
            '--json[print one JSON document, or with =lines events as they happen]' \
            '--local[work in this process even when forged is running]' \
            '--no-color[no colours (as does NO_COLOR)]' \
            '--verbose[log what is done to stderr]' \
            '--help[help for the verb]' \
            '*:argument: ' ;;
    reconcile)
        _arguments \
            '--wait[wait for the outcome]' \
            '--environment=[the environment to work on (default\: the only one)]:value:_files' \
            '--directory=[work on the manifests in DIR on the local engine]:value:_files' \
            '--settings=[settings file (default\: $FORGE_SETTINGS, /etc/forge/forged.yaml)]:value:_files' \
            '--state-dir=[where history and caches live (default\: $FORGE_STATE_DIR, /var/lib/forge for root)]:value:_files' \
            '--json[print one JSON document, or with =lines events as they happen]' \
            '--local[work in this process even when forged is running]' \
            '--no-color[no colours (as does NO_COLOR)]' \
            '--verbose[log what is done to stderr]' \
            '--help[help for the verb]' \
            '*:argument: ' ;;
    adopt)
        _arguments \
            '--yes[do not ask]' \
            '--dry-run[print the plan and stop]' \
            '--parallel=[changes under way at once]:value:_files' \
            '--timeout=[of the whole run]:value:_files' \
            '--environment=[the environment to work on (default\: the only one)]:value:_files' \
            '--directory=[work on the manifests in DIR on the local engine]:value:_files' \
            '--settings=[settings file (default\: $FORGE_SETTINGS, /etc/forge/forged.yaml)]:value:_files' \
            '--state-dir=[where history and caches live (default\: $FORGE_STATE_DIR, /var/lib/forge for root)]:value:_files' \
            '--json[print one JSON document, or with =lines events as they happen]' \
            '--local[work in this process even when forged is running]' \
            '--no-color[no colours (as does NO_COLOR)]' \
            '--verbose[log what is done to stderr]' \
            '--help[help for the verb]' \
            '*:resource:_forge_ctl_names' ;;
    import)
        _arguments \
            '--out=[write there\: a file (*.yaml), or a folder with a file for each resource]:value:_files' \
            '--force[overwrite files that exist]' \
            '--prefix=[what the resources'\'' names begin with]:value:_files' \
            '--host-dir=[the folder of the engine'\''s host that relative paths of bind mounts are in]:value:_files' \
            '--running[containers that run, in place of a compose file]' \
            '--project=[with --running\: those of this compose project]:value:_files' \
            '--environment=[the environment to work on (default\: the only one)]:value:_files' \
            '--directory=[work on the manifests in DIR on the local engine]:value:_files' \
            '--settings=[settings file (default\: $FORGE_SETTINGS, /etc/forge/forged.yaml)]:value:_files' \
            '--state-dir=[where history and caches live (default\: $FORGE_STATE_DIR, /var/lib/forge for root)]:value:_files' \
            '--json[print one JSON document, or with =lines events as they happen]' \
            '--local[work in this process even when forged is running]' \
            '--no-color[no colours (as does NO_COLOR)]' \
            '--verbose[log what is done to stderr]' \
            '--help[help for the verb]' \
            '*:file:_files' ;;
    logs)
        _arguments \
            '--follow[go on as lines come]' \
            '--tail=[only the last N lines]:value:_files' \
            '--since=[from this time (RFC 3339) or age (10m)]:value:_files' \
            '--timestamps[with the time of each line]' \
            '--instance=[of one replica]:value:_files' \
            '--environment=[the environment to work on (default\: the only one)]:value:_files' \
            '--directory=[work on the manifests in DIR on the local engine]:value:_files' \
            '--settings=[settings file (default\: $FORGE_SETTINGS, /etc/forge/forged.yaml)]:value:_files' \
            '--state-dir=[where history and caches live (default\: $FORGE_STATE_DIR, /var/lib/forge for root)]:value:_files' \
            '--json[print one JSON document, or with =lines events as they happen]' \
            '--local[work in this process even when forged is running]' \
            '--no-color[no colours (as does NO_COLOR)]' \
            '--verbose[log what is done to stderr]' \
            '--help[help for the verb]' \
            '*:resource:_forge_ctl_names' ;;
    exec)
        _arguments \
            '--interactive[pass stdin on]' \
            '--tty[with a terminal (default\: when stdin and stdout are one)]' \
            '--user=[as this user]:value:_files' \
            '--workdir=[in this folder]:value:_files' \
            '--instance=[in one replica (default 1)]:value:_files' \
            '--environment=[the environment to work on (default\: the only one)]:value:_files' \
            '--directory=[work on the manifests in DIR on the local engine]:value:_files' \
            '--settings=[settings file (default\: $FORGE_SETTINGS, /etc/forge/forged.yaml)]:value:_files' \
            '--state-dir=[where history and caches live (default\: $FORGE_STATE_DIR, /var/lib/forge for root)]:value:_files' \
            '--json[print one JSON document, or with =lines events as they happen]' \
            '--local[work in this process even when forged is running]' \
            '--no-color[no colours (as does NO_COLOR)]' \
            '--verbose[log what is done to stderr]' \
            '--help[help for the verb]' \
            '*:resource:_forge_ctl_names' ;;
    volume)
        _arguments \
            '--overwrite[restore\: also where there are files; those of the same name are replaced]' \
            '--environment=[the environment to work on (default\: the only one)]:value:_files' \
            '--directory=[work on the manifests in DIR on the local engine]:value:_files' \
            '--settings=[settings file (default\: $FORGE_SETTINGS, /etc/forge/forged.yaml)]:value:_files' \
            '--state-dir=[where history and caches live (default\: $FORGE_STATE_DIR, /var/lib/forge for root)]:value:_files' \
            '--json[print one JSON document, or with =lines events as they happen]' \
            '--local[work in this process even when forged is running]' \
            '--no-color[no colours (as does NO_COLOR)]' \
            '--verbose[log what is done to stderr]' \
            '--help[help for the verb]' \
            '*:resource:_forge_ctl_names' ;;
    backup)
        _arguments \
            '--environment=[the environment to work on (default\: the only one)]:value:_files' \
            '--directory=[work on the manifests in DIR on the local engine]:value:_files' \
            '--settings=[settings file (default\: $FORGE_SETTINGS, /etc/forge/forged.yaml)]:value:_files' \
            '--state-dir=[where history and caches live (default\: $FORGE_STATE_DIR, /var/lib/forge for root)]:value:_files' \
            '--json[print one JSON document, or with =lines events as they happen]' \
            '--local[work in this process even when forged is running]' \
            '--no-color[no colours (as does NO_COLOR)]' \
            '--verbose[log what is done to stderr]' \
            '--help[help for the verb]' \
            '*:file:_files' ;;
    restore)
        _arguments \
            '--yes[do not ask]' \
            '--environment=[the environment to work on (default\: the only one)]:value:_files' \
            '--directory=[work on the manifests in DIR on the local engine]:value:_files' \
            '--settings=[settings file (default\: $FORGE_SETTINGS, /etc/forge/forged.yaml)]:value:_files' \
            '--state-dir=[where history and caches live (default\: $FORGE_STATE_DIR, /var/lib/forge for root)]:value:_files' \
            '--json[print one JSON document, or with =lines events as they happen]' \
            '--local[work in this process even when forged is running]' \
            '--no-color[no colours (as does NO_COLOR)]' \
            '--verbose[log what is done to stderr]' \
            '--help[help for the verb]' \
            '*:file:_files' ;;
    doctor)
        _arguments \
            '--environment=[the environment to work on (default\: the only one)]:value:_files' \
            '--directory=[work on the manifests in DIR on the local engine]:value:_files' \
            '--settings=[settings file (default\: $FORGE_SETTINGS, /etc/forge/forged.yaml)]:value:_files' \
            '--state-dir=[where history and caches live (default\: $FORGE_STATE_DIR, /var/lib/forge for root)]:value:_files' \
            '--json[print one JSON document, or with =lines events as they happen]' \
            '--local[work in this process even when forged is running]' \
            '--no-color[no colours (as does NO_COLOR)]' \
            '--verbose[log what is done to stderr]' \
            '--help[help for the verb]' \
            '*:argument: ' ;;
    completion)
        _arguments \
            '--environment=[the environment to work on (default\: the only one)]:value:_files' \
            '--directory=[work on the manifests in DIR on the local engine]:value:_files' \
            '--settings=[settings file (default\: $FORGE_SETTINGS, /etc/forge/forged.yaml)]:value:_files' \
            '--state-dir=[where history and caches live (default\: $FORGE_STATE_DIR, /var/lib/forge for root)]:value:_files' \
            '--json[print one JSON document, or with =lines events as they happen]' \
            '--local[work in this process even when forged is running]' \
            '--no-color[no colours (as does NO_COLOR)]' \
            '--verbose[log what is done to stderr]' \
            '--help[help for the verb]' \
            '1:word:(bash zsh fish)' ;;
    version)
        _arguments \
            '--environment=[the environment to work on (default\: the only one)]:value:_files' \
            '--directory=[work on the manifests in DIR on the local engine]:value:_files' \
            '--settings=[settings file (default\: $FORGE_SETTINGS, /etc/forge/forged.yaml)]:value:_files' \
            '--state-dir=[where history and caches live (default\: $FORGE_STATE_DIR, /var/lib/forge for root)]:value:_files' \
            '--json[print one JSON document, or with =lines events as they happen]' \
            '--local[work in this process even when forged is running]' \
            '--no-color[no colours (as does NO_COLOR)]' \
            '--verbose[log what is done to stderr]' \
            '--help[help for the verb]' \
            '*:argument: ' ;;
    help)
        _arguments \
            '--environment=[the environment to work on (default\: the only one)]:value:_files' \
            '--directory=[work on the manifests in DIR on the local engine]:value:_files' \
            '--settings=[settings file (default\: $FORGE_SETTINGS, /etc/forge/forged.yaml)]:value:_files' \
            '--state-dir=[where history and caches live (default\: $FORGE_STATE_DIR, /var/lib/forge for root)]:value:_files' \
            '--json[print one JSON document, or with =lines events as they happen]' \
            '--local[work in this process even when forged is running]' \
            '--no-color[no colours (as does NO_COLOR)]' \
            '--verbose[log what is done to stderr]' \
            '--help[help for the verb]' \
            '1:word:(init validate diff apply status images history show rollback explain schema suspend resume reconcile adopt import logs exec volume backup restore doctor completion version help)' ;;
    esac
}
_forge_ctl "$@"
