#include <scsi/parameter_cdbs.h> // IWYU pragma: associated
