#ifndef SCHEMA_KINDS_OBJECTS_H
#define SCHEMA_KINDS_OBJECTS_H
/*
 * The canonical forms of Network, Volume, Config and Secret specs. Fields that are not asked for are absent.
 *
 * Network
 * - driver: str (absent: bridge); driver_opts: {K: str}; labels: {KEY: str}
 * - ipam: {driver: str, options: {K: str}, config: {SUBNET: {gateway: str, ip_range: str,
 *   aux_addresses: {NAME: str}}}}, all of them optional
 * - internal, attachable, enable_ipv6: bool; enable_ipv4: bool (absent: true)
 * - name: str, the native name; external: bool, never made, changed or removed
 *
 * Volume
 * - driver: str (absent: local); driver_opts: {K: str}; labels: {KEY: str} (create-only)
 * - name, external: as for Network
 *
 * Config, once loaded (its `file` has been read and removed by then)
 * - content: str; with encoding "base64" the bytes are not text
 * - digest: str, SHA-256 of the bytes in hexadecimal (hidden)
 * - mode, uid, gid: defaults for containers that use it; loading copies them into their `configs`
 *
 * Secret
 * - file: str, absolute path on the host, read when a container is made; no byte of it is ever printed
 * - mode, uid, gid: defaults for containers that use it; loading copies them and `file` into their `secrets`
 */
#include "schema/resource.h"

extern const struct field_table network_table, volume_table, config_table, secret_table, project_table,
    stack_table;

/* The bytes of a Config, in the arena or borrowed from the resource; NUL-terminated. ERR_INVALID for broken
 * base64. */
int config_bytes(const struct resource *config, struct arena *a, const void **ret, size_t *ret_len,
                 struct err *err) _must_check_;
/* Set `content` (and `encoding` when it is needed) and `digest` for these bytes in a Config's spec. */
void config_set_bytes(struct arena *a, struct val *spec, const void *data, size_t len);
/* Decode base64 into the arena; NULL when it is not valid. White space is skipped. */
void *base64_decode(struct arena *a, const char *text, size_t len, size_t *ret_len);
char *base64_encode(struct arena *a, const void *data, size_t len);
#endif
