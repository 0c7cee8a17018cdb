#include <scsi/testing_bytes.h> // IWYU pragma: associated
