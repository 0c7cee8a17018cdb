#include <scsi/verify.h> // IWYU pragma: associated
