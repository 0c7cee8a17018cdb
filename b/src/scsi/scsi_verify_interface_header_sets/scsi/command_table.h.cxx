#include <scsi/command_table.h> // IWYU pragma: associated
