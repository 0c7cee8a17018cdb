#include <scsi/cache.h> // IWYU pragma: associated
