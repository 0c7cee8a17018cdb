#include <scsi/start_stop_unit.h> // IWYU pragma: associated
