#include <scsi/compare_and_write.h> // IWYU pragma: associated
