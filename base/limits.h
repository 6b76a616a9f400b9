#ifndef BASE_LIMITS_H
#define BASE_LIMITS_H
/*
 * Every limit on every input, in one place. Exceeding a limit is an ERR_LIMIT error that names the limit and
 * the place; nothing is silently truncated.
 */
#define LIMIT_MANIFEST_BYTES     (1u << 20)   /* one manifest file */
#define LIMIT_TREE_ENTRIES       200000u      /* paths under an environment's path */
#define LIMIT_TREE_DEPTH         64u          /* nested folders */
#define LIMIT_TREE_BYTES         (256u << 20) /* all manifests of one environment */
#define LIMIT_PATH_BYTES         1024u        /* one path */
#define LIMIT_YAML_DEPTH         64u          /* nesting in one document */
#define LIMIT_YAML_NODES         100000u      /* nodes of one file, aliases counted each time they are used */
#define LIMIT_YAML_ALIASES       1000u        /* uses of aliases in one file */
#define LIMIT_YAML_DOCUMENTS     1000u        /* documents of one file */
#define LIMIT_SCALAR_BYTES       (256u << 10) /* one scalar, except the content of a Config */
#define LIMIT_CONFIG_BYTES       (1u << 20)   /* content of one Config */
#define LIMIT_EXPANSION_BYTES    (64u << 20) /* all text of one environment that holds references, resolved */
#define LIMIT_EXPANDED_ITEMS     200000u     /* ports that ranges expand to, in one environment */
#define LIMIT_OVERLAY_VALUES     (16u << 20) /* values that overlays and defaults merge, in one environment */
#define LIMIT_ENV_VARIABLES      10000u      /* variables of one container that come from files */
#define LIMIT_COMPOSE_FILES      256u        /* files of one compose project */
#define LIMIT_COMPOSE_DEPTH      32u      /* nested includes, and chains of services extending each other */
#define LIMIT_COMPOSE_NODES      1000000u /* values of one compose project, after merging and extending */
#define LIMIT_COMPOSE_FOLDER     64u      /* files of a repository folder that a bind mount includes */
#define LIMIT_PROJECT_ITEMS      256u /* paths, patterns, profiles and patch files of one environment, each */
#define LIMIT_NAME_BYTES         63u  /* a resource's or environment's name: a DNS label */
#define LIMIT_RESOURCES          50000u        /* resources of one environment */
#define LIMIT_TARGETS            256u          /* engines of one settings file */
#define LIMIT_REPLICAS           1000u         /* instances of one resource */
#define LIMIT_DIAGNOSTICS        1000u         /* problems reported for one commit; the rest is counted */
#define LIMIT_HTTP_HEADER_BYTES  (64u << 10)   /* headers of one answer */
#define LIMIT_HTTP_BODY_BYTES    (128u << 20)  /* one answer of an engine (a listing of 100,000 containers) */
#define LIMIT_HTTP_ERROR_BYTES   (16u << 10)   /* read of an error answer */
#define LIMIT_EVENT_BYTES        (256u << 10)  /* one event of a stream */
#define LIMIT_FETCH_BYTES        (16ull << 30) /* one download from a Git server */
#define LIMIT_REFS_BYTES         (64u << 20)   /* the list of refs that a Git server sends before that */
#define LIMIT_REGISTRY_BYTES     (16u << 20)   /* one answer of a registry */
#define LIMIT_REGISTRY_TAGS      100000u       /* tags of one repository */
#define LIMIT_SETTINGS_BYTES     (1u << 20)    /* settings file */
#define LIMIT_CONTROL_BYTES      (16u << 20)   /* one request on the control socket */
#define LIMIT_CHILD_OUTPUT_BYTES (4u << 20)    /* kept output of a child process */
#define LIMIT_STORE_VALUE_BYTES  (64u << 20)   /* one record of the store */
#define LIMIT_WORKERS            64u           /* threads of the worker pool */
#endif
