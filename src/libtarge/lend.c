// Reads that are answered from memory of the handler's own.
#include "libtarge/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

int targe_make_memory(uint64_t bytes, void** at) {
    const int descriptor = memfd_create("targe-lent", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (descriptor < 0) {
        return -errno;
    }
    void* mapped = MAP_FAILED;
    if (ftruncate(descriptor, (off_t)bytes) == 0 &&
        fcntl(descriptor, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0) {
        mapped = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    }
    if (mapped == MAP_FAILED) {
        const int why = errno;
        close(descriptor);
        return -why;
    }
    *at = mapped;
    return descriptor;
}

int targe_lend(struct targe_io* io, uint64_t at) {
    struct request* const request = (struct request*)io;
    const uint64_t bytes = request->queue->device->lent_bytes;
    if (!request->may_lend) {
        return -ENOTSUP;
    }
    if (at > bytes || io->length > bytes - at) {
        return -EINVAL;
    }
    request->lent = true;
    request->lent_at = at;
    return 0;
}
