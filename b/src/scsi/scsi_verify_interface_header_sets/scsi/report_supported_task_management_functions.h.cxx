#include <scsi/report_supported_task_management_functions.h> // IWYU pragma: associated
