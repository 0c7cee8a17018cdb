#include <scsi/write_same.h> // IWYU pragma: associated
