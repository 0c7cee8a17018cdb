#include <scsi/report_supported_operation_codes.h> // IWYU pragma: associated
