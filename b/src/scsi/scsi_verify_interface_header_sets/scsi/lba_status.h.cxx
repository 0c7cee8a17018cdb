#include <scsi/lba_status.h> // IWYU pragma: associated
