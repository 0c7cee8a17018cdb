#include <scsi/unit_commands.h> // IWYU pragma: associated
