#include <scsi/command_id.h> // IWYU pragma: associated
