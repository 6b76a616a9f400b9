#include "tests/lib/manifests.h"

#include "base/cleanup.h"
#include "base/str.h"

#define PLANS   0x1u /* only for plans: it cannot run */
#define SWARMS  0x2u /* only a swarm does this; left out on an engine */
#define ENGINES 0x4u /* does not work on the tests' swarm */

/* Equivalent spellings of lines of a Container. A container has at most one line of each group. */
static const struct choice {
    const char *group;
    const char *as[SPELLINGS]; /* NULL: same as the previous one */
    unsigned flags;
} choices[] = {
    {"command", {"command: [sleep, \"1000\"]", "command: sleep 1000", "command: \"sleep '1000'\""}},
    {"command", {"entrypoint: [sleep]\n  command: [\"2000\"]", "entrypoint: sleep\n  command: \"2000\""}},
    {"command", {"command: [sh, -c, \"sleep 3000; true\"]", "command: sh -c 'sleep 3000; true'"}},
    {"environment", {"environment: {A: one, B: two}", "environment: [\"B=two\", \"A=one\"]"}},
    {"environment",
     {"environment: {N: \"1\", T: \"true\"}", "environment: {T: true, N: 1}", "environment: [N=1, T=true]"}},
    {"environment",
     {"environment: {EMPTY: \"\", SPACE: \"a b=c\"}", "environment: [\"SPACE=a b=c\", \"EMPTY=\"]"}},
    {"labels",
     {"labels: {team: front, tier: \"1\"}", "labels: [\"tier=1\", \"team=front\"]",
      "labels: {tier: 1, team: front}"}},
    {"working_dir", {"working_dir: /tmp", "working_dir: \"/tmp\""}},
    {"user", {"user: \"0:0\"", "user: '0:0'"}},
    {"user", {"user: \"65534\"", "user: 65534"}},
    {"hostname", {"hostname: inside", "hostname: \"inside\""}},
    {"stop_signal", {"stop_signal: SIGKILL", "stop_signal: KILL", "stop_signal: sigkill"}},
    {"grace", {"stop_grace_period: 1s", "stop_grace_period: 1000ms", "stop_grace_period: 0m1s"}},
    {"restart", {"restart: always"}},
    {"restart", {"restart: unless-stopped"}, ENGINES},
    {"restart", {"restart: \"on-failure:3\"", "restart: on-failure:3"}},
    {"health",
     {"healthcheck: {test: [CMD, \"true\"], interval: 500ms, retries: 2}",
      "healthcheck: {retries: 2, interval: 0.5s, test: [CMD, \"true\"]}"}},
    {"health",
     {"healthcheck: {test: [CMD-SHELL, \"true\"], interval: 1s, timeout: 1m}",
      "healthcheck: {test: \"true\", interval: 1000ms, timeout: 60s}"}},
    {"health", {"healthcheck: {test: [NONE]}", "healthcheck: {disable: true}"}},
    {"resources",
     {"resources: {memory: 64MiB, cpus: 0.5}", "mem_limit: 65536k\n  cpus: \"0.50\"",
      "resources: {cpus: \"0.5\", memory: 67108864}"}},
    {"resources", {"resources: {pids: 50}", "pids_limit: 50"}},
    {"resources",
     {"resources: {memory: 128MiB, memory_reservation: 32MiB}", "mem_limit: 128m\n  mem_reservation: 32m",
      "resources: {memory_reservation: 32768KiB, memory: 0.125GiB}"}},
    {"resources", {"resources: {cpu_shares: 512}", "cpu_shares: 512"}, ENGINES},
    {"cap_add", {"cap_add: [CHOWN, NET_ADMIN]", "cap_add: [CAP_NET_ADMIN, chown]"}},
    {"cap_drop", {"cap_drop: [ALL]", "cap_drop: [all]"}},
    {"cap_drop", {"cap_drop: [KILL, MKNOD]", "cap_drop: [cap_mknod, kill]"}},
    {"read_only", {"read_only: true", "read_only: yes", "read_only: on"}},
    {"init", {"init: true", "init: yes"}},
    {"tty", {"tty: true", "tty: True"}},
    {"stdin", {"stdin_open: true", "stdin_open: TRUE"}},
    {"dns", {"dns: [9.9.9.9]", "dns: 9.9.9.9"}},
    {"dns_search", {"dns_search: [example.test]", "dns_search: example.test"}},
    {"extra_hosts",
     {"extra_hosts: {db: 10.0.0.7}", "extra_hosts: [\"db:10.0.0.7\"]", "extra_hosts: [\"db=10.0.0.7\"]"}},
    {"sysctls",
     {"sysctls: {net.core.somaxconn: \"512\"}", "sysctls: [\"net.core.somaxconn=512\"]",
      "sysctls: {net.core.somaxconn: 512}"}},
    {"ulimits", {"ulimits: {nofile: {soft: 1024, hard: 1024}}", "ulimits: {nofile: 1024}"}},
    {"ulimits", {"ulimits: {nproc: {soft: 256, hard: 512}}", "ulimits: {nproc: {hard: 512, soft: 256}}"}},
    {"tmpfs", {"tmpfs: [/scratch]", "tmpfs: /scratch"}},
    {"tmpfs", {"tmpfs: [\"/scratch:size=1m,mode=755\"]", "tmpfs: {/scratch: \"size=1m,mode=755\"}"}},
    {"volumes",
     {"volumes: [\"data:/data\"]", "volumes: [{type: volume, source: data, target: /data}]",
      "volumes: [\"data:/data:rw\"]"}},
    {"volumes",
     {"volumes: [\"data:/data:ro\", \"/tmp:/host:ro\"]",
      "volumes: [{type: bind, source: /tmp, target: /host, read_only: true}, \"data:/data:ro\"]"}},
    {"volumes", {"volumes: [{type: tmpfs, target: /fast}]", "volumes: [{target: /fast, type: tmpfs}]"}},
    {"configs", {"configs: [page]", "configs: [{source: page}]", "configs: [{source: page, target: /page}]"}},
    {"configs",
     {"configs: [{source: page, target: /etc/page, mode: \"0440\"}]",
      "configs: [{target: /etc/page, source: page, mode: 0440}]"}},
    {"networks", {"networks: [back]", "networks: {back: {}}", "networks: {back: }"}},
    {"networks",
     {"networks: {back: {aliases: [x, y]}, front: {}}", "networks: {front: , back: {aliases: [y, x]}}"}},
    {"networks", {"networks: [front, back]", "networks: [back, front]", "networks: {front: {}, back: {}}"}},
    {"networks", {"network_mode: none"}, ENGINES},
    {"ports", {"ports: [\"80\"]", "ports: [80]", "ports: [{target: 80}]"}, ENGINES},
    {"ports",
     {"ports: [\"8080:80\", \"8443:443/udp\"]",
      "ports: [{target: 443, published: 8443, protocol: udp}, {target: 80, published: \"8080\"}]",
      "ports: [\"8443:443/udp\", \"8080:80/tcp\"]"},
     PLANS},
    {"ports", {"ports: [\"8000-8001:80-81\"]", "ports: [\"8000:80\", \"8001:81\"]"}, PLANS},
    {"ports", {"ports: [\"127.0.0.1:9000-9005:80\"]"}, PLANS},
    {"expose", {"expose: [\"90\"]", "expose: [90]", "expose: [\"90/tcp\"]"}},
    {"logging",
     {"logging: {driver: json-file, options: {max-size: 1m}}",
      "logging: {options: {max-size: \"1m\"}, driver: json-file}"}},
    {"group_add", {"group_add: [\"10\", \"20\"]", "group_add: [20, 10]"}},
    {"oom", {"oom_score_adj: 100", "oom_score_adj: \"100\""}, ENGINES},
    {"shm_size", {"shm_size: 32MiB", "shm_size: 32m", "shm_size: 33554432"}, ENGINES},
    {"security_opt",
     {"security_opt: [no-new-privileges]", "security_opt: [\"no-new-privileges:true\"]",
      "security_opt: [\"no-new-privileges=true\"]"},
     ENGINES},
    {"devices", {"devices: [\"/dev/null:/dev/x\"]", "devices: [\"/dev/null:/dev/x:rwm\"]"}, ENGINES},
    {"ipc", {"ipc: private"}, ENGINES},
    {"ipc", {"ipc: shareable"}, ENGINES},
    {"pid", {"pid: host"}, ENGINES},
    {"annotations", {"annotations: {note: it}", "annotations: [note=it]"}, ENGINES},
    {"domainname", {"domainname: example.test"}, ENGINES},
    {"privileged", {"privileged: true", "privileged: yes"}, PLANS},
    {"runtime", {"runtime: other"}, PLANS},
    {"replicas", {"replicas: 2", "scale: 2"}},
    {"replicas", {"replicas: 0", "scale: 0"}},
    {"update", {"update: {order: start-first}"}, ENGINES},
    {"update",
     {"update: {order: stop-first, parallelism: 2}", "update: {parallelism: 2, order: stop-first}"},
     ENGINES},
    {"deploy",
     {"deploy: {endpoint_mode: dnsrr, update_config: {monitor: 500ms}}",
      "deploy: {update_config: {monitor: 0.5s}, endpoint_mode: dnsrr}"},
     SWARMS},
    {"deploy",
     {"deploy: {endpoint_mode: dnsrr, update_config: {monitor: 500ms}, labels: {x: y, n: \"1\"}}",
      "deploy: {endpoint_mode: dnsrr, update_config: {monitor: 500ms}, labels: [n=1, x=y]}"},
     SWARMS},
    {"deploy",
     {"deploy: {endpoint_mode: dnsrr, update_config: {monitor: 500ms}, placement: {constraints: "
      "[node.role==manager]}}",
      "deploy: {endpoint_mode: dnsrr, update_config: {monitor: 500ms}, placement: {constraints: [\"node.role "
      "== manager\"]}}"},
     SWARMS},
    {"deploy",
     {"deploy: {endpoint_mode: dnsrr, update_config: {monitor: 500ms}, restart_policy: {condition: any, "
      "delay: 1s, window: 1m}}",
      "deploy: {endpoint_mode: dnsrr, update_config: {monitor: 500ms}, restart_policy: {condition: any, "
      "delay: 1000ms, window: 60s}}"},
     SWARMS},
    {"deploy",
     {"deploy: {endpoint_mode: dnsrr, update_config: {monitor: 500ms}, resources: {reservations: {memory: "
      "16MiB}}}",
      "deploy: {endpoint_mode: dnsrr, update_config: {monitor: 500ms}, resources: {reservations: {memory: "
      "16384k}}}"},
     SWARMS},
};

/* splitmix64 */
unsigned dice_roll(struct dice *d, unsigned sides)
{
    uint64_t z = d->state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (unsigned)((z ^ (z >> 31)) % sides);
}

static struct manifest_doc *add_doc(struct manifests *m, const char *kind, const char *name)
{
    const struct manifest_doc doc = {.kind = kind, .name = name};
    arena_push(m->arena, m->docs, m->n, m->cap, doc);
    return &m->docs[m->n - 1];
}

static void add_line(struct manifests *m, struct manifest_doc *doc, const char *const as[SPELLINGS])
{
    struct manifest_line line = {0};
    for (size_t i = 0; i < SPELLINGS; i++)
        line.spelling[i] = as[i] ? as[i] : line.spelling[i - 1];
    arena_push(m->arena, doc->lines, doc->n, doc->cap, line);
}

static bool is_fit(const struct choice *c, enum manifests_for what)
{
    static const unsigned unfit[] = {[FOR_PLANS] = 0,
                                     [FOR_ENGINES] = PLANS | SWARMS,
                                     [FOR_SWARMS] = PLANS | ENGINES,
                                     [FOR_ALL] = PLANS | ENGINES | SWARMS};
    return !(c->flags & unfit[what]);
}

/* Each group is chosen with its own probability, and a random member of it is added. */
static void add_fields(struct dice *d, struct manifests *m, struct manifest_doc *doc, enum manifests_for what)
{
    for (size_t i = 0, next; i < ARRAY_LEN(choices); i = next) {
        const struct choice *fit[ARRAY_LEN(choices)];
        unsigned n = 0;
        for (next = i; next < ARRAY_LEN(choices) && str_eq(choices[next].group, choices[i].group); next++)
            if (is_fit(&choices[next], what))
                fit[n++] = &choices[next];
        bool always = what == FOR_SWARMS && str_eq(choices[i].group, "deploy");
        bool taken = dice_roll(d, 100) < 15 || always;
        unsigned which = dice_roll(d, n ? n : 1);
        if (n && taken)
            add_line(m, doc, fit[which]->as);
    }
}

static void add_needs(struct dice *d, struct manifests *m, struct manifest_doc *doc, unsigned i)
{
    static const char *const as[][SPELLINGS] = {
        {"depends_on: [c0]", "depends_on: {c0: {condition: started}}", "depends_on: {c0: started}"},
        {"depends_on: {c0: healthy}", "depends_on: {c0: {condition: healthy}}",
         "depends_on: {c0: {condition: service_healthy}}"},
    };
    if (i > 0 && dice_roll(d, 3) == 0)
        add_line(m, doc, as[dice_roll(d, 2)]);
}

static void add_objects(struct dice *d, struct manifests *m)
{
    static const char *const networks[] = {"back", "front"};
    static const char *const internal[SPELLINGS] = {"internal: true", "internal: yes"};
    static const char *const labels[SPELLINGS] = {"labels: {a: b, c: \"1\"}", "labels: [c=1, a=b]"};
    static const char *const pages[][SPELLINGS] = {
        {"content: \"hello\\n\"", "content: |\n    hello", "content: 'hello\n\n    '"},
        {"content: other", "content: \"other\""},
    };
    for (size_t i = 0; i < ARRAY_LEN(networks); i++) {
        struct manifest_doc *doc = add_doc(m, "Network", networks[i]);
        if (dice_roll(d, 4) == 0)
            add_line(m, doc, internal);
        if (dice_roll(d, 4) == 0)
            add_line(m, doc, labels);
    }
    struct manifest_doc *volume = add_doc(m, "Volume", "data");
    if (dice_roll(d, 4) == 0)
        add_line(m, volume, labels);
    add_line(m, add_doc(m, "Config", "page"), pages[dice_roll(d, 2)]);
}

void manifests_roll(struct dice *d, enum manifests_for what, const char *image, struct arena *a,
                    struct manifests *ret)
{
    static const char *const names[] = {"c0", "c1", "c2"};
    *ret = (struct manifests){.arena = a};
    add_objects(d, ret);
    unsigned containers = 1 + dice_roll(d, ARRAY_LEN(names));
    for (unsigned i = 0; i < containers; i++) {
        struct manifest_doc *doc = add_doc(ret, "Container", names[i]);
        const char *const as[SPELLINGS] = {arena_printf(a, "image: %s", image),
                                           arena_printf(a, "image: \"%s\"", image)};
        add_line(ret, doc, as);
        add_fields(d, ret, doc, what);
        add_needs(d, ret, doc, i);
    }
}

void manifests_print(const struct manifests *m, unsigned spelling, struct buf *out)
{
    for (size_t i = 0; i < m->n; i++) {
        const struct manifest_doc *doc = &m->docs[i];
        size_t lines = 0;
        if (doc->out)
            continue;
        buf_addf(out, "---\napiVersion: forge/v1\nkind: %s\nmetadata: {name: %s}\nspec:", doc->kind,
                 doc->name);
        /* The order of keys does not matter either. */
        for (size_t k = 0; k < doc->n; k++) {
            const struct manifest_line *line = &doc->lines[spelling % 2 ? doc->n - 1 - k : k];
            if (!line->out)
                buf_addf(out, "\n  %s", line->spelling[spelling % SPELLINGS]);
            lines += !line->out;
        }
        buf_adds(out, lines ? "\n" : " {}\n");
    }
}

static bool try_out(bool *out, const struct manifests *m, bool (*holds)(void *, const struct manifests *),
                    void *arg)
{
    if (*out)
        return false;
    *out = true;
    *out = holds(arg, m);
    return *out;
}

void manifests_shrink(struct manifests *m, bool (*holds)(void *arg, const struct manifests *m), void *arg)
{
    for (bool less = true; less;) {
        less = false;
        for (size_t i = m->n; i-- > 0;)
            less |= try_out(&m->docs[i].out, m, holds, arg);
        for (size_t i = 0; i < m->n; i++)
            for (size_t k = m->docs[i].n; !m->docs[i].out && k-- > 0;)
                less |= try_out(&m->docs[i].lines[k].out, m, holds, arg);
    }
}
