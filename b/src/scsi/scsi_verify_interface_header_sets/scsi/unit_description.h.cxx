#include <scsi/unit_description.h> // IWYU pragma: associated
