#include <scsi/lun.h> // IWYU pragma: associated
