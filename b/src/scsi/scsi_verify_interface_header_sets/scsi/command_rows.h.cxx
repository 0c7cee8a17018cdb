#include <scsi/command_rows.h> // IWYU pragma: associated
