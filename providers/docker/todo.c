#include "providers/docker/docker.h"
int docker_watch_open(struct provider *p, const char *owner, struct watch *w, struct err *err)
{
    (void)p;
    (void)owner;
    (void)w;
    return err_set(err, ERR_UNSUPPORTED, "no");
}
int docker_watch_dispatch(struct watch *w, struct err *err)
{
    (void)w;
    return err_set(err, ERR_UNSUPPORTED, "no");
}
void docker_watch_close(struct watch *w)
{
    (void)w;
}
int docker_exec(struct provider *p, const struct exec_request *rq, const struct cancel *c, int *ret_exit,
                struct err *err)
{
    (void)p;
    (void)rq;
    (void)c;
    (void)ret_exit;
    return err_set(err, ERR_UNSUPPORTED, "no");
}
int docker_logs(struct provider *p, const struct logs_request *rq, const struct cancel *c, struct err *err)
{
    (void)p;
    (void)rq;
    (void)c;
    return err_set(err, ERR_UNSUPPORTED, "no");
}
int docker_stats(struct provider *p, const char *native, struct stats_sample *ret, struct err *err)
{
    (void)p;
    (void)native;
    (void)ret;
    return err_set(err, ERR_UNSUPPORTED, "no");
}
void docker_last_words(struct docker *d, const char *native, struct buf *out)
{
    (void)d;
    (void)native;
    (void)out;
}
