#include <scsi/report_luns.h> // IWYU pragma: associated
