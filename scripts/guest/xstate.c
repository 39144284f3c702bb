/* User-Mode-Linux on processors whose registers are more than it knows (AMX: 11 kB instead of 2.7 kB).
 *
 * It saves and restores the registers of its processes with a buffer of fixed size. Reading into a short buffer works,
 * but the host's kernel refuses to write less than all registers, and User-Mode-Linux stops at its first process. Loaded
 * into it by LD_PRELOAD, this writes all: what User-Mode-Linux has, and behind it what the process has already. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/types.h>
#include <sys/uio.h>

/* The largest that x86 has so far is 11 008 bytes. */
static _Thread_local char all_registers[64 * 1024] __attribute__((aligned(64)));

typedef long (*ptrace_function)(int request, pid_t process, void *address, void *data);

static long write_all(ptrace_function real, pid_t process, void *address, const struct iovec *known) {
    struct iovec all = {all_registers, sizeof all_registers};
    if (real(PTRACE_GETREGSET, process, address, &all) != 0)
        return -1;
    size_t length = known->iov_len < all.iov_len ? known->iov_len : all.iov_len;
    memcpy(all_registers, known->iov_base, length);
    return real(PTRACE_SETREGSET, process, address, &all);
}

long ptrace(enum __ptrace_request request, ...) {
    static _Atomic(ptrace_function) real;
    if (real == NULL)
        real = (ptrace_function)dlsym(RTLD_NEXT, "ptrace");

    va_list arguments;
    va_start(arguments, request);
    pid_t process = va_arg(arguments, pid_t);
    void *address = va_arg(arguments, void *);
    void *data = va_arg(arguments, void *);
    va_end(arguments);

    long result = real((int)request, process, address, data);
    if (result == -1 && request == PTRACE_SETREGSET && address == (void *)NT_X86_XSTATE && (errno == EFAULT || errno == EINVAL))
        return write_all(real, process, address, data);
    return result;
}
