#include <scsi/cdb.h> // IWYU pragma: associated
