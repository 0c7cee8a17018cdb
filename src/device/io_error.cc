#include "device/io_error.h"

#include <cerrno>

namespace targe::device {

IoError io_error_of(int error, Attempt attempt) {
    switch (error) {
        case ENOSPC:
        case EDQUOT:
        case EFBIG:  // the file may not grow further
            return IoError::no_space;
        case EROFS:
        case EPERM:
        case EACCES:
        case EBADF:  // opened for reading
            return attempt == Attempt::write ? IoError::read_only : IoError::gone;
        case ENODEV:
        case ENXIO:
        case ENOENT:
        case ENOTDIR:
        case ENOMEDIUM:
        case ESTALE:
        case ESHUTDOWN:
        case ENOTCONN:
        case EHOSTDOWN:
            return IoError::gone;
        case ENOMEM:
        case ENOBUFS:
        case EAGAIN:
        case EINTR:
        case ECANCELED:
        case EMFILE:
        case ENFILE:
            return IoError::no_resources;
        default:
            return attempt == Attempt::write ? IoError::unwritable : IoError::unreadable;
    }
}

}  // namespace targe::device
