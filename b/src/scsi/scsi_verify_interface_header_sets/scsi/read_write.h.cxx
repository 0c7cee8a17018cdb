#include <scsi/read_write.h> // IWYU pragma: associated
