#include <scsi/parameter_requests.h> // IWYU pragma: associated
