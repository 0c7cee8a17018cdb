#include <scsi/unmap_parameters.h> // IWYU pragma: associated
