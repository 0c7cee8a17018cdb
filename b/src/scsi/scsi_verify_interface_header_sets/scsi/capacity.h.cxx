#include <scsi/capacity.h> // IWYU pragma: associated
