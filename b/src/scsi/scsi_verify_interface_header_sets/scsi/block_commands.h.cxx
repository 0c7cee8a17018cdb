#include <scsi/block_commands.h> // IWYU pragma: associated
