#include <scsi/request_sense.h> // IWYU pragma: associated
