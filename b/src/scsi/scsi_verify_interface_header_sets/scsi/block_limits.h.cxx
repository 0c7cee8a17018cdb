#include <scsi/block_limits.h> // IWYU pragma: associated
