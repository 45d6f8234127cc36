/* Stands between the hub and its kernel, and lets calls fail (LD_PRELOAD): those of one worker, a
 * thread whose name begins with "actix-rt|", or those of the thread that writes the history. What
 * an environment variable names happens as long as the file is there that it is set to. */
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

static int in_thread(const char *begin) {
    char name[16] = "";
    prctl(PR_GET_NAME, name);
    return strncmp(name, begin, strlen(begin)) == 0;
}

static int in_worker(void) {
    return in_thread("actix-rt|");
}

static int is_now(const char *what) {
    const char *when = getenv(what);
    return when && in_thread("history") && access(when, F_OK) == 0;
}

/* A disk that can't be written. And where more was written than was asked for, the standard library
 * panics. */
ssize_t pwrite64(int file, const void *bytes, size_t length, off64_t offset) {
    static ssize_t (*real)(int, const void *, size_t, off64_t);
    if (!real) real = dlsym(RTLD_NEXT, "pwrite64");
    if (is_now("FAULT_WRITER")) return length + 1;
    if (is_now("FAULT_DISK")) {
        errno = EIO;
        return -1;
    }
    return real(file, bytes, length, offset);
}

/* A disk that does not answer, or can't keep what it has taken. */
int fdatasync(int file) {
    static int (*real)(int);
    if (!real) real = dlsym(RTLD_NEXT, "fdatasync");
    while (is_now("FAULT_STALL")) usleep(1000);
    if (is_now("FAULT_SYNC")) {
        errno = EIO;
        return -1;
    }
    return real(file);
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
