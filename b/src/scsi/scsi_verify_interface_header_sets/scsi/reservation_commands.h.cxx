#include <scsi/reservation_commands.h> // IWYU pragma: associated
