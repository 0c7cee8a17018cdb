#include <scsi/medium_access.h> // IWYU pragma: associated
