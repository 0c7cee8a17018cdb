#include <scsi/inquiry.h> // IWYU pragma: associated
