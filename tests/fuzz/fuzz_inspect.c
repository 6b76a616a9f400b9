/* Descriptions of containers, networks, volumes and images by an engine that may be anybody. */
#include "base/str.h"
#include "providers/containers/containers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct arena a = ARENA_INIT;
    struct err err = {0};
    struct object o;
    struct image_info image;
    struct engine_facts facts = {0};
    json_t *j = json_loadb((const char *)data, len, 0, NULL), *body = NULL;
    if (j) {
        image_read(&a, j, &image);
        (void)image_digest(&a, j, "r.example/web:1");
        (void)facts_read(&a, j, &facts);
        (void)!network_read(&a, j, &o, &err);
        (void)!volume_read(&a, j, &o, &err);
        if (container_read(&a, j, &image, &o, &err) == 0) {
            o.defaults = container_defaults(&a, &o, &image, &facts);
            /* Whatever was read can be asked for again. */
            if (container_write(&a, &(struct create_request){.spec = o.spec, .api = API_OLDEST}, &body,
                                &err) == 0)
                json_decref(body);
            body = NULL;
            if (container_write_update(o.spec, o.defaults, &body, &err) == 0)
                json_decref(body);
        }
        json_decref(j);
    }
    (void)refusal_read(500, (const char *)data, len, &err);
    arena_release(&a);
    return 0;
}
