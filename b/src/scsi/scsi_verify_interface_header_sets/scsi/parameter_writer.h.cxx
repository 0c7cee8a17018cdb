#include <scsi/parameter_writer.h> // IWYU pragma: associated
