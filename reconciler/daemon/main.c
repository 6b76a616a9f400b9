/* forged: settings, signals, environments, and an orderly end. */
#include "reconciler/daemon/daemon.h"

#include "base/io.h"
#include "base/str.h"
#include "forge_version.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

static const char usage[] =
    "forged [--settings FILE] [--state-dir DIR] [--log terminal|json|journald] [--check] "
    "[--version]\n\nKeeps the environments in its settings file in sync with their repositories.\n\n  "
    "--settings FILE   default: $FORGE_SETTINGS, /etc/forge/forged.yaml\n  --state-dir DIR   overrides the "
    "settings\n  --log SINK        terminal, json or journald (default: what stderr is)\n  -v, --verbose     "
    "log more\n  --check           check the settings and stop\n  --version, --help\n";

static int print_problems(const struct diag_list *d)
{
    _cleanup_buf_ struct buf b = BUF_INIT;
    struct err ignored = {0};
    diag_print(d, NULL, NULL, false, &b);
    return io_write_all(STDERR_FILENO, buf_str(&b), b.len, &ignored);
}

static int fail(const struct err *err)
{
    _cleanup_buf_ struct buf b = BUF_INIT;
    err_format(err, &b);
    fprintf(stderr, "forged: %s\n", buf_str(&b));
    return 2;
}

static const char *plural(size_t n)
{
    return n == 1 ? "" : "s";
}

static int check_settings(const struct daemon_options *o)
{
    struct err err = {0};
    struct settings s = {0};
    struct diag_list diags;
    _cleanup_arena_ struct arena a = ARENA_INIT;
    diag_init(&diags, &a);
    int r = settings_load(o->settings_path, &s, &diags, &err);
    print_problems(&diags);
    if (r < 0)
        return fail(&err);
    printf("%s: %zu environment%s, %zu target%s, %zu error%s\n", o->settings_path, s.n_envs, plural(s.n_envs),
           s.n_targets, plural(s.n_targets), diags.errors, plural(diags.errors));
    settings_release(&s);
    return diags.errors ? 1 : 0;
}

enum { OPT_SETTINGS = 256, OPT_STATE, OPT_LOG, OPT_CHECK, OPT_VERSION };

static const struct option long_options[] = {
    {"settings", required_argument, NULL, OPT_SETTINGS},
    {"state-dir", required_argument, NULL, OPT_STATE},
    {"log", required_argument, NULL, OPT_LOG},
    {"check", no_argument, NULL, OPT_CHECK},
    {"version", no_argument, NULL, OPT_VERSION},
    {"verbose", no_argument, NULL, 'v'},
    {"help", no_argument, NULL, 'h'},
    {0},
};

int main(int argc, char **argv)
{
    struct daemon_options o = {.settings_path = getenv("FORGE_SETTINGS")};
    bool check = false;
    int opt;
    if (str_empty(o.settings_path))
        o.settings_path = settings_default_path();
    while ((opt = getopt_long(argc, argv, "vh", long_options, NULL)) != -1) {
        switch (opt) {
        case OPT_SETTINGS:
            o.settings_path = optarg;
            break;
        case OPT_STATE:
            o.state_dir = optarg;
            break;
        case OPT_LOG:
            o.log_sink = optarg;
            break;
        case OPT_CHECK:
            check = true;
            break;
        case OPT_VERSION:
            printf("forged %s\n", FORGE_VERSION);
            return 0;
        case 'v':
            o.verbose = true;
            break;
        case 'h':
            fputs(usage, stdout);
            return 0;
        default:
            fputs(usage, stderr);
            return 2;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "forged: unexpected argument \"%s\"\n%s", argv[optind], usage);
        return 2;
    }
    if (check)
        return check_settings(&o);
    struct err err = {0};
    return daemon_main(&o, &err) < 0 ? fail(&err) : 0;
}
