/* A disk that takes its time: every flush lasts FSYNC_DELAY_US microseconds longer. For LD_PRELOAD. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>

typedef int (*flush)(int);

static void wait_for_the_disk(void) {
    static long delay = -1;
    if (delay < 0) {
        const char *text = getenv("FSYNC_DELAY_US");
        delay = text ? atol(text) : 0;
    }
    if (delay > 0) usleep((useconds_t)delay);
}

int fsync(int file) {
    static flush real;
    if (!real) real = (flush)dlsym(RTLD_NEXT, "fsync");
    wait_for_the_disk();
    return real(file);
}

int fdatasync(int file) {
    static flush real;
    if (!real) real = (flush)dlsym(RTLD_NEXT, "fdatasync");
    wait_for_the_disk();
    return real(file);
}
