#include <scsi/unit_attention.h> // IWYU pragma: associated
