#include <scsi/sense.h> // IWYU pragma: associated
