/* Stands between the hub and its kernel, and lets calls of one worker fail (LD_PRELOAD). A worker
 * is a thread whose name begins with "actix-rt|". */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <unistd.h>

static atomic_flag done = ATOMIC_FLAG_INIT;

static int in_worker(void) {
    char name[16] = "";
    prctl(PR_GET_NAME, name);
    return strncmp(name, "actix-rt|", 9) == 0;
}

/* A worker that starts has no file left, or never gets any further. */
int epoll_create1(int flags) {
    static int (*real)(int);
    if (!real) real = dlsym(RTLD_NEXT, "epoll_create1");
    const char *what = getenv("FAULT_AT_START");
    if (what && in_worker()) {
        while (strcmp(what, "hang") == 0) pause();
        errno = EMFILE;
        return -1;
    }
    return real(flags);
}

/* As soon as a file with the given name exists, the first worker that looks for news dies: an
 * epoll instance that can't be asked is the end of its runtime. */
int epoll_wait(int epoll, struct epoll_event *events, int max, int timeout) {
    static int (*real)(int, struct epoll_event *, int, int);
    if (!real) real = dlsym(RTLD_NEXT, "epoll_wait");
    const char *when = getenv("FAULT_WHEN");
    if (when && in_worker() && access(when, F_OK) == 0 && !atomic_flag_test_and_set(&done)) {
        errno = EBADF;
        return -1;
    }
    return real(epoll, events, max, timeout);
}
