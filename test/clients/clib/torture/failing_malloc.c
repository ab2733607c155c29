/* Preloaded: an allocator and sockets that fail when they are told to, and count what is held. */
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>

/* glibc's own, under the names that it keeps for this. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *ptr, size_t size);
void __libc_free(void *ptr);

void failing_malloc_at(long n);
long failing_malloc_count(void);
long failing_malloc_live(void);

static atomic_long fail_at, counted, live;

/* The call with number n from now on fails; 0: none. */
void failing_malloc_at(long n)
{
    atomic_store(&counted, 0);
    atomic_store(&fail_at, n);
}

long failing_malloc_count(void)
{
    return atomic_load(&counted);
}

long failing_malloc_live(void)
{
    return atomic_load(&live);
}

static int must_fail(void)
{
    long number = atomic_fetch_add(&counted, 1) + 1;
    if (number != atomic_load(&fail_at))
        return 0;
    return 1;
}

static void *no_memory(void)
{
    errno = ENOMEM;
    return NULL;
}

static void *held(void *made)
{
    if (made)
        atomic_fetch_add(&live, 1);
    return made;
}

void *malloc(size_t size)
{
    return must_fail() ? no_memory() : held(__libc_malloc(size));
}

void *calloc(size_t count, size_t size)
{
    return must_fail() ? no_memory() : held(__libc_calloc(count, size));
}

void *realloc(void *ptr, size_t size)
{
    if (must_fail())
        return no_memory();
    void *made = __libc_realloc(ptr, size);
    return ptr ? made : held(made);
}

void free(void *ptr)
{
    if (ptr)
        atomic_fetch_sub(&live, 1);
    __libc_free(ptr);
}

/* -- Sockets: what fails looks like a peer that is gone -- */

/* What dlsym returns is a function here; ISO C has no cast for that. */
#define REAL(declaration, name)                                                                    \
    declaration;                                                                                   \
    *(void **)&real = dlsym(RTLD_NEXT, name)

int socket(int domain, int type, int protocol)
{
    REAL(int (*real)(int, int, int), "socket");
    if (must_fail()) {
        errno = EMFILE;
        return -1;
    }
    return real(domain, type, protocol);
}

int connect(int fd, const struct sockaddr *addr, socklen_t len)
{
    REAL(int (*real)(int, const struct sockaddr *, socklen_t), "connect");
    if (must_fail()) {
        errno = ENETUNREACH;
        return -1;
    }
    return real(fd, addr, len);
}

ssize_t send(int fd, const void *data, size_t len, int flags)
{
    REAL(ssize_t(*real)(int, const void *, size_t, int), "send");
    if (must_fail()) {
        errno = EPIPE;
        return -1;
    }
    /* Now and then in pieces. */
    return real(fd, data, len > 64 && atomic_load(&counted) % 3 == 0 ? len / 2 : len, flags);
}

ssize_t recv(int fd, void *data, size_t len, int flags)
{
    REAL(ssize_t(*real)(int, void *, size_t, int), "recv");
    if (must_fail()) {
        errno = ECONNRESET;
        return -1;
    }
    return real(fd, data, atomic_load(&counted) % 3 == 0 && len > 7 ? 7 : len, flags);
}
