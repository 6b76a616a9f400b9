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
        'init:write a small example repository with comments'
        'validate:check the manifests and list every problem with its place'
        'diff:show what apply would change, and why'
        'apply:show the plan, ask for confirmation, and apply it'
        'status:show the resources\: sync, health, generation, age'
        'images:show newer images in the registries; remove unneeded images'
        'history:list generations, or the transitions of a resource'
        'show:show one generation in full'
        'rollback:roll back to a generation, with a plan'
        'explain:show the documentation of kinds and fields'
        'schema:print the JSON Schema of the manifests, for editors'
        'suspend:stop all changes to an environment'
        'resume:end a suspension'
        'reconcile:tell forged to reconcile now'
        'adopt:take over an existing object on the engine'
        'import:write manifests from a compose file or running containers'
        'logs:show the output of a container'
        'exec:run a command in a container'
        'volume:copy the files of a volume to a tar archive, or back'
        'backup:back up the store, consistently, while it is in use'
        'restore:replace the store with a backup'
        'doctor:check settings, repository, credentials, engine and disk'
        'completion:print the completion script of a shell'
        'version:print the versions of Forge and of its libraries'
        'help:show this text, or the help of a verb'
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
            '--state-dir=[where history and caches are kept (default\: $FORGE_STATE_DIR, /var/lib/forge for root)]:value:_files' \
            '--json[print one JSON document, or with =lines events as they happen]' \
            '--local[work in this process even when forged is running]' \
            '--no-color[no colors (like NO_COLOR)]' \
            '--verbose[log what is done to stderr]' \
            '--help[help for the verb]' \
            '*:file:_files' ;;
    validate)
        _arguments \
            '--no-warnings[print errors only]' \
            '--environment=[the environment to work on (default\: the only one)]:value:_files' \
            '--directory=[work on the manifests in DIR on the local engine]:value:_files' \
            '--settings=[settings file (default\: $FORGE_SETTINGS, /etc/forge/forged.yaml)]:value:_files' \
            '--state-dir=[where history and caches are kept (default\: $FORGE_STATE_DIR, /var/lib/forge for root)]:value:_files' \
            '--json[print one JSON document, or with =lines events as they happen]' \
            '--local[work in this process even when forged is running]' \
            '--no-color[no colors (like NO_COLOR)]' \
            '--verbose[log what is done to stderr]' \
            '--help[help for the verb]' \
            '*:file:_files' ;;
    diff)
        _arguments \
            '--only=[this resource and what it depends on; may be repeated]:resource:_forge_ctl_names' \
            '--adopt=[take over the existing object for this resource; may be repeated]:resource:_forge_ctl_names' \
            '--allow-data-loss=[allow the data loss that the blocked plan shows with this identifier; may be repeated]:value:_files' \
            '--fresh[ignore caches\: inspect everything on the engine]' \
            '--no-fetch[use the last fetched state of the repository]' \
            '--out=[also write the plan, for `apply FILE`]:value:_files' \
            '--exit-code[exit with 1 when there are differences (the default)]' \
            '--environment=[the environment to work on (default\: the only one)]:value:_files' \
            '--directory=[work on the manifests in DIR on the local engine]:value:_files' \
            '--settings=[settings file (default\: $FORGE_SETTINGS, /etc/forge/forged.yaml)]:value:_files' \
            '--state-dir=[where history and caches are kept (default\: $FORGE_STATE_DIR, /var/lib/forge for root)]:value:_files' \
            '--json[print one JSON document, or with =lines events as they happen]' \
            '--local[work in this process even when forged is running]' \
            '--no-color[no colors (like NO_COLOR)]' \
            '--verbose[log what is done to stderr]' \
            '--help[help for the verb]' \
            '*:argument: ' ;;
    apply)
        _arguments \
            '--only=[this resource and what it depends on; may be repeated]:resource:_forge_ctl_names' \
            '--adopt=[take over the existing object for this resource; may be repeated]:resource:_forge_ctl_names' \
            '--allow-data-loss=[allow the data loss that the blocked plan shows with this identifier; may be repeated]:value:_files' \
            '--fresh[ignore caches\: inspect everything on the engine]' \
            '--no-fetch[use the last fetched state of the repository]' \
            '--yes[do not ask for confirmation]' \
            '--dry-run[print the plan and stop]' \
            '--parallel=[number of changes made in parallel]:value:_files' \
            '--timeout=[timeout of the whole run]:value:_files' \
            '--backup-volumes=[first save the volumes whose data would be lost, as tar archives]:value:_files' \
            '--environment=[the environment to work on (default\: the only one)]:value:_files' \
            '--directory=[work on the manifests in DIR on the local engine]:value:_files' \
            '--settings=[settings file (default\: $FORGE_SETTINGS, /etc/forge/forged.yaml)]:value:_files' \
            '--state-dir=[where history and caches are kept (default\: $FORGE_STATE_DIR, /var/lib/forge for root)]:value:_files' \
            '--json[print one JSON document, or with =lines events as they happen]' \
            '--local[work in this process even when forged is running]' \
            '--no-color[no colors (like NO_COLOR)]' \
            '--verbose[log what is done to stderr]' \
            '--help[help for the verb]' \
            '*:file:_files' ;;
    status)
        _arguments \
            '--watch[print again whenever something changes (looks every 2 s)]' \
            '--fresh[ignore caches\: inspect everything on the engine]' \
            '--environment=[the environment to work on (default\: the only one)]:value:_files' \
            '--directory=[work on the manifests in DIR on the local engine]:value:_files' \
            '--settings=[settings file (default\: $FORGE_SETTINGS, /etc/forge/forged.yaml)]:value:_files' \
            '--state-dir=[where history and caches are kept (default\: $FORGE_STATE_DIR, /var/lib/forge for root)]:value:_files' \
            '--json[print one JSON document, or with =lines events as they happen]' \
            '--local[work in this process even when forged is running]' \
            '--no-color[no colors (like NO_COLOR)]' \
            '--verbose[log what is done to stderr]' \
            '--help[help for the verb]' \
            '*:resource:_forge_ctl_names' ;;
    images)
        _arguments \
            '--no-fetch[use the last fetched state of the repository]' \
            '--dry-run[prune\: only show what would be removed, and why the rest is kept]' \
            '--environment=[the environment to work on (default\: the only one)]:value:_files' \
            '--directory=[work on the manifests in DIR on the local engine]:value:_files' \
            '--settings=[settings file (default\: $FORGE_SETTINGS, /etc/forge/forged.yaml)]:value:_files' \
            '--state-dir=[where history and caches are kept (default\: $FORGE_STATE_DIR, /var/lib/forge for root)]:value:_files' \
            '--json[print one JSON document, or with =lines events as they happen]' \
            '--local[work in this process even when forged is running]' \
            '--no-color[no colors (like NO_COLOR)]' \
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
            '--state-dir=[where history and caches are kept (default\: $FORGE_STATE_DIR, /var/lib/forge for root)]:value:_files' \
            '--json[print one JSON document, or with =lines events as they happen]' \
            '--local[work in this process even when forged is running]' \
            '--no-color[no colors (like NO_COLOR)]' \
            '--verbose[log what is done to stderr]' \
            '--help[help for the verb]' \
            '*:resource:_forge_ctl_names' ;;
    show)
        _arguments \
            '--environment=[the environment to work on (default\: the only one)]:value:_files' \
            '--directory=[work on the manifests in DIR on the local engine]:value:_files' \
            '--settings=[settings file (default\: $FORGE_SETTINGS, /etc/forge/forged.yaml)]:value:_files' \
            '--state-dir=[where history and caches are kept (default\: $FORGE_STATE_DIR, /var/lib/forge for root)]:value:_files' \
            '--json[print one JSON document, or with =lines events as they happen]' \
            '--local[work in this process even when forged is running]' \
            '--no-color[no colors (like NO_COLOR)]' \
            '--verbose[log what is done to stderr]' \
            '--help[help for the verb]' \
            '*:argument: ' ;;
    rollback)
        _arguments \
            '--only=[this resource and what it depends on; may be repeated]:resource:_forge_ctl_names' \
            '--adopt=[take over the existing object for this resource; may be repeated]:resource:_forge_ctl_names' \
            '--allow-data-loss=[allow the data loss that the blocked plan shows with this identifier; may be repeated]:value:_files' \
            '--fresh[ignore caches\: inspect everything on the engine]' \
            '--no-fetch[use the last fetched state of the repository]' \
            '--yes[do not ask for confirmation]' \
            '--dry-run[print the plan and stop]' \
            '--parallel=[number of changes made in parallel]:value:_files' \
            '--timeout=[timeout of the whole run]:value:_files' \
            '--backup-volumes=[first save the volumes whose data would be lost, as tar archives]:value:_files' \
            '--environment=[the environment to work on (default\: the only one)]:value:_files' \
            '--directory=[work on the manifests in DIR on the local engine]:value:_files' \
            '--settings=[settings file (default\: $FORGE_SETTINGS, /etc/forge/forged.yaml)]:value:_files' \
            '--state-dir=[where history and caches are kept (default\: $FORGE_STATE_DIR, /var/lib/forge for root)]:value:_files' \
            '--json[print one JSON document, or with =lines events as they happen]' \
            '--local[work in this process even when forged is running]' \
            '--no-color[no colors (like NO_COLOR)]' \
            '--verbose[log what is done to stderr]' \
            '--help[help for the verb]' \
            '*:resource:_forge_ctl_names' ;;
    explain)
        _arguments \
            '--environment=[the environment to work on (default\: the only one)]:value:_files' \
            '--directory=[work on the manifests in DIR on the local engine]:value:_files' \
            '--settings=[settings file (default\: $FORGE_SETTINGS, /etc/forge/forged.yaml)]:value:_files' \
            '--state-dir=[where history and caches are kept (default\: $FORGE_STATE_DIR, /var/lib/forge for root)]:value:_files' \
            '--json[print one JSON document, or with =lines events as they happen]' \
            '--local[work in this process even when forged is running]' \
            '--no-color[no colors (like NO_COLOR)]' \
            '--verbose[log what is done to stderr]' \
            '--help[help for the verb]' \
            '1:word:(container network volume config secret stack project metadata)' ;;
    schema)
        _arguments \
            '--environment=[the environment to work on (default\: the only one)]:value:_files' \
            '--directory=[work on the manifests in DIR on the local engine]:value:_files' \
            '--settings=[settings file (default\: $FORGE_SETTINGS, /etc/forge/forged.yaml)]:value:_files' \
            '--state-dir=[where history and caches are kept (default\: $FORGE_STATE_DIR, /var/lib/forge for root)]:value:_files' \
            '--json[print one JSON document, or with =lines events as they happen]' \
            '--local[work in this process even when forged is running]' \
            '--no-color[no colors (like NO_COLOR)]' \
            '--verbose[log what is done to stderr]' \
            '--help[help for the verb]' \
            '*:argument: ' ;;
    suspend)
        _arguments \
            '--reason=[the reason, shown in status]:value:_files' \
            '--for=[end automatically after this time]:value:_files' \
            '--environment=[the environment to work on (default\: the only one)]:value:_files' \
            '--directory=[work on the manifests in DIR on the local engine]:value:_files' \
            '--settings=[settings file (default\: $FORGE_SETTINGS, /etc/forge/forged.yaml)]:value:_files' \
            '--state-dir=[where history and caches are kept (default\: $FORGE_STATE_DIR, /var/lib/forge for root)]:value:_files' \
            '--json[print one JSON document, or with =lines events as they happen]' \
            '--local[work in this process even when forged is running]' \
            '--no-color[no colors (like NO_COLOR)]' \
            '--verbose[log what is done to stderr]' \
            '--help[help for the verb]' \
            '*:argument: ' ;;
    resume)
        _arguments \
            '--environment=[the environment to work on (default\: the only one)]:value:_files' \
            '--directory=[work on the manifests in DIR on the local engine]:value:_files' \
            '--settings=[settings file (default\: $FORGE_SETTINGS, /etc/forge/forged.yaml)]:value:_files' \
            '--state-dir=[where history and caches are kept (default\: $FORGE_STATE_DIR, /var/lib/forge for root)]:value:_files' \
            '--json[print one JSON document, or with =lines events as they happen]' \
            '--local[work in this process even when forged is running]' \
            '--no-color[no colors (like NO_COLOR)]' \
            '--verbose[log what is done to stderr]' \
            '--help[help for the verb]' \
            '*:argument: ' ;;
    reconcile)
        _arguments \
            '--wait[wait for the outcome]' \
            '--environment=[the environment to work on (default\: the only one)]:value:_files' \
            '--directory=[work on the manifests in DIR on the local engine]:value:_files' \
            '--settings=[settings file (default\: $FORGE_SETTINGS, /etc/forge/forged.yaml)]:value:_files' \
            '--state-dir=[where history and caches are kept (default\: $FORGE_STATE_DIR, /var/lib/forge for root)]:value:_files' \
            '--json[print one JSON document, or with =lines events as they happen]' \
            '--local[work in this process even when forged is running]' \
            '--no-color[no colors (like NO_COLOR)]' \
            '--verbose[log what is done to stderr]' \
            '--help[help for the verb]' \
            '*:argument: ' ;;
    adopt)
        _arguments \
            '--yes[do not ask for confirmation]' \
            '--dry-run[print the plan and stop]' \
            '--parallel=[number of changes made in parallel]:value:_files' \
            '--timeout=[timeout of the whole run]:value:_files' \
            '--environment=[the environment to work on (default\: the only one)]:value:_files' \
            '--directory=[work on the manifests in DIR on the local engine]:value:_files' \
            '--settings=[settings file (default\: $FORGE_SETTINGS, /etc/forge/forged.yaml)]:value:_files' \
            '--state-dir=[where history and caches are kept (default\: $FORGE_STATE_DIR, /var/lib/forge for root)]:value:_files' \
            '--json[print one JSON document, or with =lines events as they happen]' \
            '--local[work in this process even when forged is running]' \
            '--no-color[no colors (like NO_COLOR)]' \
            '--verbose[log what is done to stderr]' \
            '--help[help for the verb]' \
            '*:resource:_forge_ctl_names' ;;
    import)
        _arguments \
            '--out=[where to write\: a file (*.yaml), or a folder with one file for each resource]:value:_files' \
            '--force[overwrite files that exist]' \
            '--prefix=[prefix of the resource names]:value:_files' \
            '--host-dir=[the folder on the engine'\''s host to which relative paths of bind mounts refer]:value:_files' \
            '--running[import running containers instead of a compose file]' \
            '--project=[with --running\: only those of this Compose project]:value:_files' \
            '--environment=[the environment to work on (default\: the only one)]:value:_files' \
            '--directory=[work on the manifests in DIR on the local engine]:value:_files' \
            '--settings=[settings file (default\: $FORGE_SETTINGS, /etc/forge/forged.yaml)]:value:_files' \
            '--state-dir=[where history and caches are kept (default\: $FORGE_STATE_DIR, /var/lib/forge for root)]:value:_files' \
            '--json[print one JSON document, or with =lines events as they happen]' \
            '--local[work in this process even when forged is running]' \
            '--no-color[no colors (like NO_COLOR)]' \
            '--verbose[log what is done to stderr]' \
            '--help[help for the verb]' \
            '*:file:_files' ;;
    logs)
        _arguments \
            '--follow[follow the output]' \
            '--tail=[only the last N lines]:value:_files' \
            '--since=[from this time (RFC 3339) or age (10m)]:value:_files' \
            '--timestamps[show the time of each line]' \
            '--instance=[only of this replica]:value:_files' \
            '--environment=[the environment to work on (default\: the only one)]:value:_files' \
            '--directory=[work on the manifests in DIR on the local engine]:value:_files' \
            '--settings=[settings file (default\: $FORGE_SETTINGS, /etc/forge/forged.yaml)]:value:_files' \
            '--state-dir=[where history and caches are kept (default\: $FORGE_STATE_DIR, /var/lib/forge for root)]:value:_files' \
            '--json[print one JSON document, or with =lines events as they happen]' \
            '--local[work in this process even when forged is running]' \
            '--no-color[no colors (like NO_COLOR)]' \
            '--verbose[log what is done to stderr]' \
            '--help[help for the verb]' \
            '*:resource:_forge_ctl_names' ;;
    exec)
        _arguments \
            '--interactive[pass stdin on]' \
            '--tty[allocate a terminal (default\: when stdin and stdout are terminals)]' \
            '--user=[run as this user]:value:_files' \
            '--workdir=[run in this folder]:value:_files' \
            '--instance=[run in this replica (default 1)]:value:_files' \
            '--environment=[the environment to work on (default\: the only one)]:value:_files' \
            '--directory=[work on the manifests in DIR on the local engine]:value:_files' \
            '--settings=[settings file (default\: $FORGE_SETTINGS, /etc/forge/forged.yaml)]:value:_files' \
            '--state-dir=[where history and caches are kept (default\: $FORGE_STATE_DIR, /var/lib/forge for root)]:value:_files' \
            '--json[print one JSON document, or with =lines events as they happen]' \
            '--local[work in this process even when forged is running]' \
            '--no-color[no colors (like NO_COLOR)]' \
            '--verbose[log what is done to stderr]' \
            '--help[help for the verb]' \
            '*:resource:_forge_ctl_names' ;;
    volume)
        _arguments \
            '--overwrite[restore\: also into a volume with files; files of the same name are replaced]' \
            '--environment=[the environment to work on (default\: the only one)]:value:_files' \
            '--directory=[work on the manifests in DIR on the local engine]:value:_files' \
            '--settings=[settings file (default\: $FORGE_SETTINGS, /etc/forge/forged.yaml)]:value:_files' \
            '--state-dir=[where history and caches are kept (default\: $FORGE_STATE_DIR, /var/lib/forge for root)]:value:_files' \
            '--json[print one JSON document, or with =lines events as they happen]' \
            '--local[work in this process even when forged is running]' \
            '--no-color[no colors (like NO_COLOR)]' \
            '--verbose[log what is done to stderr]' \
            '--help[help for the verb]' \
            '*:resource:_forge_ctl_names' ;;
    backup)
        _arguments \
            '--environment=[the environment to work on (default\: the only one)]:value:_files' \
            '--directory=[work on the manifests in DIR on the local engine]:value:_files' \
            '--settings=[settings file (default\: $FORGE_SETTINGS, /etc/forge/forged.yaml)]:value:_files' \
            '--state-dir=[where history and caches are kept (default\: $FORGE_STATE_DIR, /var/lib/forge for root)]:value:_files' \
            '--json[print one JSON document, or with =lines events as they happen]' \
            '--local[work in this process even when forged is running]' \
            '--no-color[no colors (like NO_COLOR)]' \
            '--verbose[log what is done to stderr]' \
            '--help[help for the verb]' \
            '*:file:_files' ;;
    restore)
        _arguments \
            '--yes[do not ask for confirmation]' \
            '--environment=[the environment to work on (default\: the only one)]:value:_files' \
            '--directory=[work on the manifests in DIR on the local engine]:value:_files' \
            '--settings=[settings file (default\: $FORGE_SETTINGS, /etc/forge/forged.yaml)]:value:_files' \
            '--state-dir=[where history and caches are kept (default\: $FORGE_STATE_DIR, /var/lib/forge for root)]:value:_files' \
            '--json[print one JSON document, or with =lines events as they happen]' \
            '--local[work in this process even when forged is running]' \
            '--no-color[no colors (like NO_COLOR)]' \
            '--verbose[log what is done to stderr]' \
            '--help[help for the verb]' \
            '*:file:_files' ;;
    doctor)
        _arguments \
            '--environment=[the environment to work on (default\: the only one)]:value:_files' \
            '--directory=[work on the manifests in DIR on the local engine]:value:_files' \
            '--settings=[settings file (default\: $FORGE_SETTINGS, /etc/forge/forged.yaml)]:value:_files' \
            '--state-dir=[where history and caches are kept (default\: $FORGE_STATE_DIR, /var/lib/forge for root)]:value:_files' \
            '--json[print one JSON document, or with =lines events as they happen]' \
            '--local[work in this process even when forged is running]' \
            '--no-color[no colors (like NO_COLOR)]' \
            '--verbose[log what is done to stderr]' \
            '--help[help for the verb]' \
            '*:argument: ' ;;
    completion)
        _arguments \
            '--environment=[the environment to work on (default\: the only one)]:value:_files' \
            '--directory=[work on the manifests in DIR on the local engine]:value:_files' \
            '--settings=[settings file (default\: $FORGE_SETTINGS, /etc/forge/forged.yaml)]:value:_files' \
            '--state-dir=[where history and caches are kept (default\: $FORGE_STATE_DIR, /var/lib/forge for root)]:value:_files' \
            '--json[print one JSON document, or with =lines events as they happen]' \
            '--local[work in this process even when forged is running]' \
            '--no-color[no colors (like NO_COLOR)]' \
            '--verbose[log what is done to stderr]' \
            '--help[help for the verb]' \
            '1:word:(bash zsh fish)' ;;
    version)
        _arguments \
            '--environment=[the environment to work on (default\: the only one)]:value:_files' \
            '--directory=[work on the manifests in DIR on the local engine]:value:_files' \
            '--settings=[settings file (default\: $FORGE_SETTINGS, /etc/forge/forged.yaml)]:value:_files' \
            '--state-dir=[where history and caches are kept (default\: $FORGE_STATE_DIR, /var/lib/forge for root)]:value:_files' \
            '--json[print one JSON document, or with =lines events as they happen]' \
            '--local[work in this process even when forged is running]' \
            '--no-color[no colors (like NO_COLOR)]' \
            '--verbose[log what is done to stderr]' \
            '--help[help for the verb]' \
            '*:argument: ' ;;
    help)
        _arguments \
            '--environment=[the environment to work on (default\: the only one)]:value:_files' \
            '--directory=[work on the manifests in DIR on the local engine]:value:_files' \
            '--settings=[settings file (default\: $FORGE_SETTINGS, /etc/forge/forged.yaml)]:value:_files' \
            '--state-dir=[where history and caches are kept (default\: $FORGE_STATE_DIR, /var/lib/forge for root)]:value:_files' \
            '--json[print one JSON document, or with =lines events as they happen]' \
            '--local[work in this process even when forged is running]' \
            '--no-color[no colors (like NO_COLOR)]' \
            '--verbose[log what is done to stderr]' \
            '--help[help for the verb]' \
            '1:word:(init validate diff apply status images history show rollback explain schema suspend resume reconcile adopt import logs exec volume backup restore doctor completion version help)' ;;
    esac
}
_forge_ctl "$@"
